"""Apply the edits in the tray as a new version, or write and read them as CSV.

Edits leave the tray only after their version exists.
"""

import csv
import io
from collections.abc import Callable, Iterator

from core.datasets.edits.changes import Wish, settle_wish
from core.datasets.edits.tray import (
    check_there,
    forget_edits,
    list_classes,
    list_edits,
    note_wishes,
    resolve_edits,
)
from core.errors import EditRefused
from core.formats import cell_text, read_cell_text
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import Progress
from data.versions import make_version

COLUMNS = ("path", "action", "value", "note")
_MOST_FAULTS = 5


def apply_edits(
    workspace: Workspace,
    dataset: Dataset,
    *,
    name: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Dataset:
    """Return the new version and empty the tray; the dataset itself does not change.

    Edits added during the work stay in the tray.

    Raises:
        EditRefused: The tray is empty, its edits change nothing, or too little would be left.
        DatasetMissing: The dataset was deleted.
        ResultDamaged: Its photos were altered.
        DiskFull: There is no room; the tray does not change.
    """
    edits = list_edits(workspace, dataset.id)
    if not edits:
        check_there(workspace, dataset)
        raise EditRefused("The tray is empty.", "Relabel, move or exclude a photo first.")
    changes = resolve_edits(dataset, edits)
    wanted = (name or "").strip() or None
    try:
        made = make_version(workspace, dataset, changes, name=wanted, on_progress=on_progress)
    except FileNotFoundError:
        check_there(workspace, dataset)  # deleted by another process
        raise
    forget_edits(workspace, dataset.id, edits[-1].number)
    return made


def write_edits_csv(workspace: Workspace, dataset: Dataset) -> str:
    """Return the edits in the tray, one row each, oldest first."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for edit in list_edits(workspace, dataset.id):
        writer.writerow(map(cell_text, (edit.path, edit.action, edit.value, edit.note)))
    return stream.getvalue()


def read_edits_csv(workspace: Workspace, dataset: Dataset, text: str) -> int:
    """Add the edits of a table to the tray and return the number of their batch.

    Columns may be in any order and separated by commas, semicolons or tabs; `value` and `note` may
    be missing.

    Raises:
        EditRefused: A line is not an edit of this dataset; none of them is added.
        DatasetMissing: The dataset was deleted.
    """
    known = list_classes(workspace, dataset)
    paths = set(dataset.manifest["path"])
    wishes: list[Wish] = []
    faults: list[str] = []
    for line, wish in _read_rows(text):
        if wish.path not in paths:
            faults.append(f"line {line}: no photo “{wish.path[:200]}” in the dataset.")
            continue
        try:
            wishes.append(settle_wish(wish, known))
        except EditRefused as error:
            faults.append(f"line {line}: {error.problem} {error.remedy}")
    if faults:
        more = f" And {len(faults) - _MOST_FAULTS} more." if len(faults) > _MOST_FAULTS else ""
        raise EditRefused(
            f"{len(faults)} of {len(faults) + len(wishes)} edits are not possible: "
            f"{' '.join(faults[:_MOST_FAULTS])}{more}",
            "Correct these lines, then import the table again. No edit was added.",
        )
    if not wishes:
        raise EditRefused("The table is empty.", "Add a line for each edit.")
    return note_wishes(workspace, dataset, wishes)


def _read_rows(text: str) -> Iterator[tuple[int, Wish]]:
    """Yield the line number and the edit of each row."""
    text = text.removeprefix("\ufeff")  # spreadsheets put it before UTF-8
    header = text.partition("\n")[0]
    divider = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=divider, strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if not {"path", "action"} <= set(names):
            raise EditRefused(
                "The first line must name the columns path and action.",
                f"Start the table with the line: {','.join(COLUMNS)}",
            )
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = dict(zip(names, map(read_cell_text, cells), strict=False))
                action = row.get("action", "").strip().lower()
                value, note = row.get("value", ""), row.get("note", "")
                yield reader.line_num, Wish(row.get("path", ""), action, value, note)
    except csv.Error as error:
        raise EditRefused(
            f"Line {reader.line_num} is not CSV: {error}.", "Save the table as CSV in UTF-8."
        ) from error
