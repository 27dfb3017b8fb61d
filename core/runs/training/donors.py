"""Rows of the same photos in other cached files: they are copied, not computed again.

A row depends on the photo's file and on its computation, not on the dataset.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from core.errors import PetalscopeError
from core.runs.run_files import read_json
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from models.rows import Donors, read_kept


def find_donors(workspace: Workspace, dataset: Dataset, facts: Mapping[str, Any]) -> Donors:
    """Return the rows of the same photos in other cached files; damaged ones are ignored.

    Args:
        facts: The facts of the wanted rows: “photos” are some photos of the dataset, all others
            decide the row of a photo.
    """
    wanted = pd.Index(dataset.manifest["sha256"].iloc[facts.get("photos", slice(None))])
    same = {name: one for name, one in facts.items() if name not in ("dataset", "photos")}
    source = np.full(len(wanted), -1)
    row = np.zeros(len(wanted), np.int64)
    features: list[np.ndarray] = []
    for identifier, content in list_kept(workspace, same, first=dataset.parent):
        if not (source < 0).any():
            break
        known = _read_digests(workspace, content)
        rows = np.full(len(wanted), -1) if known is None else known.get_indexer(wanted)
        new = (source < 0) & (rows >= 0)
        # Read only if useful: checking the digest of activations takes seconds.
        values = read_kept(workspace, identifier) if new.any() else None
        if known is not None and values is not None and len(values) == len(known):
            source[new], row[new] = len(features), rows[new]
            features.append(values)
    return Donors(features=tuple(features), source=source, row=row)


def list_kept(
    workspace: Workspace, wanted: Mapping[str, Any], first: str | None = None
) -> list[tuple[str, dict[str, Any]]]:
    """Return (id, facts) of cached files with these facts: dataset `first`, then the newest."""
    found: list[tuple[bool, float, str, dict[str, Any]]] = []
    for file in workspace.features.glob("[!.]*.json"):
        facts = read_json(file)
        if "dataset" in facts and all(facts.get(name) == one for name, one in wanted.items()):
            with suppress(OSError):
                order = (facts["dataset"] == first, file.stat().st_mtime)
                found.append((*order, file.stem, facts))
    newest = sorted(found, key=lambda kept: kept[:3], reverse=True)
    return [(identifier, facts) for _, _, identifier, facts in newest]


def _read_digests(workspace: Workspace, facts: Mapping[str, Any]) -> pd.Index | None:
    """Return the digest of each row's photo; None where the dataset is damaged."""
    try:
        digests = read_dataset(workspace, str(facts["dataset"])).manifest["sha256"]
        if "photos" in facts:
            digests = digests.iloc[facts["photos"]]
    except (PetalscopeError, IndexError, TypeError, ValueError):
        return None
    names = digests.reset_index(drop=True)
    repeated = names.duplicated()  # an exact duplicate: only its first row is used
    return pd.Index(names.where(~repeated, "copy " + names.index.astype(str)))
