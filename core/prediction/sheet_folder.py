"""Sheets of many photos: written into a folder that goes on where it stopped, or packed as a ZIP.

sheets.json says which run and which style a folder is for; a folder of anything else is refused.
index.csv lists all sheets that stand there; it is written again at the end of each call.
"""

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from core.errors import ExportRefused
from core.formats import cell_text
from core.prediction.explaining import Explainer
from core.prediction.sheets import (
    Answer,
    SheetStyle,
    draw_sheet,
    encode_sheet,
    name_sheet,
    read_answer,
)
from core.workspace import write_atomically
from data.export import report_failure

MARK, INDEX = "sheets.json", "index.csv"
_VERSION = 1
_AGAIN = "call it again: it goes on where it stopped."


@dataclass(frozen=True, kw_only=True)
class SheetReport:
    """What stands in a folder of sheets now."""

    target: str
    written: int
    """Sheets drawn by this call."""
    kept: int
    """Sheets of this selection that were there already."""
    total: int
    """All sheets in the folder: those of other selections, too."""


def write_sheets(
    explainer: Explainer,
    run_id: str,
    photos: Sequence[int],
    target: Path,
    style: SheetStyle,
    on_progress: Callable[[int, int], None] | None = None,
) -> SheetReport:
    """Returns what was written: a sheet for each photo, and index.csv.

    Sheets that are there are left as they are, so a call that was interrupted goes on, and another
    selection of the same run and style is added.

    Args:
        explainer: Of the run.
        run_id: The run's.
        photos: Photo numbers.
        target: A folder that is new, empty, or holds sheets of this run and style.
        style: How sheets are drawn.
        on_progress: Called with sheets done and sheets in all.

    Raises:
        ExportRefused: The target holds something else, or may not be written.
        DiskFull: There is no room; what is there is whole, and the next call goes on.
    """
    target = target.expanduser().resolve()
    with report_failure(target, _AGAIN):
        _claim_folder(target, explainer, run_id, style)
        written = 0
        for done, photo in enumerate(photos, 1):
            answer = read_answer(explainer, int(photo))
            file = target / name_sheet(answer, style.form)
            if not file.exists():
                content = encode_sheet(draw_sheet(explainer, answer, style), style.form)
                with write_atomically(file) as temporary:
                    temporary.write_bytes(content)
                written += 1
            if on_progress:
                on_progress(done, len(photos))
        total = _write_index(target, explainer, style)
    return SheetReport(target=str(target), written=written, kept=len(photos) - written, total=total)


def pack_sheets(explainer: Explainer, photos: Sequence[int], style: SheetStyle) -> bytes:
    """Returns a ZIP of a sheet for each photo, and index.csv; about 40 kB a photo, in memory."""
    stream = io.BytesIO()
    named = []
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as packed:  # pictures do not shrink
        for photo in photos:
            answer = read_answer(explainer, int(photo))
            name = name_sheet(answer, style.form)
            packed.writestr(name, encode_sheet(draw_sheet(explainer, answer, style), style.form))
            named.append((name, answer))
        packed.writestr(INDEX, format_index(named))
    return stream.getvalue()


def format_index(named: Sequence[tuple[str, Answer]]) -> str:
    """Returns index.csv of (file name, answer), in their order."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(("file", *(field.name for field in fields(Answer))))
    for name, answer in named:
        values = asdict(answer)
        scores = {n: f"{values[n]:.4f}" for n in ("true_score", "predicted_score")}
        cells = [cell_text(v) if isinstance(v, str) else v for v in (values | scores).values()]
        writer.writerow((name, *cells))
    return stream.getvalue()


def _claim_folder(target: Path, explainer: Explainer, run_id: str, style: SheetStyle) -> None:
    """Returns nothing; the folder is there, for sheets of this run and style."""
    if target.exists() and not target.is_dir():
        raise ExportRefused(f"“{target}” is a file.", "Name a folder.")
    scores = zlib.crc32(explainer.result.scores.tobytes())
    wanted = {"version": _VERSION, "run": run_id, "scores": scores, **asdict(style)}
    mark = target / MARK
    if mark.exists():
        if _read_mark(mark) != wanted:
            raise ExportRefused(
                f"The folder “{target}” holds sheets of another run, or drawn in another way.",
                "Name another folder; or the same run, strength, ground and format as before.",
            )
        return
    if target.is_dir() and any(target.iterdir()):
        raise ExportRefused(
            f"The folder “{target}” is not empty.",
            "Name a folder that is empty or new, or one that this command began to fill.",
        )
    with write_atomically(mark) as temporary:
        temporary.write_text(json.dumps(wanted, indent=1), encoding="utf-8")


def _read_mark(mark: Path) -> object:
    try:
        return json.loads(mark.read_text(encoding="utf-8"))
    except ValueError:
        return None


def _write_index(target: Path, explainer: Explainer, style: SheetStyle) -> int:
    """Returns how many sheets stand in the folder; index.csv lists them by photo number."""
    named = []
    for file in sorted(target.glob(f"[0-9]*.{style.form}")):
        number = file.name.split(" ")[0]
        if number.isdecimal() and int(number) < len(explainer.dataset):
            answer = read_answer(explainer, int(number))
            if name_sheet(answer, style.form) == file.name:
                named.append((file.name, answer))
    with write_atomically(target / INDEX) as temporary:
        temporary.write_text(format_index(named), encoding="utf-8", newline="")
    return len(named)
