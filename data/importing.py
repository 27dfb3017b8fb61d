"""Import of a source in two steps: prepare the dataset in a folder, then move it into place.

A dry run is the first step alone. The move is a rename, so a dataset is never incomplete.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import psutil

from core.errors import DISK_FULL_ERRNOS, DiskFull, ImportFailed, SourceRefused
from core.formats import count, sort_names
from core.workspace import Workspace
from data import dataset as files
from data.dataset import Dataset, identify_dataset
from data.images import PACKING
from data.manifest import hide_dataset, read_dataset, read_whole, write_facts
from data.packing import pack_photos
from data.report import ImportReport, make_report, note_copies, note_photos
from data.sources.catalogue import find_source
from data.sources.found import FoundSource, Output, SourceRequest, Tell
from data.sources.names import list_names, number_classes
from data.splits import draw_splits, draw_validation, join_groups

_FREE = (
    "Free some space (a dataset takes the size of the photos and 160 KB for each), then import "
    "again."
)


def import_source(
    workspace: Workspace,
    source: Path | Literal["sample"] | SourceRequest,
    *,
    name: str | None = None,
    split_seed: int = 0,
    on_progress: Tell = lambda *_: None,
) -> Dataset:
    """Return the dataset of a source; the existing one if it was imported before.

    Args:
        source: A folder, an archive, a .csv, "sample", or a full request.

    Raises:
        PetalscopeError: As `prepare_dataset`.
    """
    if isinstance(source, Path):  # absolute: “sample” may be a folder
        source = SourceRequest(path=str(source.expanduser().absolute()))
    request = source if isinstance(source, SourceRequest) else SourceRequest(kind=source)
    with make_staging_folder(workspace) as folder:
        report = prepare_dataset(
            workspace, request, folder, name=name, split_seed=split_seed, on_progress=on_progress
        )
        return keep_dataset(workspace, folder, report.dataset_id)


def prepare_dataset(
    workspace: Workspace,
    request: SourceRequest,
    folder: Path,
    *,
    name: str | None = None,
    split_seed: int = 0,
    on_progress: Tell = lambda *_: None,
) -> ImportReport:
    """Make the complete dataset in a folder and return its report.

    Args:
        folder: On the same disk as the workspace; created if missing, removed after an error.
        name: By default the name of the source.
        split_seed: Seed of drawn splits, for sources without splits.

    Raises:
        SourceRefused: The source cannot be a dataset, or has readable photos of fewer than two
            classes or no readable training photos.
        DownloadFailed: The source could not be fetched.
        DiskFull: The disk is full; nothing is left.
    """
    unpacked = folder / "unpacked"
    unpacked.mkdir(parents=True)
    with ExitStack() as on_error:
        on_error.callback(shutil.rmtree, folder, ignore_errors=True)
        with report_full_disk("the dataset", _FREE):
            found = find_source(request, Output(unpacked, workspace.downloads, on_progress))
            found = replace(found, name=(name or "").strip() or found.name)
            reading = partial(on_progress, "reading photos")
            report = _write_dataset(workspace, folder, found, split_seed, reading)
        shutil.rmtree(unpacked)
        on_error.pop_all()
    return report


def keep_dataset(workspace: Workspace, folder: Path, dataset_id: str) -> Dataset:
    """Move the prepared folder of a dataset to its place and return the dataset.

    An intact dataset of the same photos is returned instead, and the folder removed.

    Raises:
        ImportFailed: The folder does not exist any more.
    """
    if not folder.is_dir():
        raise ImportFailed("The prepared dataset was deleted.", "Start the import again.")
    target = workspace.dataset_folder(dataset_id)
    if (existing := read_whole(workspace, dataset_id)) is not None:
        shutil.rmtree(folder)
        return existing
    if target.is_dir():  # damaged
        shutil.rmtree(hide_dataset(workspace, dataset_id))
    try:
        folder.rename(target)
    except OSError as error:
        # Another import of the same photos may have been faster.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        shutil.rmtree(folder)
    return read_dataset(workspace, dataset_id)


@contextmanager
def make_staging_folder(workspace: Workspace) -> Iterator[Path]:
    """Yield a folder, removed afterwards unless it was moved; remove those of ended processes."""
    workspace.temporary.mkdir(parents=True, exist_ok=True)
    for orphan in workspace.temporary.glob("import-*-*"):
        owner = orphan.name.split("-")[1]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(orphan, ignore_errors=True)
    outer = Path(tempfile.mkdtemp(prefix=f"import-{os.getpid()}-", dir=workspace.temporary))
    try:
        # An inner folder: mkdtemp's is private, but the umask decides who reads a dataset.
        folder = outer / "staged"
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(outer, ignore_errors=True)


@contextmanager
def report_full_disk(what: str, remedy: str) -> Iterator[None]:
    """Turn the system's error of a full disk into ours, with the name of the file.

    Raises:
        DiskFull: The disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL_ERRNOS:
            raise
        raise DiskFull(f"There is no room left on the disk for {what}.", remedy) from error


def _write_dataset(
    workspace: Workspace,
    folder: Path,
    found: FoundSource,
    split_seed: int,
    on_progress: Callable[[int, int], None],
) -> ImportReport:
    """Read the photos, write all files, dataset.json last, and return the report."""
    table, set_aside = pack_photos(
        sorted(found.photos, key=lambda photo: photo.path), folder, on_progress
    )
    _check_readable(table, set_aside)
    noted = list(note_photos(table["path"], table.pop("note")))
    table.insert(2, "label", 0)
    classes = label_classes(table)
    table["split"], split_origin = _settle_splits(table, split_seed, found.split_origin or "given")
    if not table["group"].any():
        del table["group"]
    table.to_parquet(folder / files.MANIFEST, index=False)
    set_aside.fillna({"split": ""}).to_parquet(folder / files.SET_ASIDE, index=False)
    dataset_id = identify_dataset(table, classes)
    there = workspace.dataset_folder(dataset_id).is_dir()
    noted += note_copies(table["sha256"], table["split"])
    found = replace(found, split_origin=split_origin, notes=(*found.notes, *noted))
    report = make_report(table, set_aside, found, dataset_id, already_imported=there)
    facts = {
        "name": report.name,
        "source": report.source,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "split_origin": report.split_origin,
        "classes": classes,
        "numbers": number_classes(classes, found.numbers),
        "parent": None,
        "edition": 1,
        "packing": PACKING,
        "photos": report.photos,
        "set_aside": report.set_aside,
        "notes": report.notes,
    }
    write_facts(folder, facts)
    return report


def label_classes(table: pd.DataFrame) -> tuple[str, ...]:
    """Return the sorted classes of a manifest, and set its labels to their places."""
    classes = tuple(sort_names(table["class"].unique()))
    table["label"] = pd.Categorical(table["class"], classes).codes.astype(np.int64)
    return classes


def _check_readable(table: pd.DataFrame, set_aside: pd.DataFrame) -> None:
    if (classes := table["class"].nunique()) < 2:
        reason = f" The first: {set_aside['problem'].iloc[0]}" if len(set_aside) else ""
        raise SourceRefused(
            f"Only {len(table)} photos of {classes} classes could be read; "
            f"{len(set_aside)} were skipped.{reason}",
            "A dataset needs at least two classes with photos.",
        )
    if table["split"].notna().any() and not (table["split"] == "train").any():
        raise SourceRefused(
            "No training photo could be read.", "Check the photos in the train folder."
        )


def _settle_splits(table: pd.DataFrame, seed: int, given_as: str) -> tuple[np.ndarray, str]:
    """Return the split of each row, (n,) str, and the origin of the splits in words."""
    labels, groups = np.asarray(table["label"]), join_groups(table)
    if table["split"].isna().all():
        together = ", groups kept together" if table["group"].any() else ""
        return draw_splits(labels, groups, seed=seed), f"drawn with seed {seed}{together}"
    given = np.asarray(table["split"], dtype=np.str_)
    splits_of = table["split"].groupby(table["group"]).nunique().drop("", errors="ignore")
    if divided := list(splits_of.index[splits_of > 1]):
        raise SourceRefused(
            f"The given splits divide {count(len(divided), 'group')}: {list_names(divided)}.",
            "Correct the splits, or draw new ones (--own-split).",
        )
    if (given == "validation").any():
        return given, given_as
    drawn = draw_validation(labels, groups, given, seed=seed)
    return drawn, f"{given_as}, validation drawn with seed {seed}"
