"""README and docs/ say what is there: tables, commands, links, names. Each test lists offenders."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

from core import errors
from core.cli.command import COMMANDS, build_parser
from core.config import Settings
from core.serving.api import create_app
from tests.doc_tables import write_tables

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
TEXTS = {file: file.read_text(encoding="utf-8") for file in DOCUMENTS}


def list_found(pattern: str, flags: int = 0) -> Iterator[tuple[str, str]]:
    """Yield each document's name with each thing in it that the pattern finds."""
    for file, text in TEXTS.items():
        for found in re.findall(pattern, text, flags):
            yield file.name, found


def test_the_readme_is_two_pages() -> None:
    assert len(README.read_bytes()) <= 8_000


def test_the_tables_are_those_of_the_code() -> None:
    assert write_tables(check=True) == []


def test_every_command_in_a_block_is_one() -> None:
    wrong = []
    for document, block in list_found(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[:3] == ["python", "-m", "core"] and not is_parsed(words[3:]):
                wrong.append(f"{document}: {line}")
            if words[:1] == ["make"] and not re.search(rf"^{words[1]}:", make(), re.MULTILINE):
                wrong.append(f"{document}: {line}")
            if words[:1] == ["curl"] and not any(
                line.endswith(one) for one in create_app().openapi()["paths"]
            ):
                wrong.append(f"{document}: {line}")
    assert not wrong


def is_parsed(words: list[str]) -> bool:
    parser, _ = build_parser(words)
    try:
        parser.parse_args(words)
    except SystemExit:
        return False
    return True


def make() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_link_leads_somewhere() -> None:
    wrong = []
    for file, text in TEXTS.items():
        for link in re.findall(r"\]\(((?!https?:)[^)]+)\)", text):
            path, _, anchor = link.partition("#")
            target = (file.parent / path) if path else file
            if not target.is_file() or (anchor and anchor not in list_anchors(target)):
                wrong.append(f"{file.name}: {link}")
    assert not wrong


def list_anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def test_every_document_is_linked_from_the_readme() -> None:
    assert not [
        file.name for file in DOCUMENTS if f"{file.name})" not in TEXTS[README] and file != README
    ]


def test_every_page_and_target_is_named() -> None:
    text = "\n".join(TEXTS.values())
    wanted = [f"`{page.stem}`" for page in (ROOT / "pages").glob("*.py")]
    wanted += [f"make {target}" for target in re.findall(r"^([a-z-]+):.*##", make(), re.MULTILINE)]
    assert not [one for one in wanted if one not in text]


def test_no_name_is_of_something_that_is_gone() -> None:
    settings = {f"PETALSCOPE_{name.upper()}" for name in Settings.model_fields}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.code for kind in kinds if issubclass(kind, errors.PetalscopeError)}
    codes |= set(errors.OTHER_CODES)
    wrong = [one for one in list_found(r"PETALSCOPE_[A-Z0-9_]+") if one[1] not in settings]
    wrong += [one for one in list_found(r"python -m core ([a-z-]+)") if one[1] not in COMMANDS]
    wrong += [
        one for one in list_found(r"`(\w+_(?:refused|missing|failed))`") if one[1] not in codes
    ]
    paths = r"`((?:core|data|models|pages|tests|docs)/[\w/.-]+)`"
    wrong += [one for one in list_found(paths) if not (ROOT / one[1]).exists()]
    # The changelog names what went.
    assert not [one for one in wrong if one[0] != "CHANGELOG.md"]


def test_the_image_is_built_of_all_that_the_wheel_needs() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]
    needed = {name.split("/")[0] for name in build["build"]["targets"]["wheel"]["force-include"]}
    needed |= {"hatch_build.py", "pyproject.toml", "requirements.txt", "README.md"}
    taken = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert needed == {line[1:] for line in taken if line.startswith("!")}
    assert not [name for name in needed if not (ROOT / name).exists()]
