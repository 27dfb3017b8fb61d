"""What is measured: dataset, weights and backbone made ready, and a scratch workspace."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.runs.choosing import choose_dataset
from core.runs.database import close_databases
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from data.versions import make_version
from models.backbone import (
    NETWORK_FILE,
    Backbone,
    BackboneFacts,
    Preprocessing,
    backbone_exists,
    backbone_id,
    open_backbone,
)
from models.weights import Weights, WeightsKind, find_weights
from tests.bench.measuring import call_in_child, say


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is measured."""

    dataset: Dataset
    weights: Weights
    backbone: Backbone

    @property
    def circumstances(self) -> dict[str, Any]:
        """What a report says about it."""
        return {"dataset": self.dataset.id, **describe_backbone(self.backbone.facts)}


def describe_backbone(facts: BackboneFacts) -> dict[str, Any]:
    """Return what a report says about a backbone."""
    return {
        "weights": facts.weights_label,
        "backbone": facts.id,
        "precision": f"{facts.precision} (cosine with f32 at least {facts.cosine:.5f})",
    }


def find_network(workspace: Workspace, backbone: str) -> Path:
    """Return the OpenVINO file of a backbone."""
    return workspace.backbone_folder(backbone) / NETWORK_FILE


def prepare_subject(
    workspace: Workspace, dataset: str, kind: WeightsKind, preprocessing: Preprocessing
) -> Subject:
    """Read the dataset that is meant, and open the backbone for throughput.

    A missing backbone is made in a process of its own: this one stays free of Keras.

    Raises:
        DatasetMissing: There is no such dataset.
        WeightsMissing: There are no pretrained weights.
    """
    weights = find_weights(workspace, kind)
    backbone = backbone_id(weights, preprocessing)
    if not backbone_exists(workspace, backbone):
        say("Preparing the backbone")
        call_in_child("models.making", "make_backbone", workspace, weights, preprocessing)
    return Subject(
        dataset=read_dataset(workspace, choose_dataset(workspace, dataset)),
        weights=weights,
        backbone=open_backbone(workspace, backbone, purpose="throughput"),
    )


@contextmanager
def open_scratch(
    workspace: Workspace, subject: Subject, photos: int
) -> Iterator[tuple[Workspace, Dataset]]:
    """Open a workspace beside this one, with the backbone and `photos` photos of the dataset.

    The photos are drawn by chance, the same ones each time, but for one of each class to train
    with and one to validate. No features are there: what is trained first extracts them.
    """
    with tempfile.TemporaryDirectory(dir=workspace.temporary) as folder:
        scratch = Workspace(Path(folder))
        for name in ("datasets", "features", "backbones", "runs", "temporary"):
            getattr(scratch, name).mkdir(parents=True, exist_ok=True)
        backbone = subject.backbone.facts.id
        _link(workspace.backbone_folder(backbone), scratch.backbone_folder(backbone))
        chosen = choose_photos(subject.dataset, photos)
        try:
            yield scratch, _make_subset(scratch, subject.dataset, chosen)
        finally:
            close_databases()


def choose_photos(dataset: Dataset, photos: int) -> np.ndarray:
    """Draw the numbers of `photos` photos, (m,) int, ascending; never without a class."""
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
    changes = dataset.manifest.iloc[left_out][["path", "class", "split"]].assign(
        photo=left_out,
        new_class=lambda rows: rows["class"],
        new_split=lambda rows: rows["split"],
        excluded=True,
        note="",
    )
    return make_version(scratch, dataset, changes, name=f"{len(chosen)} of {dataset.name}")


def _link(source: Path, target: Path) -> None:
    """Link the files of a folder into another one; they are never written in place."""
    shutil.copytree(source, target, copy_function=os.link)
