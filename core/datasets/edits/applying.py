"""Applying the tray: its edits become a new version, and only then leave the tray."""

from collections.abc import Callable

from core.datasets.edits.tray import (
    check_there,
    forget_edits,
    list_edits,
    note_wishes,
    resolve_edits,
)
from core.datasets.edits.wishes import Wish
from core.errors import DatasetMissing, EditRefused
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import Progress
from data.manifest import read_dataset
from data.versions import make_version, read_changes


def apply_edits(
    workspace: Workspace,
    dataset: Dataset,
    *,
    name: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Dataset:
    """Returns the version that the edits in the tray make; the tray is empty then.

    Edits noted while it is made stay in the tray. The dataset itself stays as it is: to undo an
    apply is to go back to it.

    Raises:
        EditRefused: The tray is empty, its edits change nothing, or what is left could not be
            learned from.
        DatasetMissing: The dataset was deleted.
        ResultDamaged: Its photos were altered.
        DiskFull: No room; nothing half-made is left and the tray is as it was.
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
        check_there(workspace, dataset)  # deleted by another meanwhile
        raise
    forget_edits(workspace, dataset.id, edits[-1].number)
    return made


def reopen_edits(workspace: Workspace, version: Dataset) -> int:
    """Returns the number of a batch in the tray of the parent: all that made the version of it.

    So an excluded photo can be brought back: reopen, restore it, apply again.

    Raises:
        EditRefused: The version is an import, had photos added, or its parent was deleted.
        ResultDamaged: The list of its changes was altered.
    """
    if version.parent is None:
        raise EditRefused(f"“{version.name}” was imported, not made by edits.", "Edit it instead.")
    try:
        parent = read_dataset(workspace, version.parent)
    except DatasetMissing as error:
        raise EditRefused(
            f"The dataset that “{version.name}” was made of was deleted.", "Edit this version."
        ) from error
    wishes: list[Wish] = []
    for row in read_changes(version).to_dict("records"):
        note = str(row["note"])
        if row["class"] != row["new_class"]:
            wishes.append(Wish(row["path"], "relabel", row["new_class"], note))
        if row["split"] != row["new_split"]:
            wishes.append(Wish(row["path"], "move", row["new_split"], note))
        if row["excluded"]:
            wishes.append(Wish(row["path"], "exclude", "", note))
    if not wishes:
        raise EditRefused(
            f"“{version.name}” was made by adding photos, not by edits.", "Edit it instead."
        )
    return note_wishes(workspace, parent, wishes)
