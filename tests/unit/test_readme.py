"""The README names everything a person can open, type, set or meet."""

import re
from pathlib import Path

import pytest

from core import errors
from core.cli.entry import COMMANDS
from core.config import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

TARGETS = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
CODES = sorted(
    {
        value.code
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.PetalscopeError)
    }
    - {"error"}
)


@pytest.mark.parametrize("page", sorted(path.stem for path in (ROOT / "pages").glob("*.py")))
def test_every_page_is_named(page: str) -> None:
    assert f"`{page}`" in README


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_named(command: str) -> None:
    assert f"python -m core {command}" in README


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_named(target: str) -> None:
    assert f"make {target}" in README


@pytest.mark.parametrize("setting", Settings.model_fields)
def test_every_setting_is_named(setting: str) -> None:
    assert f"PETALSCOPE_{setting.upper()}" in README


@pytest.mark.parametrize("code", CODES)
def test_every_error_code_is_named(code: str) -> None:
    assert f"`{code}`" in README


def test_every_file_it_shows_is_there() -> None:
    shown = re.findall(r"\]\(((?!https?:)[^)#]+)\)", README)
    assert shown
    assert not [path for path in shown if not (ROOT / path).is_file()]


def test_no_placeholder_is_left() -> None:
    assert not re.findall(r"^[A-Z_]{6,}$", README, re.M)
