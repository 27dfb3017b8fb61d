"""The tray as a table (CSV: path, action, value, note), to keep, send or fill it by script."""

import csv
import io
from collections.abc import Iterator

from core.datasets.edits.tray import list_classes, list_edits, note_wishes
from core.datasets.edits.wishes import Wish, settle_wish
from core.errors import EditRefused
from core.workspace import Workspace
from data.dataset import Dataset

COLUMNS = ("path", "action", "value", "note")

_MOST_FAULTS = 5


def write_edits_csv(workspace: Workspace, dataset: Dataset) -> str:
    """Returns the edits in the tray, one row each, oldest first."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for edit in list_edits(workspace, dataset.id):
        writer.writerow([edit.path, edit.action, edit.value, edit.note])
    return stream.getvalue()


def read_edits_csv(workspace: Workspace, dataset: Dataset, text: str) -> int:
    """Returns the number of the batch: all edits of the table, noted behind those in the tray.

    Columns may stand in any order, `value` and `note` may lack, and commas, semicolons or tabs
    divide them.

    Raises:
        EditRefused: A line is not an edit of this dataset; then none is noted.
        DatasetMissing: The dataset was deleted meanwhile.
    """
    known = list_classes(workspace, dataset)
    paths = set(dataset.manifest["path"])
    wishes: list[Wish] = []
    faults: list[str] = []
    for line, wish in _read_rows(text):
        if wish.path not in paths:
            faults.append(f"line {line}: there is no photo “{wish.path[:200]}” in the dataset.")
            continue
        try:
            wishes.append(settle_wish(wish, known))
        except EditRefused as error:
            faults.append(f"line {line}: {error.problem} {error.remedy}")
    if faults:
        more = f" And {len(faults) - _MOST_FAULTS} more." if len(faults) > _MOST_FAULTS else ""
        raise EditRefused(
            f"{len(faults)} of {len(faults) + len(wishes)} edits cannot be noted: "
            f"{' '.join(faults[:_MOST_FAULTS])}{more}",
            f"Correct the lines, then import the table again. None of its edits was noted for "
            f"“{dataset.name}”.",
        )
    if not wishes:
        raise EditRefused("There are no edits in the table.", "Add a line for each edit.")
    return note_wishes(workspace, dataset, wishes)


def _read_rows(text: str) -> Iterator[tuple[int, Wish]]:
    """Yields the number of the line that a row ends on, and the row."""
    text = text.removeprefix("\ufeff")  # what spreadsheets put before UTF-8
    header = text.partition("\n")[0]
    divider = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=divider, strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if not {"path", "action"} <= set(names):
            raise EditRefused(
                "The first line does not name the columns path and action.",
                f"Begin the table with the line: {','.join(COLUMNS)}",
            )
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = dict(zip(names, cells, strict=False))
                action = row.get("action", "").strip().lower()
                value, note = row.get("value", ""), row.get("note", "")
                yield reader.line_num, Wish(row.get("path", ""), action, value, note)
    except csv.Error as error:
        raise EditRefused(
            f"Line {reader.line_num} is not CSV: {error}.", "Save the table as CSV in UTF-8."
        ) from error
