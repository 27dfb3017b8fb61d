"""Write the tables of docs/ that follow from the code: settings, errors, commands, API.

Each table lies between `<!-- made by python -m tests.doc_tables: NAME -->` and `<!-- end -->`; the
text around it is written by hand. `--check` writes nothing and fails where a table is stale.
"""

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterable, Sequence

from core import errors
from core.config import Settings, describe_setting
from core.workspace import PROJECT_ROOT

_FOLDER = PROJECT_ROOT / "docs"
_SECTION = re.compile(
    r"(<!-- made by python -m tests.doc_tables: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL
)
_COLUMNS = "88"
"""Width of the terminal that the help of a command is written for."""


def write_tables(*, check: bool = False) -> list[str]:
    """Write the tables that are stale, or with `check` write nothing.

    Returns:
        Names of the documents whose tables were stale.
    """
    writers = (write_settings, write_errors, write_commands, write_api)
    tables = {write.__name__.removeprefix("write_"): write for write in writers}
    stale = []
    for file in sorted(_FOLDER.glob("*.md")):
        text = file.read_text(encoding="utf-8")
        made = _SECTION.sub(lambda found: f"{found[1]}\n{tables[found[2]]()}\n{found[3]}", text)
        if made != text:
            stale.append(file.name)
            if not check:
                file.write_text(made, encoding="utf-8")
    return stale


def write_settings() -> str:
    """Return the table of the environment variables."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`"
        rows.append((f"`PETALSCOPE_{name.upper()}`", default, describe_setting(name)))
    return _write_table(("variable", "default", "what"), rows)


def write_errors() -> str:
    """Return the table of the codes: the docstring of each error, cut after its first sentence."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    rows, texts = [], dict(errors.OTHER_CODES)
    for kind in kinds:
        if issubclass(kind, errors.PetalscopeError) and kind is not errors.PetalscopeError:
            texts[kind.code] = " ".join((kind.__doc__ or "").split())
    for code, text in sorted(texts.items()):
        happened, _, remedy = text.partition(". ")
        rows.append((f"`{code}`", happened.removesuffix("."), remedy.removesuffix(".")))
    return _write_table(("code", "what happened", "what to do"), rows)


def write_commands() -> str:
    """Return what each command says of itself when it is asked for help."""
    from core.cli.command import COMMANDS

    parts = []
    for name in COMMANDS:
        parts += [f"### {name}", "", "```text", _ask_for_help(name), "```", ""]
    return "\n".join(parts).rstrip()


def write_api() -> str:
    """Return the table of the addresses that the OpenAPI document names."""
    from core.serving.api import create_app

    rows = []
    for address, methods in create_app().openapi()["paths"].items():
        for method, said in methods.items():
            about = said["description"].split("\n\n")[0].replace("\n", " ")
            codes = ", ".join(said["responses"])
            rows.append((f"`{method.upper()} {address}`", f"{said['summary']}. {about}", codes))
    return _write_table(("address", "what", "answers with"), rows)


def _ask_for_help(name: str) -> str:
    from core.cli.command import main

    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = _COLUMNS
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
            main([name, "--help"])
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before
    return printed.getvalue().strip()


def _write_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    escaped = [[cell.replace("|", r"\|").replace("<", "&lt;") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *escaped]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


if __name__ == "__main__":
    checking = "--check" in sys.argv
    found = write_tables(check=checking)
    if checking and found:
        sys.exit(f"Stale: {', '.join(found)}. To write them again: python -m tests.doc_tables")
    print(f"Written: {', '.join(found) or 'nothing new'}.")
