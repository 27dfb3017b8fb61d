"""`edits` and `tags`: the tray of a dataset, from noting edits to applying them; tags of photos."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from core.cli.choosing import DATASET, read_chosen
from core.cli.command import command, flag, option
from core.cli.datasets import dataset_document
from core.cli.outcome import Outcome, ProgressLine, format_table
from core.datasets.edits.applying import read_edits_csv, reopen_edits, write_edits_csv
from core.datasets.edits.changes import resolve_edits
from core.datasets.edits.tray import (
    add_edits,
    clear_edits,
    count_edits,
    list_edits,
    merge_duplicates,
    redo_edits,
    undo_edits,
)
from core.datasets.tags import add_tag, read_tags, remove_tag
from core.errors import EditRefused, ExportRefused
from core.exact.whatif import apply_foretold
from core.formats import count
from core.workspace import Workspace
from data.dataset import Dataset
from data.duplicates import find_exact_groups
from data.manifest import read_dataset
from data.splits import SPLITS

PHOTO_HELP = "path of a photo in the dataset, or the end of one"
PHOTOS = option("photos PHOTO", PHOTO_HELP, nargs="+")
_NOTE = option("--note", "why", default="")
_FILE = option("file", "a .csv; default: - (a pipe)", nargs="?", default="-")
_CLASS = option("--to CLASS", "class, a known or a new one", required=True)
_SPLIT = option("--to SPLIT", "|".join(SPLITS), required=True)

edits = command(DATASET)
# The help lists actions as they are taken: of several above one function the last comes first.


@edits.action("list", "show the edits that wait, and what they come to")
def _list(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = read_chosen(workspace, given)
    found = list_edits(workspace, dataset.id)
    changes = resolve_edits(dataset, found)
    text = f"{_describe_tray(workspace, dataset)}\n{_format_changes(changes)}".rstrip()
    return Outcome(text, {"dataset": dataset.id, "edits": found, "changes": changes})


@edits.action("restore", "cancel all edits of photos", PHOTOS, _NOTE)
@edits.action("move", "move photos to a split", _SPLIT, PHOTOS, _NOTE)
@edits.action("exclude", "leave photos out", PHOTOS, _NOTE)
@edits.action("relabel", "give photos another class", _CLASS, PHOTOS, _NOTE)
def _edit(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = read_chosen(workspace, given)
    photos = [find_photo(dataset, text) for text in given.photos]
    value = getattr(given, "to", "")
    batch = add_edits(workspace, dataset, photos, given.action, value, given.note)
    return _describe(workspace, dataset, batch=batch)


@edits.action(
    "merge",
    "keep one of photos that are the same",
    option("photos PHOTO", PHOTO_HELP, nargs="*"),
    option("--keep PHOTO", "the one that stays"),
    flag("--exact", "all photos with the same bytes in one class"),
    _NOTE,
)
def _merge(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = read_chosen(workspace, given)
    groups: list[Sequence[int]] = [[find_photo(dataset, text) for text in given.photos]]
    if given.exact:
        found = map(list, find_exact_groups(dataset.manifest))
        groups = [group for group in found if len(set(dataset.labels[group])) == 1]
    keep = [find_photo(dataset, given.keep)] if given.keep else None
    batch = merge_duplicates(workspace, dataset, groups, given.note, keep)
    return _describe(workspace, dataset, batch=batch)


@edits.action("clear", "take back all steps")
@edits.action("redo", "bring back the last step that was undone")
@edits.action("undo", "take back the last step")
def _step(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = read_chosen(workspace, given)
    step = {"undo": undo_edits, "redo": redo_edits, "clear": clear_edits}[given.action]
    word = "redone" if given.action == "redo" else "undone"
    return _describe(workspace, dataset, **{word: step(workspace, dataset.id)})


@edits.action("export", "write the edits as CSV", _FILE)
def _export(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = read_chosen(workspace, given)
    table = write_edits_csv(workspace, dataset)
    if given.file == "-":
        return Outcome(table.rstrip(), {"dataset": dataset.id, "csv": table})
    try:
        Path(given.file).write_text(table, encoding="utf-8", newline="")
    except OSError as error:
        raise ExportRefused(
            f"“{given.file}” could not be written ({error.strerror}).",
            "Name a file in a folder that is there and that you may write to.",
        ) from error
    return _describe(workspace, dataset, file=given.file)


@edits.action("import", "note all edits of a CSV (path, action, value, note)", _FILE)
def _import(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = read_chosen(workspace, given)
    try:
        from_pipe = given.file == "-"
        content = sys.stdin.buffer.read() if from_pipe else Path(given.file).read_bytes()
        table = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EditRefused(
            f"The table “{given.file}” cannot be read: {error}.",
            "Give the path of a CSV file in UTF-8.",
        ) from error
    return _describe(workspace, dataset, batch=read_edits_csv(workspace, dataset, table))


@edits.action(
    "apply", "make a new version of the dataset", option("--name", "what to call the new version")
)
def _apply(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    dataset = read_chosen(workspace, given)
    made = apply_foretold(workspace, dataset, name=given.name, on_progress=progress.report)
    whence = f"made of {dataset.name} ({dataset.id})"
    if made.parent != dataset.id:
        whence = "which was there already: the edits lead back to it, and it keeps its name"
    return Outcome(
        f"{made.name} ({made.id}): {count(len(made), 'photo')} in "
        f"{count(len(made.classes), 'class')}, {whence}",
        dataset_document(made),
    )


@edits.action("reopen", "put the edits that made this version back into its parent's tray")
def _reopen(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = read_chosen(workspace, given)
    batch = reopen_edits(workspace, dataset)
    assert dataset.parent is not None
    return _describe(workspace, read_dataset(workspace, dataset.parent), batch=batch)


def _describe(workspace: Workspace, dataset: Dataset, **facts: object) -> Outcome:
    document = {"dataset": dataset.id, **facts, "edits": count_edits(workspace, dataset.id)}
    return Outcome(_describe_tray(workspace, dataset), document)


def _describe_tray(workspace: Workspace, dataset: Dataset) -> str:
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


def find_photo(dataset: Dataset, text: str) -> int:
    """Find the number of the photo with this path, or the only one whose path ends so."""
    paths = dataset.manifest["path"]
    found = paths.index[paths == text]
    if not len(found):
        found = paths.index[paths.str.endswith(f"/{text.lstrip('/')}")]
    if len(found) == 1:
        return int(found[0])
    what = f"{len(found)} photos are called" if len(found) else "There is no photo"
    raise EditRefused(f"{what} “{text}” in “{dataset.name}”.", "Give the whole path of a photo.")


_TAG = option("tag", "its name")

tags = command(DATASET, default="list")


@tags.action("list", "show the tags; --json names their photos")
def _list_tags(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = read_chosen(workspace, given)
    there, paths = read_tags(workspace, dataset), dataset.manifest["path"].to_numpy()
    named = {name: paths[borne] for name, borne in zip(there.names, there.borne.T, strict=True)}
    rows = [(name, len(photos)) for name, photos in named.items()]
    none = f"No photo of {dataset.name} is tagged."
    text = format_table(("tag", "photos"), rows) if rows else none
    return Outcome(text, {"dataset": dataset.id, "tags": named})


@tags.action("remove", "take a tag off photos", _TAG, PHOTOS)
@tags.action("add", "give photos a tag", _TAG, PHOTOS)
def _change_tag(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = read_chosen(workspace, given)
    photos = [find_photo(dataset, text) for text in given.photos]
    change = add_tag if given.action == "add" else remove_tag
    changed = change(workspace, dataset, photos, given.tag)
    document = {"dataset": dataset.id, "tag": given.tag, "changed": changed}
    return Outcome(f"{given.action}: {count(changed, 'photo')} changed.", document)
