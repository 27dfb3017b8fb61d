"""Exact heads: made by a job, kept as analyses, opened memory-mapped.

A head stands on kept features, the labels of its dataset and its training photos: these are its
id. No features are computed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from core.config import fingerprint
from core.datasets.quality.store import find_feature_sets
from core.errors import FeaturesMissing, TooManyPhotos
from core.instant.head import ExactHead, RidgeCurve, Standard, fit_head
from core.kept import Cached, read_cached, write_cached
from core.runs.jobs import start_analysis
from core.runs.result import RunResult, read_run_features
from core.workspace import Workspace
from data.dataset import Dataset
from models.backbone import read_backbone_facts
from models.extraction import read_features
from models.weights import WeightsKind

VERSION = 1
MOST_PHOTOS = 200_000
"""Each question goes through 8 kB a photo: 2 s or more of so many."""
KIND = "exact-head"
_STANDARD, _CURVE = ("mean", "scale"), ("ridges", "errors", "accuracies")
_NUMBERS = ("n_classes", "ridge", "temperature")
_ARRAYS = ("rows", "eigenvalues", "basis", "train", "labels", "outputs", "leverages")


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadSource:
    """What an exact head is made from."""

    dataset: Dataset
    features_id: str
    weights: WeightsKind
    label: str
    """What to call the weights on screen."""
    train: np.ndarray
    """(m,) int64, ascending."""
    run: str = ""
    """The run whose features and training photos these are; empty: the dataset's own."""

    @cached_property
    def id(self) -> str:
        """The id of the head: the same photos and features have one, whatever asked for it."""
        facts = {"kind": KIND, "version": VERSION, "features": self.features_id}
        dataset = {"dataset": self.dataset.id, "train": self.train.tolist()}
        return fingerprint(facts | dataset)

    def identify(self, kind: str) -> str:
        """Return the id of an analysis: its head decides, and the validation photos that judge."""
        if kind == KIND:
            return self.id
        judged = self.dataset.photo_numbers("validation").tolist()
        return fingerprint({"kind": kind, "head": self.id, "version": 2, "judged": judged})

    def start(self, workspace: Workspace, kind: str) -> None:
        """Start the job that makes an analysis, unless it is there or being made."""
        asked = {"kind": kind, "dataset": self.dataset.id, "run": self.run}
        start_analysis(workspace, self.identify(kind), "exact", asked)

    def describe(self, identifier: str, kind: str, **rest: Any) -> Cached:
        """Return what an analysis that rests on the head is."""
        return Cached(
            id=identifier,
            kind=kind,
            dataset=self.dataset.id,
            weights=self.weights,
            label=self.label,
            rest=rest,
        )

    def keep(
        self,
        workspace: Workspace,
        kind: str,
        *,
        arrays: Mapping[str, np.ndarray] | None = None,
        tables: Mapping[str, pd.DataFrame] | None = None,
        **rest: Any,
    ) -> None:
        """Write what an analysis found, with facts of its own (`rest`), unless it is kept."""
        result = self.describe(self.identify(kind), kind, **rest)
        write_cached(workspace, result, arrays=arrays, tables=tables)


def find_source(workspace: Workspace, dataset: Dataset) -> HeadSource:
    """Return what the head of a dataset is made from: pretrained features first, then the newest.

    Raises:
        FeaturesMissing: None are kept, no photo is in train, or all are of one class.
    """
    kept = find_feature_sets(workspace, dataset.id)
    if not kept:
        raise FeaturesMissing(
            f"The features of “{dataset.name}” are not kept yet: the exact head stands on them.",
            f"Train a run on it, or run “python -m core features {dataset.id}”.",
            dataset=dataset.id,
        )
    train = dataset.photo_numbers("train")
    _check_train(train, dataset)
    if len(dataset.classes) < 2:
        raise FeaturesMissing(
            f"All photos of “{dataset.name}” are “{dataset.classes[0]}”: nothing to tell apart.",
            "Relabel photos into a second class: page Dataset.",
            dataset=dataset.id,
        )
    return HeadSource(
        dataset=dataset,
        features_id=kept[0].id,
        weights=kept[0].kind,
        label=kept[0].label,
        train=train,
    )


def find_judged_source(workspace: Workspace, dataset: Dataset) -> HeadSource:
    """Return what `find_source` does, for questions that validation photos judge.

    Raises:
        FeaturesMissing: No features are kept, or no photo is in train or in validation.
    """
    source = find_source(workspace, dataset)
    if not len(dataset.photo_numbers("validation")):
        raise FeaturesMissing(
            f"No photo of “{dataset.name}” is in validation: nothing judges an answer.",
            "Move photos to validation, or import them again with splits drawn.",
        )
    return source


def find_run_source(
    workspace: Workspace, dataset: Dataset, run_id: str, result: RunResult
) -> HeadSource:
    """Return what the head beside a run is made from: its own features, also tuned ones.

    Raises:
        FeaturesMissing: They were removed or altered.
    """
    read_run_features(workspace, result)
    facts = read_backbone_facts(workspace, result.backbone_id)
    train = result.photo_numbers("train")
    _check_train(train, dataset)
    return HeadSource(
        dataset=dataset,
        features_id=result.features_id,
        weights=facts.weights_kind,
        label=facts.weights_label,
        train=train,
        run=run_id,
    )


def open_head(workspace: Workspace, head_id: str) -> ExactHead | None:
    """Return the head of an id, its arrays memory-mapped; None where it is not kept, whole."""
    found = read_cached(workspace, head_id)
    if found is None:
        return None
    arrays, standard, curve = (
        {name: found.read_array(name) for name in names} for names in (_ARRAYS, _STANDARD, _CURVE)
    )
    own: dict[str, Any] = {**arrays, **{name: found.rest[name] for name in _NUMBERS}}
    return ExactHead(**own, standard=Standard(**standard), curve=RidgeCurve(**curve))


def prepare_head(workspace: Workspace, source: HeadSource) -> ExactHead:
    """Return the head, made now where it is not kept; without a job.

    Raises:
        FeaturesMissing: The features were removed or altered.
    """
    if (kept := open_head(workspace, source.id)) is not None:
        return kept
    features = read_features(workspace, source.features_id)
    if features is None:
        raise FeaturesMissing(
            f"The features of “{source.dataset.name}” were removed or altered.",
            f"Run “python -m core features {source.dataset.id}”.",
            features=source.features_id,
        )
    dataset = source.dataset
    head = fit_head(features, dataset.labels, source.train, len(dataset.classes))
    assert head.curve is not None  # λ was not given
    arrays = {name: getattr(head, name) for name in _ARRAYS}
    arrays |= {**vars(head.standard), **vars(head.curve)}
    numbers = {name: getattr(head, name) for name in _NUMBERS}
    source.keep(workspace, KIND, arrays=arrays, **numbers, features=source.features_id)
    return head


def measure_agreement(head: ExactHead, result: RunResult) -> tuple[int, int]:
    """Return how many validation photos the exact head and the run answer alike, and of how many.

    Both know the dataset's photos under the same numbers.
    """
    photos = result.photo_numbers("validation")
    same = head.outputs[photos].argmax(axis=1) == result.scores[photos].argmax(axis=1)
    return int(same.sum()), len(photos)


def _check_train(train: np.ndarray, dataset: Dataset) -> None:
    if not len(train):
        raise FeaturesMissing(
            f"No photo of “{dataset.name}” is in train: there is nothing to fit a head on.",
            "Move photos to train, or import them again with splits drawn.",
        )
    if len(dataset) > MOST_PHOTOS:
        raise TooManyPhotos(
            f"{len(dataset):,} photos are too many to answer at once; {MOST_PHOTOS:,} are not.",
            "Ask of a version with fewer photos; the strategy “Exact head” trains on all.",
            photos=len(dataset),
        )
