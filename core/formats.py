"""Format numbers and names: rounded to what their n supports, and safe in Markdown."""

import base64
import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from core.errors import PetalscopeError

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
if TYPE_CHECKING:
    import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:<>&])")


def plain(name: str, limit: int | None = None) -> str:
    """Return a name that Markdown shows unchanged, cut to `limit` characters."""
    if limit is not None and len(name) > limit:
        name = name[: limit - 1] + "…"
    return _MARKDOWN.sub(r"\\\1", name)


def name_key(name: str) -> tuple[object, ...]:
    """Return the key that sorts names: numbers by value and first, letters without case."""
    if _NUMBER.fullmatch(name):
        return (0, float(name), name)
    parts = re.split(r"(\d+)", name.casefold())
    inside = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
    return (1, tuple(inside), name)


def sort_names(names: Iterable[str]) -> list[str]:
    """Return names in the order of all tables, charts and exports."""
    return sorted(names, key=name_key)


def settle_name(name: str, longest: int) -> str:
    """Return a typed name in the form that is stored; "" if it is empty, too long or invisible.

    Any script is allowed, normalised (NFC) and with single spaces. The only invisible characters
    allowed are the joiner and non-joiner (Persian, Hindi, emoji).
    """
    settled = " ".join(unicodedata.normalize("NFC", name).split())
    shapes = settled.replace("\u200c", "").replace("\u200d", "")
    return settled if shapes and shapes.isprintable() and len(settled) <= longest else ""


def check_name(
    name: str, longest: int, of: str, refused: type[PetalscopeError], *, fact: str = "name"
) -> str:
    """Return a typed name in the form that is stored.

    Args:
        of: The named thing, such as “a tag”.
        refused: The error for a name that is empty, too long or has invisible characters.
        fact: The name of the fact that holds the name.
    """
    settled = settle_name(name, longest)
    if not settled:
        raise refused(
            f"This name cannot be used for {of}.",
            f"Use 1 to {longest} letters, digits, symbols or spaces.",
            **{fact: name[:longest]},
        )
    return settled


def check_note(note: str, longest: int, refused: type[PetalscopeError]) -> str:
    """Return a note in the form that is stored, with single spaces."""
    settled = " ".join(note.split())
    if len(settled) > longest:
        raise refused(
            f"The note has {len(settled)} characters; {longest} are allowed.", "Shorten the note."
        )
    return settled


def cell_text(name: str) -> str:
    """Return a name as a cell of a CSV file; text that looks like a formula gets an apostrophe.

    Source: OWASP, “CSV Injection”.
    """
    return f"'{name}" if _FORMULA.match(name) else name


def guard_cells(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table for a CSV file: each text in it, and each head, as `cell_text` writes it."""
    guarded = table.map(lambda cell: cell_text(cell) if isinstance(cell, str) else cell)
    return guarded.rename(columns=cell_text)


def read_cell_text(cell: str) -> str:
    """Return the text that `cell_text` made a cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def data_uri(content: bytes, kind: str = "image/webp") -> str:
    """Return a picture as a data URI, for tables and reports."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def percent(share: float, n: int) -> str:
    """Return a share as a percentage, with a decimal only if n photos support it."""
    if math.isnan(share):
        return "–"
    return f"{100 * share:.{0 if n < 200 else 1}f} %"


def span(low: float, high: float, n: int) -> str:
    """Return "48 % to 92 %", rounded to what n photos support."""
    return f"{percent(low, n)} to {percent(high, n)}"


def interval(low: float, high: float, n: int) -> str:
    """Return a 95 % interval and the n behind it, in words."""
    return f"95 % interval {span(low, high, n)}, n = {n:,}"


def say_p(value: float) -> str:
    """Return a p-value: "p = 0.012", or "p < 0.0001"."""
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.2g}"


def percent_number(share: float, n: int) -> float:
    """Return a share in percent as a number for tables whose rows differ in their n."""
    return round(100 * share, 0 if n < 200 else 1)


def points(difference: float, n: int) -> str:
    """Return a difference of shares in percentage points, rounded to what n photos support."""
    said = f"{100 * difference:+z.{0 if n < 200 else 1}f}".replace("-", "−")
    return f"{said} point" if said in ("+1", "−1") else f"{said} points"


def points_range(low: float, high: float, n: int) -> str:
    """Return an interval in percentage points without the unit: "−0.3 to +2.4"."""
    return " to ".join(points(end, n).split()[0] for end in (low, high))


def percent_ranges(lows: Iterable[float], highs: Iterable[float]) -> list[str]:
    """Return intervals of shares in whole percent without the sign: "12 to 34"; "" for NaN."""
    ends = zip(lows, highs, strict=True)
    return ["" if math.isnan(low) else f"{100 * low:.0f} to {100 * high:.0f}" for low, high in ends]


def milliseconds(value: float) -> str:
    """Return a duration in whole milliseconds; a dash for NaN."""
    return "–" if math.isnan(value) else f"{value:,.0f} ms"


def percent_format(n: int) -> str:
    """Return the format of percentages (0 to 100) of n photos in a table."""
    return f"%.{0 if n < 200 else 1}f %%"


def count(number: int, noun: str) -> str:
    """Return "1 photo", "3,670 photos", "2 classes", "2 patches", "3 copies"."""
    plural = f"{noun}es" if noun.endswith(("s", "tch")) else f"{noun}s"
    if noun[-1] == "y" and noun[-2] not in "aeiou":
        plural = f"{noun[:-1]}ies"
    return f"{number:,} {noun if number == 1 else plural}"


def ordinal(number: int) -> str:
    """Return an ordinal number: “1st”, “2nd”, “11th”."""
    end = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 < number % 100 < 14 else end}"


def duration(seconds: float) -> str:
    """Return a duration in its two largest units."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def rough_duration(seconds: float) -> str:
    """Return an estimated duration in one unit; from 20 s on in steps of 5 s."""
    if seconds < 90:
        return f"{max(1.0, seconds if seconds < 20 else 5 * round(seconds / 5)):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def size(n_bytes: float) -> str:
    """Return a size in the largest fitting decimal unit."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


def moment(time: datetime | None) -> str:
    """Return a moment as date and minute in UTC, or a dash."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if time else "–"
