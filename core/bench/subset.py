"""A workspace that is thrown away, with some photos of a dataset and its backbone: to train in."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd

from core.bench.preparing import Subject
from core.runs.database import close_databases
from core.workspace import Workspace
from data.dataset import Dataset
from data.versions import make_version


@contextmanager
def open_scratch(
    workspace: Workspace, subject: Subject, photos: int
) -> Iterator[tuple[Workspace, Dataset]]:
    """Yields a workspace beside this one, and in it a dataset of so many photos, if there are more.

    The photos are drawn by chance, the same ones each time, but for one of each class to train
    with and one to validate. No features are there: what is trained first extracts them.
    """
    with tempfile.TemporaryDirectory(dir=workspace.temporary) as folder:
        scratch = Workspace(Path(folder))
        for name in ("datasets", "features", "backbones", "runs", "temporary"):
            (getattr(scratch, name)).mkdir(parents=True, exist_ok=True)
        backbone = subject.backbone.facts.id
        _link(workspace.backbone_folder(backbone), scratch.backbone_folder(backbone))
        chosen = choose_photos(subject.dataset, photos)
        try:
            yield scratch, _make_subset(scratch, subject.dataset, chosen)
        finally:
            close_databases()


def choose_photos(dataset: Dataset, photos: int) -> np.ndarray:
    """Returns the numbers of so many photos, (m,) int, ascending; never without a class."""
    mixed = np.random.default_rng(0).permutation(len(dataset))
    table = pd.DataFrame({"class": dataset.labels[mixed], "split": dataset.splits[mixed]})
    learnt = table[table["split"] != "test"].drop_duplicates().index.to_numpy()
    others = np.setdiff1d(np.arange(len(mixed)), learnt)
    order = np.concatenate([mixed[learnt], mixed[others]])
    return np.sort(order[: max(photos, len(learnt))])


def _make_subset(scratch: Workspace, dataset: Dataset, chosen: np.ndarray) -> Dataset:
    if len(chosen) == len(dataset):
        _link(dataset.folder, scratch.dataset_folder(dataset.id))
        facts = {one.name: getattr(dataset, one.name) for one in fields(Dataset)}
        return Dataset(**{**facts, "folder": scratch.dataset_folder(dataset.id)})
    left_out = np.setdiff1d(np.arange(len(dataset)), chosen)
    rows = dataset.manifest.iloc[left_out]
    changes = pd.DataFrame(
        {
            "photo": left_out,
            "path": rows["path"].to_numpy(),
            "class": rows["class"].to_numpy(),
            "new_class": rows["class"].to_numpy(),
            "split": rows["split"].to_numpy(),
            "new_split": rows["split"].to_numpy(),
            "excluded": True,
            "note": "",
        }
    )
    return make_version(scratch, dataset, changes, name=f"{len(chosen)} of {dataset.name}")


def _link(source: Path, target: Path) -> None:
    """Returns nothing; the folder stands there, too. Its files are never written in place."""
    shutil.copytree(source, target, copy_function=os.link)
