"""Start and read the analyses of datasets; the job in making.py computes them.

Quality: nearest photos, typicality, outliers, label suspects, duplicate pairs, the PCA map,
differences between splits, constant patches. Map: positions by t-SNE. Each is cached for a
dataset and a backbone. Neither scikit-learn nor cleanlab is imported.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from core.config import fingerprint, read_framing
from core.errors import PetalscopeError, WeightsMissing
from core.kept import Cached, list_cached
from core.runs.jobs import start_analysis
from core.workspace import Workspace
from data.findings import find_issues
from data.manifest import read_dataset
from models.backbone import FACTS_FILE, Preprocessing, backbone_id
from models.catalogue import ADDED, CATALOGUE, rank
from models.weights import TUNED, WeightsKind, find_weights

_VERSIONS = {"quality": 5, "map": 1}
"""Of the method of each kind; analyses of an earlier one are read until there is a new one."""
PREPROCESSING: Preprocessing = "resnet"

MapMethod = Literal["pca", "tsne"]


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """Cached features of a dataset."""

    id: str
    kind: WeightsKind
    backbone_id: str
    label: str
    """Of the weights, for the screen: “ImageNet”, “random”, …"""


@dataclass(frozen=True, kw_only=True, eq=False)
class QualityResult:
    """A quality analysis; row i is photo i of the dataset.

    `photos` columns: typicality (0..1 within its class, 1 = the most typical), outlier_score
    (robust z of its distance to its own class), outlier (bool), given_score, suggested (class
    name), suggested_score, label_score (0..1, low = the label is doubtful), suspect (bool).
    `pairs`: see data.duplicates.find_pairs.
    """

    id: str
    weights: WeightsKind
    features_label: str
    neighbours: np.ndarray
    """(n, ≤ 60) int32, the nearest photos, nearest first."""
    similarities: np.ndarray
    """(n, ≤ 60) float32, their cosine."""
    photos: pd.DataFrame
    pairs: pd.DataFrame
    facts: dict[str, Any]
    """`head_accuracy` (out-of-fold, of the head behind the suspects), `head_photos` (its n),
    `folds`, `outlier_limit`, `seconds`."""
    splits: pd.DataFrame | None = None
    """See core.evaluation.split_differences; None in an analysis of an earlier version."""
    patches: pd.DataFrame | None = None
    """See patches.find_patches and making; None in an analysis of an earlier version."""


def find_feature_sets(workspace: Workspace, dataset_id: str) -> list[FeatureSet]:
    """Return the cached features of a dataset: best weights first, then the newest.

    Features of a fine-tuned network or an added model come last: it has learned from the photos.
    """
    found: list[tuple[tuple[bool, int, bool, float], FeatureSet]] = []
    for file in workspace.features.glob("[!.]*.json"):
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
            if (
                not facts.keys().isdisjoint(("view", "photos"))
                or facts["dataset"] != dataset_id
                or not file.with_suffix(".npy").exists()
            ):
                continue
            folder = workspace.backbone_folder(facts["backbone"])
            backbone = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
            kind, label = backbone["weights_kind"], backbone["weights_label"]
            known = kind in CATALOGUE or (kind == ADDED and backbone.get("has_map", True))
            if not known or not {"photo_side", "crops"}.isdisjoint(backbone):
                continue  # of an earlier version, or without a map to look at
            is_tuned = label == TUNED or kind == ADDED
            if backbone["preprocessing"] != PREPROCESSING:
                label = f"{label}, preprocessing “{backbone['preprocessing']}”"
            words = read_framing(backbone).words
            label += words and f", {words}"
        except (OSError, ValueError, KeyError, PetalscopeError):
            continue  # incomplete, damaged, or of a deleted backbone
        features = FeatureSet(id=file.stem, kind=kind, backbone_id=facts["backbone"], label=label)
        order = is_tuned, rank(kind), bool(words), -file.stat().st_mtime
        found.append((order, features))
    return [features for _, features in sorted(found, key=lambda entry: entry[0])]


def request_analysis(
    workspace: Workspace, dataset_id: str, weights: WeightsKind, method: MapMethod | None = None
) -> str:
    """Return the id of the analysis, and start its job unless it is cached or running.

    Raises:
        DatasetMissing, ResultDamaged: The dataset is missing or damaged.
        WeightsMissing: Neither the weights nor features by them exist.
        WeightsDamaged: The file of the weights is damaged.
    """
    parameters = list_parameters(workspace, dataset_id, weights, method)
    identifier = fingerprint(parameters)
    start_analysis(workspace, identifier, "quality", parameters)
    return identifier


def list_parameters(
    workspace: Workspace, dataset_id: str, weights: WeightsKind, method: MapMethod | None = None
) -> dict[str, Any]:
    """Return the parameters of an analysis; their fingerprint is its id.

    Cached features are enough without their weights.

    Args:
        method: Of a map; None: the quality analysis.
    """
    read_dataset(workspace, dataset_id)
    try:
        backbone = backbone_id(find_weights(workspace, weights), PREPROCESSING)
    except WeightsMissing:
        cached = find_feature_sets(workspace, dataset_id)
        known = [found.backbone_id for found in cached if found.kind == weights]
        if not known:
            raise
        backbone = known[0]
    kind = "map" if method else "quality"
    parameters: dict[str, Any] = {"kind": kind, "version": _VERSIONS[kind]}
    parameters |= {"method": method} if method else {}
    return parameters | {"dataset": dataset_id, "weights": weights, "backbone": backbone}


def read_quality(workspace: Workspace, dataset_id: str) -> QualityResult | None:
    """Return the best quality analysis of a dataset; None if there is none.

    The newest version wins, then better weights, then the newest.
    """
    found = next(iter(_list_best(workspace, dataset_id, "quality")), None)
    if found is None:
        return None
    checked = "patches.parquet" in found.digests
    return QualityResult(
        id=found.id,
        weights=found.weights,
        features_label=found.label,
        neighbours=found.read_array("neighbours"),
        similarities=found.read_array("similarities"),
        photos=found.read_table("photos"),
        pairs=found.read_table("pairs"),
        splits=found.read_table("splits") if checked else None,
        patches=found.read_table("patches") if checked else None,
        facts=found.rest,
    )


def read_map(workspace: Workspace, dataset_id: str, method: MapMethod) -> np.ndarray | None:
    """Return the positions (n, 2) float32 of a dataset's photos; None if not computed yet.

    The PCA comes with the quality analysis and with every other map.
    """
    kinds = ("quality", "map") if method == "pca" else ("map",)
    for kind in kinds:
        for found in _list_best(workspace, dataset_id, kind):
            if f"{method}.npy" in found.digests:
                return found.read_array(method)
    return None


def _list_best(workspace: Workspace, dataset_id: str, kind: str) -> list[Cached]:
    """Return the analyses of a kind: by this version first, then the best weights, the newest."""

    def order(one: Cached) -> tuple[bool, int]:
        return one.rest.get("version", 1) != _VERSIONS[kind], rank(one.weights)

    return sorted(list_cached(workspace, dataset_id, kind), key=order)


def find_flags(manifest: pd.DataFrame, analysis: QualityResult | None) -> pd.DataFrame:
    """Return the issues of each photo, (n) rows of bool columns.

    The issues of data.findings; after the quality analysis also leak, outlier and suspect.
    """
    if analysis is None:
        return find_issues(manifest)
    leaks = analysis.pairs[analysis.pairs["leak"].astype(bool)]
    return find_issues(manifest, pairs=analysis.pairs).assign(
        leak=np.isin(np.arange(len(manifest)), leaks[["a", "b"]].to_numpy()),
        outlier=analysis.photos["outlier"].to_numpy(dtype=bool),
        suspect=analysis.photos["suspect"].to_numpy(dtype=bool),
    )


def list_leaking_photos(pairs: pd.DataFrame, splits: np.ndarray, split: str) -> np.ndarray:
    """Return the photos of a split with a copy in train, (m,) int64 ascending; empty for train.

    A memorised training photo inflates the score of its copy. `pairs`: from `find_pairs`.
    """
    if split == "train" or pairs.empty:
        return np.empty(0, dtype=np.int64)
    a, b = pairs["a"].to_numpy(dtype=np.int64), pairs["b"].to_numpy(dtype=np.int64)
    ends = [
        one[(splits[one] == split) & (splits[other] == "train")] for one, other in ((a, b), (b, a))
    ]
    return np.unique(np.concatenate(ends))
