"""The kept features of a workspace by their datasets: which rows can be reused, which go with."""

import json
from typing import get_args

import numpy as np
import pandas as pd

from core.errors import PetalscopeError
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from models.backbone import Precision
from models.donors import Donors
from models.extraction import features_id, read_features


def find_donors(
    workspace: Workspace, dataset: Dataset, backbone_id: str, precision: Precision
) -> Donors:
    """Returns the rows that features of other datasets hold of the same photos, by their digest.

    The parent of a version is asked first; damaged features and datasets are passed over.
    """
    wanted = pd.Index(dataset.manifest["sha256"])
    source = np.full(len(wanted), -1)
    row = np.zeros(len(wanted), np.int64)
    features: list[np.ndarray] = []
    facts = {"backbone": backbone_id, "precision": precision}
    for identifier, donor_id in _list_kept(workspace, facts, first=dataset.parent):
        if donor_id == dataset.id or not (source < 0).any():
            continue
        donor = _read_donor(workspace, identifier, donor_id)
        if donor is None:
            continue
        values, digests = donor
        rows = digests.get_indexer(wanted)
        new = (source < 0) & (rows >= 0)
        if new.any():
            source[new], row[new] = len(features), rows[new]
            features.append(values)
    return Donors(features=tuple(features), source=source, row=row)


def delete_features(workspace: Workspace, dataset_id: str) -> int:
    """Returns how many kept features of the dataset were removed; half-made ones go, too."""
    kept = _list_kept(workspace, {"dataset": dataset_id})
    for identifier, _ in kept:
        file = workspace.features_file(identifier)
        file.with_suffix(".json").unlink(missing_ok=True)  # first: without it they are not read
        file.unlink(missing_ok=True)
    for backbone in workspace.backbones.glob("[!.]*"):
        for precision in get_args(Precision):
            identifier = features_id(dataset_id, backbone.name, precision)
            for ending in ("part", "lock"):
                (workspace.features / f".{identifier}.{ending}").unlink(missing_ok=True)
    return len(kept)


def _list_kept(
    workspace: Workspace, wanted: dict[str, str], first: str | None = None
) -> list[tuple[str, str]]:
    """Returns (features id, dataset id) of features with these facts; `first`'s, then newest."""
    found: list[tuple[bool, float, str, str]] = []
    for file in workspace.features.glob("[!.]*.json"):
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
            if all(facts[name] == value for name, value in wanted.items()):
                dataset_id = str(facts["dataset"])
                order = (dataset_id == first, file.stat().st_mtime)
                found.append((*order, file.stem, dataset_id))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return [(identifier, owner) for _, _, identifier, owner in sorted(found, reverse=True)]


def _read_donor(
    workspace: Workspace, identifier: str, dataset_id: str
) -> tuple[np.ndarray, pd.Index] | None:
    """Returns features and the digest of each row's photo, each digest once; None when damaged."""
    try:
        values = read_features(workspace, identifier)
        digests = read_dataset(workspace, dataset_id).manifest["sha256"]
    except PetalscopeError:
        return None
    if values is None or len(values) != len(digests):
        return None
    repeated = digests.duplicated()  # a copy of an earlier photo: its row is never looked for
    names = digests.where(~repeated, "copy " + digests.index.astype(str))
    return values, pd.Index(names)
