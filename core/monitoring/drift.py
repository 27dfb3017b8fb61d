"""Drift of a version: its newest photos in the log against its reference, and which drive it."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from core.evaluation.drift import FEWEST, Drift, PhotoSet, compare_photos, rank_drivers
from core.monitoring.log import read_features, read_predictions
from core.monitoring.reference import MEASURED, DriftReference, read_drift_reference
from core.registry.store import ModelVersion
from core.workspace import Workspace

MOST_PHOTOS = 500
"""The newest so many are compared: enough to see a small change, few enough to do it at once."""
_MOST_ROWS = 5000
"""Of the log, read to find them: programs may ask about one photo again and again."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VersionDrift:
    """What a comparison of a version's newest photos with its reference found."""

    version: ModelVersion
    reference: DriftReference
    photos: pd.DataFrame
    """The compared rows of the log, each photo once, oldest first, with `push`: how far it lies in
    the direction of the change, 0 for a photo of the middle of the reference."""
    drift: Drift | None
    """None: fewer than 50 photos."""

    @property
    def drivers(self) -> pd.DataFrame:
        """The photos, the ones that drive the change first."""
        return self.photos.sort_values("push", ascending=False, kind="stable")


def find_drift(
    workspace: Workspace,
    version: ModelVersion,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> VersionDrift:
    """Returns the drift of the newest photos that a version answered; a photo counts once.

    Args:
        workspace: Holds the log and the registry.
        version: Only its answers; its reference.
        since: Only what is not older.
        until: Only what is older.

    Raises:
        VersionDamaged: The reference is missing, was cut short or altered.
        PredictionMissing: Rows were deleted meanwhile.
    """
    reference = read_drift_reference(workspace, version)
    table = read_predictions(
        workspace, since=since, until=until, versions=[version.number], limit=_MOST_ROWS
    )
    rows = _choose_photos(table)
    if len(rows) < FEWEST:
        photos = rows.assign(push=np.zeros(len(rows)))
        return VersionDrift(version=version, reference=reference, photos=photos, drift=None)
    features = read_features(workspace, rows["id"].tolist())
    measures = rows[list(MEASURED)].to_numpy()
    current = reference.describe(features, measures, rows["top"].tolist())
    drift = _compare(reference, current)
    pushes = rank_drivers(reference.photos, current, drift)
    if not pushes.any() and "mix" in drift.proven:
        pushes = _push_by_class(drift, current.groups)
    return VersionDrift(
        version=version, reference=reference, photos=rows.assign(push=pushes), drift=drift
    )


def _compare(reference: DriftReference, current: PhotoSet) -> Drift:
    return compare_photos(
        reference.photos,
        current,
        classes=reference.classes,
        components=reference.component_names,
        properties=MEASURED,
    )


def _choose_photos(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the newest rows of the log that can be compared, each photo once, oldest first."""
    rows = table.dropna(subset=list(MEASURED)).drop_duplicates("photo", keep="last")
    return rows.tail(MOST_PHOTOS).reset_index(drop=True)


def _push_by_class(drift: Drift, groups: np.ndarray) -> np.ndarray:
    """Returns how much more there is of each photo's class, (n,), 0 where there is less."""
    grown = (drift.mix.table["current"] - drift.mix.table["reference"]).clip(lower=0).to_numpy()
    return np.where(groups >= 0, grown[groups], 0.0)
