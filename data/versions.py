"""A new version of a dataset from its parent and changes, without decoding photos again.

Unchanged files are hard links. No file is ever written in place, so each version is independent.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import EditRefused, ResultDamaged
from core.workspace import Workspace, digest_file
from data.dataset import (
    MANIFEST,
    ORIGINALS,
    PHOTO_BYTES,
    PHOTOS,
    SET_ASIDE,
    THUMBNAILS,
    Dataset,
    identify_dataset,
    write_photos_header,
)
from data.importing import keep_dataset, label_classes, make_staging_folder, report_full_disk
from data.manifest import list_datasets, read_facts, read_whole, report_damage, write_facts
from data.sources.found import Tell
from data.sources.names import list_names, number_classes

_BLOCK = 128  # photos read at a time, 19 MB
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES)
NO_ROOM = (
    "the new version",
    "Free some space (150 KB a photo if photos are excluded or added), then try again. Nothing "
    "has changed; edits stay in the tray.",
)
_OF_EDITS = ("edits", "changes_sha256")
"""Facts of a version made by edits that its own versions do not take over."""
CHANGES_FILE = "changes.parquet"
CHANGES_COLUMNS = ["photo", "path", "class", "new_class", "split", "new_split", "excluded", "note"]


def make_version(
    workspace: Workspace,
    parent: Dataset,
    changes: pd.DataFrame,
    *,
    name: str | None = None,
    on_progress: Tell = lambda *_: None,
) -> Dataset:
    """Return the version with the changes applied to the parent; an existing one if it is the same.

    Args:
        changes: One row a changed photo: photo (number in the parent), path, class, new_class,
            split, new_split, excluded (bool), note.
        name: By default the parent's name and a number.

    Raises:
        EditRefused: Nothing changes, or the rest could not be trained on.
        ResultDamaged: The parent's photos were altered.
        DiskFull: The disk is full; nothing is left.
    """
    table = _change_table(parent, changes)
    _check_learnable(table)
    classes = label_classes(table)
    identifier = identify_dataset(table, classes, parent.packing)
    if (existing := read_whole(workspace, identifier)) is not None:
        return existing
    with report_full_disk(*NO_ROOM), make_staging_folder(workspace) as folder:
        table.to_parquet(folder / MANIFEST, index=False)
        changes[CHANGES_COLUMNS].to_parquet(folder / CHANGES_FILE, index=False)
        linked, excluded = [SET_ASIDE, THUMBNAILS, ORIGINALS], _list_excluded(changes)
        if len(excluded):
            report = partial(on_progress, "copying photos")
            _copy_photos(parent, folder / PHOTOS, excluded, report)
        else:
            linked.append(PHOTOS)
        for file in linked:
            _link_or_copy(parent.folder / file, folder / file)
        counts, edited = count_changes(changes), ", then edited"
        origin = parent.split_origin
        facts = {
            **describe_child(workspace, parent, classes, len(table), name),
            "split_origin": origin.removesuffix(edited) + edited if counts["moved"] else origin,
            "edits": counts,
            "changes_sha256": digest_file(folder / CHANGES_FILE),
        }
        write_facts(folder, facts)
        check_links(parent, folder)
        return keep_dataset(workspace, folder, identifier)


def describe_child(
    workspace: Workspace,
    parent: Dataset,
    classes: tuple[str, ...],
    photos: int,
    name: str | None = None,
) -> dict[str, object]:
    """Return the facts of a version of the parent, with this number of photos, for dataset.json.

    Classes keep the numbers of the source's list; new classes follow the last number.
    """
    known = dict(zip(parent.classes, parent.numbers, strict=True))
    if parent.numbers == tuple(range(1, len(parent.classes) + 1)):
        known = {}
    facts = read_facts(parent.folder)
    return {
        **{fact: value for fact, value in facts.items() if fact not in _OF_EDITS},
        "name": name or _find_free_name(workspace, parent),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "classes": classes,
        "numbers": number_classes(classes, known),
        "parent": parent.id,
        "ancestors": [*(facts.get("ancestors") or filter(None, [parent.parent])), parent.id],
        "edition": parent.edition + 1,
        "photos": photos,
        "added": 0,
    }


def count_changes(changes: pd.DataFrame) -> dict[str, int]:
    """Return the numbers of excluded photos, and of relabelled and moved ones among the rest."""
    stay = ~changes["excluded"].to_numpy(dtype=bool)
    return {
        "relabelled": int((stay & (changes["class"] != changes["new_class"])).sum()),
        "moved": int((stay & (changes["split"] != changes["new_split"])).sum()),
        "excluded": int((~stay).sum()),
    }


def read_changes(dataset: Dataset) -> pd.DataFrame:
    """Return the changes from the parent to this version; no rows for an import.

    Columns as in `make_version`; photo numbers are of the parent, so excluded photos have one.

    Raises:
        ResultDamaged: The list of changes was altered.
    """
    facts = read_facts(dataset.folder)
    if "changes_sha256" not in facts:
        return pd.DataFrame(columns=CHANGES_COLUMNS)
    file = dataset.folder / CHANGES_FILE
    if not file.is_file() or digest_file(file) != facts["changes_sha256"]:
        raise ResultDamaged(
            f"The list of changes of “{dataset.name}” was altered.",
            "Compare the version with its parent instead.",
            dataset=dataset.id,
        )
    return pd.read_parquet(file)


def _change_table(parent: Dataset, changes: pd.DataFrame) -> pd.DataFrame:
    """Return the manifest of the version, with the labels of the parent."""
    if not len(changes):
        raise EditRefused("The edits change nothing.", "Relabel, move or exclude a photo first.")
    table = parent.manifest.copy()
    photos = changes["photo"].to_numpy()
    for column in ("class", "split"):
        table.loc[photos, column] = changes[f"new_{column}"].to_numpy()
    return table.drop(index=_list_excluded(changes)).reset_index(drop=True)


def _check_learnable(table: pd.DataFrame) -> None:
    if not len(table):
        raise EditRefused("Every photo would be excluded.", "Keep photos of at least two classes.")
    if table["class"].nunique() < 2:
        raise EditRefused(
            f"Only one class would be left: “{table['class'].iloc[0]}”.",
            "Keep photos of at least two classes.",
        )
    in_train = table["split"] == "train"
    unlearned = set(table["class"]) - set(table.loc[in_train, "class"])
    if unlearned:
        raise EditRefused(
            f"No training photos would be left of {list_names(unlearned)}.",
            "Move a photo of each class to train, or exclude or relabel the rest of the class.",
        )
    if not (table["split"] == "validation").any():
        raise EditRefused(
            "No validation photos would be left to choose the best epoch.",
            "Move some photos to validation.",
        )


def _list_excluded(changes: pd.DataFrame) -> np.ndarray:
    """Return the numbers of excluded photos in the parent, (m,) int64."""
    return np.asarray(changes.loc[changes["excluded"].astype(bool), "photo"], dtype=np.int64)


def _find_free_name(workspace: Workspace, parent: Dataset) -> str:
    """Return "Flowers, version 2", or 2b, 2c … if that name is taken."""
    names = {summary.name for summary in list_datasets(workspace)}
    stem = parent.name.removesuffix(f", version {parent.edition}")
    wanted = f"{stem}, version {parent.edition + 1}"
    letters = ("", *"bcdefghijklmnopqrstuvwxyz")
    return next((wanted + sign for sign in letters if wanted + sign not in names), wanted)


def check_links(parent: Dataset, folder: Path) -> None:
    """Check that shared files have not changed since the parent was made.

    Raises:
        ResultDamaged: A shared file was altered.
    """
    before, after = read_facts(parent.folder)["files"], read_facts(folder)["files"]
    for name in (THUMBNAILS, ORIGINALS, PHOTOS):
        shared = (folder / name).stat().st_size == before[name]["bytes"]
        if shared and after[name]["sha256"] != before[name]["sha256"]:
            raise report_damage(parent.folder, f"{name} was altered")


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(source, target)


def _copy_photos(
    parent: Dataset, target: Path, excluded: np.ndarray, report: Callable[[int, int], None]
) -> None:
    """Copy the packed photos without excluded ones."""
    stays, done = np.ones(len(parent), dtype=bool), 0
    stays[excluded] = False
    with target.open("wb") as file:
        write_photos_header(file, int(stays.sum()))
        for content in read_blocks(parent, PHOTOS):
            block = np.frombuffer(content, np.uint8).reshape(-1, PHOTO_BYTES)
            file.write(block[stays[done : done + len(block)]].tobytes())
            done += len(block)
            report(done, len(parent))


def read_blocks(parent: Dataset, name: str) -> Iterator[bytes]:
    """Yield a file of a dataset in blocks of whole photos, without a header.

    Raises:
        ResultDamaged: It was altered; known at its end.
    """
    file, digest = parent.folder / name, hashlib.sha256()
    header = file.stat().st_size - len(parent) * PHOTO_BYTES if name == PHOTOS else 0
    # Plain reads: mapped pages of a gigabyte would fill the memory of the page server.
    with file.open("rb") as source:
        digest.update(source.read(header))
        while block := source.read(_BLOCK * PHOTO_BYTES):
            digest.update(block)
            yield block
    if digest.hexdigest() != read_facts(parent.folder)["files"][name]["sha256"]:
        raise report_damage(parent.folder, f"{name} was altered")
