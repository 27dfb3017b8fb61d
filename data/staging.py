"""Writing all files of a dataset of what a source found, into a folder that nobody looks into yet.

dataset.json comes last and names the others, so a folder without it is not a dataset.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import SourceRefused
from core.workspace import Workspace
from data import dataset as files
from data.dataset import identify_dataset
from data.manifest import write_facts
from data.packing import pack_photos
from data.report import ImportReport, make_report
from data.sources.found import FoundSource
from data.splits import draw_splits, draw_validation


def write_dataset(
    workspace: Workspace,
    folder: Path,
    found: FoundSource,
    *,
    name: str | None,
    split_seed: int,
    on_progress: Callable[[int, int], None],
) -> ImportReport:
    """Reads the photos, writes all files of the dataset and returns the report.

    Args:
        workspace: Asked whether the same dataset is there already.
        folder: Where the files go.
        found: The photos, and what the source says of them.
        name: What people will call it; by default what the source says.
        split_seed: Seed of the splits, where the source gives none.
        on_progress: Called with photos done and photos in all.

    Raises:
        SourceRefused: Photos of fewer than two classes could be read, or none to learn from.
    """
    table, set_aside = pack_photos(
        sorted(found.photos, key=lambda photo: photo.path),
        photos_file=folder / files.PHOTOS,
        thumbnails_file=folder / files.THUMBNAILS,
        originals_file=folder / files.ORIGINALS,
        on_progress=on_progress,
    )
    _check_readable(table, set_aside)
    classes = tuple(sorted(table["class"].unique()))
    table.insert(2, "label", np.searchsorted(classes, table["class"]).astype(np.int64))
    table["split"], split_origin = _settle_splits(table, split_seed, found.split_origin or "given")
    table.to_parquet(folder / files.MANIFEST, index=False)
    set_aside.fillna({"split": ""}).to_parquet(folder / files.SET_ASIDE, index=False)
    dataset_id = identify_dataset(table, classes)
    report = make_report(
        table,
        set_aside,
        name=(name or "").strip() or found.name,
        source=found.origin,
        dataset_id=dataset_id,
        split_origin=split_origin,
        notes=found.notes,
        already_imported=workspace.dataset_folder(dataset_id).is_dir(),
    )
    write_facts(folder, _state_facts(report, classes, found.numbers))
    return report


def _state_facts(
    report: ImportReport, classes: tuple[str, ...], numbers: Mapping[str, int]
) -> dict[str, object]:
    """Returns what dataset.json says."""
    in_order = [numbers.get(name, 0) for name in classes]
    return {
        "name": report.name,
        "source": report.source,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "split_origin": report.split_origin,
        "classes": classes,
        "numbers": in_order if all(in_order) else list(range(1, len(classes) + 1)),
        "parent": None,
        "edition": 1,
        "photos": report.photos,
        "set_aside": report.set_aside,
        "notes": report.notes,
    }


def _check_readable(table: pd.DataFrame, set_aside: pd.DataFrame) -> None:
    if table["class"].nunique() < 2:
        reason = f" The first: {set_aside['problem'].iloc[0]}" if len(set_aside) else ""
        raise SourceRefused(
            f"Only {len(table)} photos of {table['class'].nunique()} classes could be read; "
            f"{len(set_aside)} were set aside.{reason}",
            "At least two classes with photos are needed.",
        )
    if table["split"].notna().any() and not (table["split"] == "train").any():
        raise SourceRefused(
            "None of the train photos could be read.", "Check the photos in the train folder."
        )


def _settle_splits(table: pd.DataFrame, seed: int, given_as: str) -> tuple[np.ndarray, str]:
    """Returns the split of each row (n,) str, and in words where the splits come from."""
    labels, groups = np.asarray(table["label"]), np.asarray(table["sha256"])
    if table["split"].isna().all():
        return draw_splits(labels, groups, seed=seed), f"drawn with seed {seed}"
    given = np.asarray(table["split"], dtype=np.str_)
    if (given == "validation").any():
        return given, given_as
    drawn = draw_validation(labels, groups, given, seed=seed)
    return drawn, f"{given_as}, validation drawn with seed {seed}"
