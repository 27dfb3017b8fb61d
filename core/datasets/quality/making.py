"""The job of an analysis: read or extract features, then analyse the photos.

The same parameters give the same result on the same machine.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from core.config import fingerprint
from core.datasets.quality.neighbours import (
    OUTLIER_LIMIT,
    find_neighbours,
    map_by_pca,
    map_by_tsne,
    measure_typicality,
    normalise_features,
    reduce_features,
)
from core.datasets.quality.patches import find_patches, judge_patches
from core.datasets.quality.slicing import list_properties
from core.datasets.quality.store import PREPROCESSING, find_feature_sets
from core.datasets.quality.suspects import (
    FOLDS,
    deal_folds,
    find_suspects,
    score_out_of_fold,
)
from core.errors import BackboneMissing
from core.evaluation.split_differences import compare_splits
from core.kept import Cached, read_cached, write_cached
from core.runs.following import PHASES
from core.runs.jobs import Report
from core.runs.training.preparing import Preparation, prepare_features
from core.workspace import Workspace
from data.dataset import Dataset
from data.duplicates import find_pairs
from data.manifest import read_dataset
from data.splits import number_groups
from models.backbone import open_backbone, read_backbone_facts
from models.rows import read_kept
from models.weights import find_weights

_COPIES = "comparing photos for copies"
_STEPS = ("nearest photos", _COPIES, "label suspects", "map", "splits", "constant patches")
_COMPARED = ("brightness", "colourfulness", "colour", "sharpness", "short_side", "format", "source")
"""Properties that are compared between splits."""


def make_analysis(
    workspace: Workspace, parameters: Mapping[str, Any], report: Report
) -> Mapping[str, Any]:
    """Do the job: compute the analysis, unless it is cached, and return its id.

    Args:
        parameters: From store.list_parameters.

    Raises:
        DatasetMissing, ResultDamaged: The dataset is missing or damaged.
        WeightsMissing, WeightsDamaged, DiskFull: Features are not cached and cannot be extracted.
    """
    identifier = fingerprint(dict(parameters))
    if read_cached(workspace, identifier) is not None:
        return {"analysis": identifier}
    dataset = read_dataset(workspace, parameters["dataset"])
    features, label = _find_features(workspace, dataset, parameters, report)
    make = _make_map if parameters["kind"] == "map" else _make_quality
    start, version = time.perf_counter(), parameters["version"]
    arrays, tables, rest = make(dataset, features, parameters, report)
    if len(tables.get("patches", ())):
        with suppress(BackboneMissing):
            look = open_backbone(workspace, parameters["backbone"], purpose="throughput").look
            judge_patches(dataset, features, tables["patches"], lambda some: look(some).features)
    result = Cached(
        id=identifier,
        kind=parameters["kind"],
        dataset=dataset.id,
        weights=parameters["weights"],
        label=label,
        rest={**rest, "version": version, "seconds": round(time.perf_counter() - start, 2)},
    )
    write_cached(workspace, result, arrays=arrays, tables=tables)
    return {"analysis": identifier}


def _find_features(
    workspace: Workspace, dataset: Dataset, parameters: Mapping[str, Any], report: Report
) -> tuple[np.ndarray, str]:
    """Return the features (n, 2048) and the label of their weights; extracted if not cached."""
    backbone = parameters["backbone"]
    for kept in find_feature_sets(workspace, dataset.id):
        values = read_kept(workspace, kept.id) if kept.backbone_id == backbone else None
        if values is not None:
            return values, kept.label
    report("preparing", 0, 0)

    def tell(phase: str, done: int, total: int, **_: float) -> None:
        report(PHASES.get(phase, phase), done, total)

    by = Preparation(workspace=workspace, tell=tell)
    weights = find_weights(workspace, parameters["weights"])
    made = prepare_features(by, dataset, weights, PREPROCESSING)
    return made.values, read_backbone_facts(workspace, made.backbone_id).weights_label


_Parts = tuple[dict[str, np.ndarray], dict[str, pd.DataFrame], dict[str, Any]]


def _make_quality(
    dataset: Dataset, features: np.ndarray, _parameters: Mapping[str, Any], report: Report
) -> _Parts:
    report(_STEPS[0], 0, len(_STEPS))
    unit = normalise_features(features)
    neighbours, similarities = find_neighbours(unit, tell=partial(report, _STEPS[0]))
    typicality, outlier_score = measure_typicality(unit, dataset.labels)
    report(_COPIES, 0, 0)
    pairs = find_pairs(dataset, features, neighbours, partial(report, _COPIES))
    report(_STEPS[2], 2, len(_STEPS))
    folds = deal_folds(dataset.labels, number_groups(pairs, len(dataset)), FOLDS)
    scores = score_out_of_fold(features, dataset.labels, folds, len(dataset.classes))
    photos = pd.DataFrame(
        {
            "typicality": typicality,
            "outlier_score": outlier_score,
            "outlier": outlier_score > OUTLIER_LIMIT,
        }
    ).join(find_suspects(scores, dataset.labels, dataset.classes))
    report(_STEPS[3], 3, len(_STEPS))
    reduced = reduce_features(features)
    arrays = {"neighbours": neighbours, "similarities": similarities, "pca": map_by_pca(reduced)}
    report(_STEPS[4], 4, len(_STEPS))
    properties = list_properties(dataset, dataset.splits)
    measures = [properties[name] for name in _COMPARED]
    splits = compare_splits(measures, reduced, dataset.labels, dataset.splits, dataset.classes)
    patches = find_patches(dataset, partial(report, _STEPS[5]))
    facts = {
        "head_accuracy": float((scores.argmax(axis=1) == dataset.labels).mean()),
        "head_photos": len(dataset),
        "folds": FOLDS,
        "outlier_limit": OUTLIER_LIMIT,
    }
    return arrays, {"photos": photos, "pairs": pairs, "splits": splits, "patches": patches}, facts


def _make_map(
    _dataset: Dataset, features: np.ndarray, parameters: Mapping[str, Any], report: Report
) -> _Parts:
    method = parameters["method"]
    report("main directions (PCA)", 0, 0)
    reduced = reduce_features(features)
    arrays = {"pca": map_by_pca(reduced)}
    if method == "tsne":
        report("neighbourhoods (t-SNE)", 0, 0)
        arrays["tsne"] = map_by_tsne(reduced)
    return arrays, {}, {"method": method}
