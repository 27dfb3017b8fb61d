"""Exact heads: solved by a job, cached as analyses, opened memory-mapped.

The id of a head covers its cached features, the labels of its dataset and its training photos. No
features are computed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from core.config import fingerprint
from core.datasets.quality.store import find_feature_sets
from core.errors import FeaturesMissing
from core.exact.curves import Curve, Forecast, make_forecast, measure_curve
from core.exact.head import ExactHead, RidgeCurve, Standard, fit_head
from core.kept import Cached, read_cached, write_cached
from core.runs.jobs import Report, start_analysis
from core.runs.result import RunResult, read_result, read_run_features
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from models.backbone import read_backbone_facts
from models.rows import read_kept
from models.weights import WeightsKind

VERSION = 1
MOST_PHOTOS = 200_000
"""A question reads 8 kB a photo: 2 s or more for this number."""
KIND, CURVE = "exact-head", "curve"
_NUMBERS = ("n_classes", "ridge", "temperature")
_ARRAYS = ("rows", "eigenvalues", "basis", "train", "labels", "outputs", "leverages")


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadSource:
    """The features and photos behind an exact head."""

    dataset: Dataset
    features_id: str
    weights: WeightsKind
    label: str
    """Of the weights, for the screen."""
    train: np.ndarray
    """(m,) int64, ascending."""
    run: str = ""
    """The run with these features and training photos; empty: they are the dataset's own."""

    @cached_property
    def id(self) -> str:
        """The id of the head: equal photos and features have the same."""
        facts = {"kind": KIND, "version": VERSION, "features": self.features_id}
        dataset = {"dataset": self.dataset.id, "train": self.train.tolist()}
        return fingerprint(facts | dataset)

    def identify(self, kind: str) -> str:
        """Return the id of an analysis: it covers the head and the validation photos."""
        if kind == KIND:
            return self.id
        judged = self.dataset.photo_numbers("validation").tolist()
        return fingerprint({"kind": kind, "head": self.id, "version": 2, "judged": judged})

    def start(self, workspace: Workspace, kind: str) -> None:
        """Start the job that computes an analysis, unless it is cached or the job runs."""
        asked = {"kind": kind, "dataset": self.dataset.id, "run": self.run}
        start_analysis(workspace, self.identify(kind), "exact", asked)

    def describe(self, identifier: str, kind: str, **rest: Any) -> Cached:
        """Return the facts of an analysis that rests on the head."""
        return Cached(
            id=identifier,
            kind=kind,
            dataset=self.dataset.id,
            weights=self.weights,
            label=self.label,
            rest=rest,
        )

    def keep(
        self, workspace: Workspace, kind: str, arrays: Mapping[str, np.ndarray], **rest: Any
    ) -> None:
        """Cache an analysis, with facts of its own (`rest`), unless it is cached."""
        write_cached(workspace, self.describe(self.identify(kind), kind, **rest), arrays=arrays)


def find_source(workspace: Workspace, dataset: Dataset) -> HeadSource:
    """Return the source of a dataset's head: on its best features, then on the newest.

    Raises:
        FeaturesMissing: No features are cached, there are no training photos, or only one class;
            or the dataset has too many photos for instant answers.
    """
    cached = find_feature_sets(workspace, dataset.id)
    if not cached:
        raise FeaturesMissing(
            f"The exact head needs the features of “{dataset.name}”.",
            f"Train a run, or run “python -m core features {dataset.id}”, to compute them.",
            dataset=dataset.id,
        )
    train = dataset.photo_numbers("train")
    _check_train(train, dataset)
    if len(dataset.classes) < 2:
        raise FeaturesMissing(
            f"“{dataset.name}” has only one class, “{dataset.classes[0]}”.",
            "Relabel photos into a second class (page Dataset).",
            dataset=dataset.id,
        )
    best = cached[0]
    return HeadSource(
        dataset=dataset, features_id=best.id, weights=best.kind, label=best.label, train=train
    )


def find_judged_source(workspace: Workspace, dataset: Dataset, run_id: str = "") -> HeadSource:
    """Return `find_source`, or that of a run, for analyses that validation photos judge.

    Raises:
        FeaturesMissing: As `find_source`, or there are no validation photos.
    """
    source = _find_source(workspace, dataset, run_id)
    if not len(dataset.photo_numbers("validation")):
        raise FeaturesMissing(
            f"“{dataset.name}” has no validation photos.",
            "Move photos to validation, or import the dataset again with new splits.",
        )
    return source


def _find_source(workspace: Workspace, dataset: Dataset, run_id: str) -> HeadSource:
    if not run_id:
        return find_source(workspace, dataset)
    return find_run_source(workspace, dataset, run_id, read_result(workspace, run_id))


def find_run_source(
    workspace: Workspace, dataset: Dataset, run_id: str, result: RunResult
) -> HeadSource:
    """Return the source of the head beside a run: on the run's own features, also tuned ones.

    Raises:
        FeaturesMissing: They were removed or altered, or the dataset has too many photos for
            instant answers.
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
    """Return the head of an id, its arrays memory-mapped; None if it is not cached."""
    found = read_cached(workspace, head_id)
    if found is None:
        return None
    arrays, standard, curve = (
        {name: found.read_array(name) for name in names}
        for names in (_ARRAYS, Standard._fields, RidgeCurve._fields)
    )
    own: dict[str, Any] = {**arrays, **{name: found.rest[name] for name in _NUMBERS}}
    return ExactHead(**own, standard=Standard(**standard), curve=RidgeCurve(**curve))


def prepare_head(workspace: Workspace, source: HeadSource) -> ExactHead:
    """Return the head; solved in this process if it is not cached.

    Raises:
        FeaturesMissing: The features were removed or altered.
    """
    if (cached := open_head(workspace, source.id)) is not None:
        return cached
    dataset, features = source.dataset, read_kept(workspace, source.features_id)
    if features is None:
        raise FeaturesMissing(
            f"The features of “{dataset.name}” were removed or altered.",
            f"Run “python -m core features {dataset.id}”.",
            features=source.features_id,
        )
    head = fit_head(features, dataset.labels, source.train, len(dataset.classes))
    arrays = {name: getattr(head, name) for name in _ARRAYS}
    arrays |= {**head.standard._asdict(), **head.curve._asdict()}
    numbers = {name: getattr(head, name) for name in _NUMBERS}
    source.keep(workspace, KIND, arrays, **numbers, features=source.features_id)
    return head


def make_analysis(
    workspace: Workspace, asked: Mapping[str, Any], report: Report
) -> Mapping[str, Any]:
    """Do the job: solve the head, or measure its learning curve."""
    dataset, run = read_dataset(workspace, asked["dataset"]), str(asked.get("run", ""))
    if asked["kind"] == CURVE:
        prepare_curve(workspace, find_judged_source(workspace, dataset, run), report)
        return {}
    report("solving", 0, 0)
    prepare_head(workspace, _find_source(workspace, dataset, run))
    return {}


def read_forecast(workspace: Workspace, source: HeadSource) -> Forecast | None:
    """Return the forecast for a dataset; None until its curve is measured."""
    found = read_cached(workspace, source.identify(CURVE))
    if found is None:
        return None
    sizes, values = (found.read_array(name) for name in ("sizes", "values"))
    return make_forecast(Curve(sizes=sizes, values=values, judged=found.rest["judged"]))


def prepare_curve(workspace: Workspace, source: HeadSource, report: Report) -> None:
    """Measure the learning curve, unless it is cached.

    Raises:
        FeaturesMissing: The features were removed or altered.
    """
    if read_cached(workspace, source.identify(CURVE)) is not None:
        return
    report("the exact head", 0, 0)
    head, judged = prepare_head(workspace, source), source.dataset.photo_numbers("validation")
    curve = measure_curve(head, judged, lambda done, of: report("fewer photos", done, of))
    arrays = {"sizes": curve.sizes, "values": curve.values}
    source.keep(workspace, CURVE, arrays, judged=curve.judged)


def measure_agreement(head: ExactHead, result: RunResult) -> tuple[int, int]:
    """Return the number of validation photos that head and run answer alike, and of all."""
    photos = result.photo_numbers("validation")
    same = head.outputs[photos].argmax(axis=1) == result.scores[photos].argmax(axis=1)
    return int(same.sum()), len(photos)


def _check_train(train: np.ndarray, dataset: Dataset) -> None:
    if not len(train):
        raise FeaturesMissing(
            f"“{dataset.name}” has no training photos.",
            "Move photos to train, or import the dataset again with new splits.",
        )
    if len(dataset) > MOST_PHOTOS:
        raise FeaturesMissing(
            f"The exact head answers up to {MOST_PHOTOS:,} photos; these are {len(dataset):,}.",
            "Use a version with fewer photos, or train with the strategy “Exact head”.",
            code="too_many_photos",
            photos=len(dataset),
        )
