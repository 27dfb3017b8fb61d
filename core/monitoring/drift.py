"""Drift of a version: its newest photos in the log against its reference, as data and in words.

The reference is validation photos, because the head is over-confident on training photos. For a
similar reason the directions of the features come from training photos.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from core.evaluation.drift import (
    FALSE_ALARMS,
    FEWEST,
    Drift,
    Family,
    PhotoSet,
    compare_photos,
    rank_drivers,
)
from core.formats import count, percent
from core.monitoring.log import read_features, read_predictions
from core.prediction.unlike import UnlikeModel
from core.registry.files import MEASURED, read_reference
from core.registry.store import ModelVersion, read_unlike
from core.workspace import Workspace

MOST_PHOTOS = 500
"""Newest photos compared: enough for a small change, few enough to be quick."""
_MOST_ROWS = 5000
"""Rows of the log read for them, because programs may repeat photos."""


def _describe_photos(
    unlike: UnlikeModel, features: np.ndarray, properties: np.ndarray, groups: np.ndarray
) -> PhotoSet:
    """Return n photos as they are compared.

    Their components (n, 1 + r) are the distance and the place along each direction, widest first.
    """
    features = np.asarray(features, dtype=np.float32)
    along = features @ unlike.directions[:, ::-1]  # eigh sorts from narrow to wide
    components = np.column_stack([unlike.measure(features), along]).astype(np.float32)
    return PhotoSet(components=components, properties=properties, groups=groups)


@dataclass(frozen=True, kw_only=True, eq=False)
class VersionDrift:
    """The newest photos of a version compared with its reference."""

    reference: PhotoSet
    photos: pd.DataFrame
    """Compared rows of the log, each photo once, with `push`: how far a photo lies in the direction
    of the change, 0 at the middle of the reference; the strongest push first."""
    drift: Drift | None
    """None: fewer than 50 photos."""


def find_drift(
    workspace: Workspace,
    version: ModelVersion,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> VersionDrift:
    """Return the drift of the newest photos that a version answered; each photo counts once.

    Raises:
        VersionDamaged: The reference is missing, incomplete or altered.
        PetalscopeError: Rows were deleted during the comparison.
    """
    unlike, known = read_unlike(workspace, version), read_reference(workspace, version)
    measures, groups = known["properties"][:, : len(MEASURED)], known["scores"].argmax(axis=1)
    reference = _describe_photos(unlike, known["features"], measures, groups)
    table = read_predictions(
        workspace, since=since, until=until, versions=[version.number], limit=_MOST_ROWS
    )
    rows = table.dropna(subset=list(MEASURED)).drop_duplicates("photo", keep="last")
    rows = rows.tail(MOST_PHOTOS).reset_index(drop=True)
    if len(rows) < FEWEST:
        return VersionDrift(reference=reference, photos=rows.assign(push=0.0), drift=None)
    features = read_features(workspace, rows["id"].tolist())
    measures = rows[list(MEASURED)].to_numpy(dtype=np.float64)
    groups = pd.Index(version.classes).get_indexer(rows["top"])
    current = _describe_photos(unlike, features, measures, groups)
    directions = (f"direction {n + 1}" for n in range(unlike.directions.shape[1]))
    drift = compare_photos(
        reference,
        current,
        classes=tuple(version.classes),
        components=("distance", *directions),
        properties=MEASURED,
    )
    pushes = rank_drivers(reference, current, drift)
    if not pushes.any() and "mix" in drift.proven:
        shares = drift.mix.table  # a photo of a class that has grown drives the change
        grown = (shares["current"] - shares["reference"]).clip(lower=0).to_numpy()
        pushes = np.where(current.groups >= 0, grown[current.groups], 0.0)
    photos = rows.assign(push=pushes).sort_values(
        "push", ascending=False, kind="stable", ignore_index=True
    )
    return VersionDrift(reference=reference, photos=photos, drift=drift)


_WORDS = {
    "brightness": ("darker", "brighter"),
    "contrast": ("lower in contrast", "higher in contrast"),
    "sharpness": ("blurrier", "sharper"),
    "colourfulness": ("paler", "more colourful"),
}
_STRANGE = 0.75
"""A photo is called unusual from this distance to the median on, in interquartile ranges."""


def describe_drift(found: VersionDrift) -> list[str]:
    """Return sentences on the changes, or one sentence where nothing is significant."""
    drift = found.drift
    if drift is None:
        return [f"Too few different photos: {len(found.photos):,} of at least {FEWEST}."]
    if not drift.proven:
        return [
            f"No significant change in the newest {drift.n:,} photos (reference: {drift.m:,} "
            f"photos, false alarms: {percent(FALSE_ALARMS, 100)})."
        ]
    lines = []
    for row in _list_proven(drift, "properties").itertuples():
        before, now = f"{row.before:.2f}", f"{row.now:.2f}"
        word = _WORDS[str(row.name)][int(row.now > row.before)]
        change = f"The photos are {word}" if before != now else f"The spread of {row.name} differs"
        medians = f"median {row.name} {now}, reference {before}"
        lines.append(f"{change}: {medians} (distance {row.distance:.2f}).")
    if drift.is_proven("features"):
        furthest = _list_proven(drift, "features")["distance"].max()
        lines.append(
            "The features differ even within a predicted class: "
            f"{describe_main_change(drift, 'features')}, distance up to {furthest:.2f}."
        )
    if drift.is_proven("mix"):
        lines.append(
            f"The mix of predicted classes has changed: {describe_main_change(drift, 'mix')}. "
            f"Stability index {drift.mix.index:.2f}, by chance {drift.mix.by_chance:.2f} "
            f"(n = {count(drift.mix.n, 'photo')})."
        )
    return lines


def describe_main_change(drift: Drift, family: Family) -> str:
    """Return the largest change of a family: "darker photos", "tulip 62 %, reference 24 %"."""
    if not drift.is_proven(family):
        return ""
    if family == "mix":
        row = drift.mix.table.sort_values("part", ascending=False).iloc[0]
        now, before = percent(row["current"], drift.n), percent(row["reference"], drift.m)
        return f"{row['class']} {now}, reference {before}"
    rows = _list_proven(drift, family)
    if family == "features":
        total = (drift.columns["family"] == family).sum()
        return f"{len(rows)} of {total} components"
    most = rows.iloc[0]
    return f"{_WORDS[most['name']][int(most['now'] > most['before'])]} photos"


def describe_photo(found: VersionDrift, row: int) -> str:
    """Return how a photo is unusual: "darker (brightness 0.12, usual 0.31 to 0.52)", or ""."""
    unusual = []
    quartiles = np.quantile(found.reference.properties, [0.25, 0.5, 0.75], axis=0)
    for name, (low, middle, high) in zip(MEASURED, quartiles.T, strict=True):
        value = float(found.photos[name].iloc[row])
        off = (value - middle) / max(float(high - low), 1e-9)
        if abs(off) >= _STRANGE:
            word = _WORDS[name][int(off > 0)]
            unusual.append(
                (abs(off), f"{word} ({name} {value:.2f}, usual {low:.2f} to {high:.2f})")
            )
    return "; ".join(text for _, text in sorted(unusual, reverse=True)[:2])


def _list_proven(drift: Drift, family: Family) -> pd.DataFrame:
    """Return the significant changes of a family, the largest first."""
    rows = drift.columns[(drift.columns["family"] == family) & drift.columns["is_proven"]]
    return rows.sort_values("distance", ascending=False)
