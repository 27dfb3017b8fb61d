"""What a command hands back, as text or as one JSON document, and what is written on the way.

Progress is written to stderr: one line that rewrites itself on a terminal, sparse lines elsewhere.
"""

import dataclasses
import json
import math
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO

from core.errors import ExportRefused, PetalscopeError, name_command
from core.workspace import write_atomically

if TYPE_CHECKING:
    from data.importing import Progress

_NUMBERS = set("0123456789.,%+-–× ")
_TERMINAL_INTERVAL_S = 0.1
_LOG_INTERVAL_S = 5.0


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A result for people (`text`) and for programs (`document`)."""

    text: str
    document: Mapping[str, Any]
    exit_code: int = 0
    to_stderr: bool = False
    """The text is a complaint, not a result."""


class ProgressLine:
    """Shows how far the phase that is going has come; a new phase begins a new line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rewrites = stream.isatty()
        self._phase: str | None = None
        self._shown_at = 0.0
        self._line_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._close_line()

    def advance(self, phase: str, done: int, total: int, rest: str = "") -> None:
        """Show "<phase> 1,200 of 3,670 (33 %) <rest>", not more often than can be read."""
        now = time.monotonic()
        interval = _TERMINAL_INTERVAL_S if self._rewrites else _LOG_INTERVAL_S
        new_phase = phase != self._phase
        if not new_phase and now - self._shown_at < interval and done != total:
            return
        if new_phase:
            self._close_line()
        self._phase, self._shown_at = phase, now
        of_total = f" of {total:,} ({100 * done // total} %)" if total else ""
        text = f"{phase}: {done:,}{of_total}"
        self._show(f"{text}, {rest}" if rest else text)

    def report(self, step: "Progress") -> None:
        """Show how far an import or a new version is."""
        self.advance(step.phase, step.done, step.total)

    def note(self, text: str) -> None:
        """Show a line that stays."""
        self._close_line()
        self._phase = None
        print(text, file=self._stream, flush=True)

    def _show(self, text: str) -> None:
        if not self._rewrites:
            print(text, file=self._stream, flush=True)
            return
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[K{text[:width]}")
        self._stream.flush()
        self._line_open = True

    def _close_line(self) -> None:
        if self._line_open:
            self._stream.write("\n")
            self._line_open = False


def describe_error(error: PetalscopeError) -> Outcome:
    """Describe a command that ended with one of our errors."""
    document = {"error": error_document(error)}
    return Outcome(f"{error.problem}\n{error.remedy}", document, exit_code=1, to_stderr=True)


def error_document(error: PetalscopeError) -> dict[str, str]:
    """Describe the error as JSON output shows it."""
    return {"code": error.code, "problem": error.problem, "remedy": error.remedy}


def print_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """Print the outcome; an error says its text on stderr in either form."""
    if outcome.to_stderr:
        print(name_command(outcome.text), file=sys.stderr)
    if as_json:
        print(json.dumps(to_plain(outcome.document), indent=2, ensure_ascii=False, allow_nan=False))
    elif not outcome.to_stderr:
        print(name_command(outcome.text))


def to_plain(value: Any) -> Any:
    """Return the value in JSON's own types: tables as their rows, undefined numbers as null."""
    if dataclasses.is_dataclass(value):
        value = pick(value, *(field.name for field in dataclasses.fields(value)))
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
    if isinstance(value, Path):
        return str(value)
    return value


def format_table(headings: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Align the columns of a table; a column of figures only is set to the right."""
    table = [headings, *([_say_cell(cell) for cell in row] for row in rows)]
    columns = list(zip(*table, strict=True))
    widths = [max(map(len, column)) for column in columns]
    to_right = [len(c) > 1 and all(set(cell) <= _NUMBERS for cell in c[1:]) for c in columns]
    lines = []
    for row in table:
        cells = zip(row, widths, to_right, strict=True)
        parts = (cell.rjust(n) if right else cell.ljust(n) for cell, n, right in cells)
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _say_cell(cell: object) -> str:
    """Return a cell as text: whole numbers with separators, what is not known as a dash."""
    return "–" if cell is None else f"{cell:,}" if isinstance(cell, int) else str(cell)


def pick(one: object, *names: str) -> dict[str, Any]:
    """Return attributes of an object under their names."""
    return {name: getattr(one, name) for name in names}


@contextmanager
def write_named(file: Path) -> Iterator[Path]:
    """Write a file that a person named: yields a path beside it, which becomes it at the end.

    Raises:
        ExportRefused: It could not be written.
    """
    try:
        with write_atomically(file) as temporary:
            yield temporary
    except OSError as error:
        raise ExportRefused(
            f"“{file}” could not be written ({error.strerror}).", "Name another place."
        ) from error


def write_text(file: Path, text: str) -> None:
    """Write a text into a file that a person named.

    Raises:
        ExportRefused: It could not be written.
    """
    with write_named(file) as temporary:
        temporary.write_text(text, encoding="utf-8")


def check_free(*files: Path) -> None:
    """Refuse to write over a file that is there.

    Raises:
        ExportRefused: One is.
    """
    for file in files:
        if file.exists():
            raise ExportRefused(
                f"“{file}” is there already.", "Name another file, or add --force to replace it."
            )
