"""`docs`: the tables of docs/ that follow from the code: settings, errors, commands, API.

Each is found between `<!-- made by python -m core docs: NAME -->` and `<!-- end -->`; what is
around them is written by hand.
"""

import contextlib
import io
import os
import re
from argparse import Namespace
from collections.abc import Iterable, Sequence

from core import errors
from core.cli.command import command, flag
from core.cli.outcome import Outcome, ProgressLine
from core.config import Settings, describe_setting
from core.workspace import PROJECT_ROOT, Workspace

_FOLDER = PROJECT_ROOT / "docs"
_SECTION = re.compile(
    r"(<!-- made by python -m core docs: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL
)
_COLUMNS = "88"
"""Width of the terminal that the help of a command is written for."""


@command(flag("--check", "write nothing; the exit code is 1 if a table is stale"))
def docs(_workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Write the tables anew, or with --check say which are stale."""
    if not _FOLDER.is_dir():  # of an installed program
        return Outcome("There is no docs/ here.", {}, exit_code=1, to_stderr=True)
    writers = (write_settings, write_errors, write_commands, write_api)
    tables = {write.__name__.removeprefix("write_"): write for write in writers}
    stale = []
    for file in sorted(_FOLDER.glob("*.md")):
        text = file.read_text(encoding="utf-8")
        made = _SECTION.sub(lambda found: f"{found[1]}\n{tables[found[2]]()}\n{found[3]}", text)
        if made != text:
            stale.append(file.name)
            if not given.check:
                file.write_text(made, encoding="utf-8")
    document = {"stale": stale, "written": not given.check}
    if stale and given.check:
        text = f"Stale: {', '.join(stale)}. To write them anew: python -m core docs"
        return Outcome(text, document, exit_code=1, to_stderr=True)
    return Outcome(f"Written: {', '.join(stale) or 'nothing new'}.", document)


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
    rows = []
    for kind in kinds:
        if issubclass(kind, errors.PetalscopeError) and kind is not errors.PetalscopeError:
            told = " ".join((kind.__doc__ or "").split())
            happened, _, remedy = told.partition(". ")
            rows.append((f"`{kind.code}`", happened.removesuffix("."), remedy.removesuffix(".")))
    return _write_table(("code", "what happened", "what to do"), rows)


def write_commands() -> str:
    """Return what each command says of itself when it is asked for help."""
    from core.cli.entry import COMMANDS

    parts = []
    for name in COMMANDS:
        parts += [f"### {name}", "", "```text", _ask_for_help(name), "```", ""]
    return "\n".join(parts).rstrip()


def write_api() -> str:
    """Return the table of the addresses that the OpenAPI document names."""
    from core.serving.api import app

    rows = []
    for address, methods in app.openapi()["paths"].items():
        for method, said in methods.items():
            about = said["description"].split("\n\n")[0].replace("\n", " ")
            codes = ", ".join(said["responses"])
            rows.append((f"`{method.upper()} {address}`", f"{said['summary']}. {about}", codes))
    return _write_table(("address", "what", "answers with"), rows)


def _ask_for_help(name: str) -> str:
    from core.cli.entry import main

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
