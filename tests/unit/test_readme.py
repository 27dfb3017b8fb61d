"""The README names everything a person can open, type, set or meet."""

import re
from pathlib import Path

from core import errors
from core.cli.entry import COMMANDS
from core.config import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def list_missing(template: str, names: object) -> list[str]:
    """Return what the README does not hold of a template filled with each of the names."""
    wanted = [template.format(name) for name in names]
    assert wanted
    return [one for one in wanted if one not in README]


def test_every_page_is_named() -> None:
    assert not list_missing("`{}`", [path.stem for path in (ROOT / "pages").glob("*.py")])


def test_every_command_is_named() -> None:
    assert not list_missing("python -m core {}", COMMANDS)


def test_every_make_target_is_named() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert not list_missing("make {}", re.findall(r"^([a-z-]+):.*##", makefile, re.M))


def test_every_setting_is_named() -> None:
    assert not list_missing("PETALSCOPE_{}", [name.upper() for name in Settings.model_fields])


def test_every_error_code_is_named() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.code for kind in kinds if issubclass(kind, errors.PetalscopeError)} - {"error"}
    assert not list_missing("`{}`", sorted(codes))


def test_every_file_it_shows_is_there() -> None:
    shown = re.findall(r"\]\(((?!https?:)[^)#]+)\)", README)
    assert shown
    assert not [path for path in shown if not (ROOT / path).is_file()]


def test_no_placeholder_is_left() -> None:
    assert not re.findall(r"^[A-Z_]{6,}$", README, re.M)
