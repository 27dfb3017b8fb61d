"""`edits`: the tray of a dataset: note edits, look at them, take them back, apply them."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from core.cli.choosing import DATASET_HELP, choose_dataset
from core.cli.datasets import dataset_document
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.cli.tables import format_table
from core.datasets.edits.applying import apply_edits, read_edits_csv, reopen_edits, write_edits_csv
from core.datasets.edits.tray import (
    add_edits,
    clear_edits,
    count_edits,
    list_edits,
    merge_duplicates,
    redo_edits,
    resolve_edits,
    undo_edits,
)
from core.errors import EditRefused, ExportRefused
from core.formats import count
from core.workspace import Workspace
from data.dataset import Dataset
from data.duplicates import find_exact_groups
from data.importing import Progress
from data.manifest import read_dataset
from data.splits import SPLITS

_PHOTO_HELP = "path of a photo in the dataset, or the end of one"

Action = Callable[[Workspace, Dataset, argparse.Namespace, ProgressLine], Outcome]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help=DATASET_HELP)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, (_, what) in ACTIONS.items():
        action = actions.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        action.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,
            help="print one JSON document on stdout",
        )
        if name in ("relabel", "move"):
            to = "class, a known or a new one" if name == "relabel" else "|".join(SPLITS)
            action.add_argument("--to", required=True, metavar=name[0].upper(), help=to)
        if name in ("relabel", "move", "exclude", "restore"):
            action.add_argument("photos", nargs="+", metavar="PHOTO", help=_PHOTO_HELP)
        if name == "merge":
            action.add_argument("photos", nargs="*", metavar="PHOTO", help=_PHOTO_HELP)
            action.add_argument("--keep", metavar="PHOTO", help="the one that stays")
            action.add_argument(
                "--exact", action="store_true", help="all photos with the same bytes in one class"
            )
        if name in ("relabel", "move", "exclude", "restore", "merge"):
            action.add_argument("--note", default="", help="why")
        if name in ("export", "import"):
            action.add_argument("file", nargs="?", default="-", help="a .csv; default: - (a pipe)")
        if name == "apply":
            action.add_argument("--name", help="what to call the new version")


def run(workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    dataset = read_dataset(workspace, choose_dataset(workspace, arguments.dataset))
    action, _ = ACTIONS[arguments.action]
    return action(workspace, dataset, arguments, progress)


def _list(workspace: Workspace, dataset: Dataset, *_: object) -> Outcome:
    edits = list_edits(workspace, dataset.id)
    changes = resolve_edits(dataset, edits)
    text = f"{_tell_tray(workspace, dataset)}\n{_format_changes(changes)}".rstrip()
    plain = {"edits": [vars(edit) for edit in edits], "changes": changes.to_dict("records")}
    return Outcome(text=text, document={"dataset": dataset.id, **plain})


def _edit(
    workspace: Workspace, dataset: Dataset, arguments: argparse.Namespace, *_: object
) -> Outcome:
    photos = [_find_photo(dataset, text) for text in arguments.photos]
    value = getattr(arguments, "to", "")
    batch = add_edits(workspace, dataset, photos, arguments.action, value, arguments.note)
    return _tell(workspace, dataset, batch=batch)


def _merge(
    workspace: Workspace, dataset: Dataset, arguments: argparse.Namespace, *_: object
) -> Outcome:
    groups: list[Sequence[int]] = [[_find_photo(dataset, text) for text in arguments.photos]]
    if arguments.exact:
        found = find_exact_groups(dataset.manifest)
        groups = [numbers for numbers in map(list, found) if not _spans_classes(dataset, numbers)]
    keep = [_find_photo(dataset, arguments.keep)] if arguments.keep else None
    batch = merge_duplicates(workspace, dataset, groups, arguments.note, keep)
    return _tell(workspace, dataset, batch=batch)


def _undo(workspace: Workspace, dataset: Dataset, *_: object) -> Outcome:
    return _tell(workspace, dataset, undone=undo_edits(workspace, dataset.id))


def _redo(workspace: Workspace, dataset: Dataset, *_: object) -> Outcome:
    return _tell(workspace, dataset, redone=redo_edits(workspace, dataset.id))


def _clear(workspace: Workspace, dataset: Dataset, *_: object) -> Outcome:
    return _tell(workspace, dataset, undone=clear_edits(workspace, dataset.id))


def _export(
    workspace: Workspace, dataset: Dataset, arguments: argparse.Namespace, *_: object
) -> Outcome:
    table = write_edits_csv(workspace, dataset)
    if arguments.file == "-":
        return Outcome(text=table.rstrip(), document={"dataset": dataset.id, "csv": table})
    try:
        Path(arguments.file).write_text(table, encoding="utf-8", newline="")
    except OSError as error:
        raise ExportRefused(
            f"“{arguments.file}” could not be written ({error.strerror}).",
            "Name a file in a folder that is there and that you may write to.",
        ) from error
    return _tell(workspace, dataset, file=arguments.file)


def _import(
    workspace: Workspace, dataset: Dataset, arguments: argparse.Namespace, *_: object
) -> Outcome:
    try:
        from_pipe = arguments.file == "-"
        content = sys.stdin.buffer.read() if from_pipe else Path(arguments.file).read_bytes()
        table = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EditRefused(
            f"The table “{arguments.file}” cannot be read: {error}.",
            "Give the path of a CSV file in UTF-8.",
        ) from error
    return _tell(workspace, dataset, batch=read_edits_csv(workspace, dataset, table))


def _apply(
    workspace: Workspace, dataset: Dataset, arguments: argparse.Namespace, progress: ProgressLine
) -> Outcome:
    def report(now: Progress) -> None:
        progress.advance(now.phase, now.done, now.total)

    made = apply_edits(workspace, dataset, name=arguments.name, on_progress=report)
    whence = f"made of {dataset.name} ({dataset.id})"
    if made.parent != dataset.id:
        whence = "which was there already: the edits lead back to it, and it keeps its name"
    return Outcome(
        text=f"{made.name} ({made.id}): {count(len(made), 'photo')} in "
        f"{count(len(made.classes), 'class')}, {whence}",
        document=dataset_document(made),
    )


def _reopen(workspace: Workspace, dataset: Dataset, *_: object) -> Outcome:
    batch = reopen_edits(workspace, dataset)
    assert dataset.parent is not None
    return _tell(workspace, read_dataset(workspace, dataset.parent), batch=batch)


ACTIONS: dict[str, tuple[Action, str]] = {
    "list": (_list, "show the edits that wait, and what they come to"),
    "relabel": (_edit, "give photos another class"),
    "exclude": (_edit, "leave photos out"),
    "move": (_edit, "move photos to a split"),
    "restore": (_edit, "cancel all edits of photos"),
    "merge": (_merge, "keep one of photos that are the same"),
    "undo": (_undo, "take back the last step"),
    "redo": (_redo, "bring back the last step that was undone"),
    "clear": (_clear, "take back all steps"),
    "export": (_export, "write the edits as CSV"),
    "import": (_import, "note all edits of a CSV (path, action, value, note)"),
    "apply": (_apply, "make a new version of the dataset"),
    "reopen": (_reopen, "put the edits that made this version back into its parent's tray"),
}


def _tell(workspace: Workspace, dataset: Dataset, **facts: object) -> Outcome:
    counted = {"edits": count_edits(workspace, dataset.id)}
    document: dict[str, Any] = {"dataset": dataset.id, **facts, **counted}
    return Outcome(text=_tell_tray(workspace, dataset), document=document)


def _tell_tray(workspace: Workspace, dataset: Dataset) -> str:
    edits = list_edits(workspace, dataset.id)
    if not edits:
        return f"The tray of {dataset.name} is empty."
    changes = resolve_edits(dataset, edits)
    return (
        f"{count(len(edits), 'edit')} in the tray of {dataset.name}, "
        f"{count(len(changes), 'photo')} would change."
    )


def _format_changes(changes: pd.DataFrame) -> str:
    rows = []
    for row in changes.to_dict("records"):
        to = [row[f"new_{name}"] for name in ("class", "split") if row[name] != row[f"new_{name}"]]
        what = "excluded" if row["excluded"] else f"to {' and '.join(to)}"
        rows.append([row["path"], row["class"], row["split"], what, row["note"]])
    return format_table(("photo", "class", "split", "change", "note"), rows) if rows else ""


def _find_photo(dataset: Dataset, text: str) -> int:
    """Returns the number of the photo with this path, or the only one whose path ends so."""
    paths = dataset.manifest["path"]
    found = paths.index[paths == text]
    if not len(found):
        found = paths.index[paths.str.endswith(f"/{text.lstrip('/')}")]
    if len(found) == 1:
        return int(found[0])
    what = f"{len(found)} photos are called" if len(found) else "There is no photo"
    raise EditRefused(f"{what} “{text}” in “{dataset.name}”.", "Give the whole path of a photo.")


def _spans_classes(dataset: Dataset, group: Sequence[int]) -> bool:
    return len(set(dataset.labels[list(group)].tolist())) > 1
