"""The kept rows of a workspace by their datasets: which can be reused, which go with a dataset."""

import json
import shutil
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
import pandas as pd

from core.errors import PetalscopeError
from core.runs.locks import is_locked
from core.workspace import Workspace, check_identifier
from data.dataset import Dataset
from data.manifest import read_dataset
from models.backbone import Precision
from models.keeping import ViewKind, ViewSource, read_kept
from models.rows import Donors


def find_donors(
    workspace: Workspace, dataset: Dataset, backbone_id: str, precision: Precision
) -> Donors:
    """Returns the rows that features of other datasets hold of the same photos, by their digest.

    The parent of a version is asked first; damaged features and datasets are passed over.
    """
    facts = {"view": None, "backbone": backbone_id, "precision": precision}
    return _find_rows(workspace, dataset, dataset.manifest["sha256"], facts, but=dataset.id)


def find_view_donors(
    workspace: Workspace, dataset: Dataset, photos: np.ndarray, source: ViewSource
) -> Donors:
    """Returns the rows that kept views hold of the same photos (m,) int, drawn in the same way.

    A draw follows from the photo's digest, so the row of a photo is the same in every dataset.
    """
    wanted = dataset.manifest["sha256"].iloc[photos]
    return _find_rows(workspace, dataset, wanted, source.facts, but=None)


def delete_features(workspace: Workspace, dataset_id: str) -> int:
    """Returns how many kept files of the dataset were removed: features, views and activations.

    Half-made ones go, too, and the last maps of its photos.
    """
    kept = _list_kept(workspace, {"dataset": check_identifier(dataset_id)})
    for identifier, _ in kept:
        _delete_kept(workspace, identifier)
    for ending in ("part", "lock"):
        for file in workspace.features.glob(f".{dataset_id}.*.{ending}"):
            file.unlink(missing_ok=True)
    shutil.rmtree(workspace.maps_folder(dataset_id), ignore_errors=True)
    return len(kept)


def delete_views(workspace: Workspace, dataset_id: str) -> int:
    """Returns how many bytes views, activations and last maps of the dataset took; features stay.

    Views that are being made now stay, too. A run that reads the others reads on to its end.
    """
    freed = 0
    for identifier, facts in _list_kept(workspace, {"dataset": check_identifier(dataset_id)}):
        if "view" in facts:
            freed += _delete_kept(workspace, identifier)
    for kind in get_args(ViewKind):
        for partial in workspace.features.glob(f".{dataset_id}.{kind}.*.part"):
            if not is_locked(partial.with_suffix(".lock")):
                freed += partial.stat().st_size
                partial.unlink()
    maps = workspace.maps_folder(dataset_id)
    freed += sum(file.stat().st_size for file in maps.rglob("*.map"))
    shutil.rmtree(maps, ignore_errors=True)
    return freed


def _delete_kept(workspace: Workspace, identifier: str) -> int:
    file = workspace.features_file(identifier)
    file.with_suffix(".json").unlink(missing_ok=True)  # first: without it they are not read
    size = file.stat().st_size if file.exists() else 0
    file.unlink(missing_ok=True)
    return size


def _find_rows(
    workspace: Workspace,
    dataset: Dataset,
    digests: pd.Series,
    facts: Mapping[str, Any],
    but: str | None,
) -> Donors:
    """Returns the rows of photos with these digests in kept files with these facts.

    Args:
        but: A dataset whose files are passed over.
    """
    wanted = pd.Index(digests)
    source = np.full(len(wanted), -1)
    row = np.zeros(len(wanted), np.int64)
    features: list[np.ndarray] = []
    for identifier, content in _list_kept(workspace, facts, first=dataset.parent):
        if content["dataset"] == but or not (source < 0).any():
            continue
        known = _read_digests(workspace, content)
        rows = np.full(len(wanted), -1) if known is None else known.get_indexer(wanted)
        new = (source < 0) & (rows >= 0)
        # Only what is of use is read: to check the digest of activations takes seconds.
        values = read_kept(workspace, identifier) if new.any() else None
        if known is not None and values is not None and len(values) == len(known):
            source[new], row[new] = len(features), rows[new]
            features.append(values)
    return Donors(features=tuple(features), source=source, row=row)


def _list_kept(
    workspace: Workspace, wanted: Mapping[str, Any], first: str | None = None
) -> list[tuple[str, dict[str, Any]]]:
    """Returns (id, facts) of kept files with these facts; those of dataset `first`, then newest."""
    found: list[tuple[bool, float, str, dict[str, Any]]] = []
    for file in workspace.features.glob("[!.]*.json"):
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
            if all(facts.get(name) == value for name, value in wanted.items()):
                order = (facts["dataset"] == first, file.stat().st_mtime)
                found.append((*order, file.stem, facts))
        except (OSError, ValueError, KeyError, AttributeError):
            continue
    newest = sorted(found, key=lambda kept: kept[:3], reverse=True)
    return [(identifier, facts) for _, _, identifier, facts in newest]


def _read_digests(workspace: Workspace, facts: Mapping[str, Any]) -> pd.Index | None:
    """Returns the digest of each row's photo, each digest once; None when they are damaged."""
    try:
        digests = read_dataset(workspace, str(facts["dataset"])).manifest["sha256"]
        if "photos" in facts:
            digests = digests.iloc[facts["photos"]]
    except (PetalscopeError, IndexError, TypeError, ValueError):
        return None
    names = digests.reset_index(drop=True)
    repeated = names.duplicated()  # a copy of an earlier photo: its row is never looked for
    return pd.Index(names.where(~repeated, "copy " + names.index.astype(str)))
