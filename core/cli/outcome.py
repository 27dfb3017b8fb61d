"""The result of a command, as text or as one JSON document, and its progress.

The result goes to stdout and the progress to stderr: on a terminal one line that rewrites itself,
in a log a line now and then.
"""

import itertools
import json
import math
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, TextIO

from core.errors import ExportRefused, PetalscopeError, name_command
from core.formats import moment
from core.workspace import write_atomically

_NUMBERS = set("0123456789.,%+-–× ")
_TERMINAL_INTERVAL_S, _LOG_INTERVAL_S = 0.1, 5.0


@dataclass(frozen=True)
class Outcome:
    """The result of a command: a document for programs, and lines or tables for people."""

    document: Mapping[str, Any]
    parts: Iterable[str] = ()
    """Empty ones are left out; without any, the document itself is printed as text."""
    exit_code: int = 0
    to_stderr: bool = False
    """Whether the text is an error, not a result."""

    @property
    def text(self) -> str:
        """The parts as text; a table has an empty line above and below."""
        parts = [part for part in self.parts if part] or [render(to_plain(self.document))]
        text = parts[0]
        for before, part in itertools.pairwise(parts):
            text += ("\n\n" if "\n" in before + part else "\n") + part
        return name_command(text)


class ProgressLine:
    """Shows the progress of one phase after another, each on a new line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rewrites = stream.isatty()
        self._phase: str | None = None
        self._shown_at = 0.0
        self._line_open = False

    def advance(self, phase: str, done: int, total: int, rest: str = "") -> None:
        """Show "<phase>: 1,200 of 3,670 (33 %), <rest>", not more often than can be read."""
        now = time.monotonic()
        interval = _TERMINAL_INTERVAL_S if self._rewrites else _LOG_INTERVAL_S
        if phase != self._phase:
            self.close()
        elif now - self._shown_at < interval and done != total:
            return
        self._phase, self._shown_at = phase, now
        of_total = f" of {total:,} ({100 * done // total} %)" if total else ""
        text = f"{phase}: {done:,}{of_total}{f', {rest}' if rest else ''}"
        if not self._rewrites:
            print(text, file=self._stream, flush=True)
            return
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[K{text[:width]}", end="", file=self._stream, flush=True)
        self._line_open = True

    def note(self, text: str) -> None:
        """Show a line that stays."""
        self.close()
        self._phase = None
        print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """End an open line."""
        if self._line_open:
            print(file=self._stream)
            self._line_open = False


def describe_error(error: PetalscopeError, **document: object) -> Outcome:
    """Return the outcome of a command that ended with an error."""
    document["error"] = {"code": error.code, "problem": error.problem, "remedy": error.remedy}
    return Outcome(document, (error.problem, error.remedy), exit_code=1, to_stderr=True)


def print_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """Print the outcome; the text of an error goes to stderr, with --json too."""
    if outcome.to_stderr:
        print(outcome.text, file=sys.stderr)
    if as_json:
        print(json.dumps(to_plain(outcome.document), indent=2, ensure_ascii=False, allow_nan=False))
    elif not outcome.to_stderr:
        print(outcome.text)


def to_plain(value: Any) -> Any:
    """Return the value in JSON's own types: tables as rows, undefined numbers as null."""
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): to_plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy's arrays and numbers, without importing NumPy
        return to_plain(value.tolist())
    if hasattr(value, "to_dict"):  # the tables of pandas
        return to_plain(value.to_dict("records"))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return str(value) if isinstance(value, Path) else value


def render(document: Mapping[str, Any]) -> str:
    """Return a document in JSON's types as text: a line for each value, then its tables."""
    values, tables = [], []
    for name, value in document.items():
        label = name.replace("_", " ")
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            tables.append(f"{label}\n{tabulate(value, ' '.join(value[0]))}")
        elif isinstance(value, Mapping):
            values += [(f"{label}: {key.replace('_', ' ')}", one) for key, one in value.items()]
        else:
            values.append((label, value))
    width = max((len(label) for label, _ in values), default=0)
    lines = [f"{label:{width}}  {_format_cell(value)}" for label, value in values]
    return "\n\n".join([*(["\n".join(lines)] if lines else []), *tables])


def tabulate(rows: Iterable[Any], columns: str, **named: Any) -> str:
    """Return objects or mappings as a table.

    Args:
        columns: Names of attributes or keys, as in “id name recipe.epochs”, which are the headings.
        named: More columns: heading → name of an attribute or key, or a function of a row.
    """
    every = {name.rpartition(".")[2]: name for name in columns.split()} | named
    headings = [heading.replace("_", " ") for heading in every]
    return format_table(headings, [[_read(row, one) for one in every.values()] for row in rows])


def _read(row: Any, column: Any) -> object:
    if callable(column):
        return column(row)
    return row[column] if isinstance(row, Mapping) else attrgetter(column)(row)


def format_table(headings: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Align the columns of a table; columns of figures are set to the right."""
    table = [headings, *([_format_cell(cell) for cell in row] for row in rows)]
    columns = list(zip(*table, strict=True))
    widths = [max(map(len, column)) for column in columns]
    to_right = [len(c) > 1 and all(set(cell) <= _NUMBERS for cell in c[1:]) for c in columns]
    lines = []
    for row in table:
        cells = zip(row, widths, to_right, strict=True)
        parts = (cell.rjust(n) if right else cell.ljust(n) for cell, n, right in cells)
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _format_cell(cell: object) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:.4g}"
    if isinstance(cell, datetime):
        return moment(cell)
    return ", ".join(map(_format_cell, cell)) if isinstance(cell, list | tuple) else str(cell)


def pick(one: object, *names: str) -> dict[str, Any]:
    """Return attributes of an object under their names."""
    return {name: getattr(one, name) for name in names}


def write_file(file: Path, content: str | bytes) -> None:
    """Write a file to the path that a person gave.

    Raises:
        ExportRefused: It cannot be written.
    """
    try:
        with write_atomically(file) as temporary:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise ExportRefused(
            f"“{file}” could not be written ({error.strerror}).", "Choose another path."
        ) from error


def check_free(*files: Path) -> None:
    """Refuse to overwrite files.

    Raises:
        ExportRefused: One of them exists.
    """
    for file in files:
        if file.exists():
            raise ExportRefused(
                f"“{file}” already exists.", "Choose another name, or replace it with --force."
            )
