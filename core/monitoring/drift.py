"""Drift of a version: its newest photos in the log against its reference, in data and in words.

The reference is of validation photos: of training photos the head is surer than of any others. For
a like reason the directions along which features are compared come from training photos.
"""

from collections.abc import Callable, Sequence
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
from core.registry.files import Reference, read_reference
from core.registry.store import ModelVersion, read_unlike
from core.workspace import Workspace

MEASURED = ("brightness", "contrast", "sharpness", "colourfulness")
"""Properties that are compared: see data.findings. Size and format are made alike before a model
sees a photo, and no drift."""
DISTANCE = "distance"
"""Name of the component that says how far a photo lies from all training photos."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DriftReference:
    """The reference of a model, and how photos are described for the comparison with it."""

    classes: tuple[str, ...]
    photos: PhotoSet
    scores: np.ndarray
    """(m, k) float32, of the reference photos."""
    features: np.ndarray
    """(m, 2048) float16."""
    digests: tuple[str, ...]
    """SHA-256 of each reference photo's own file."""
    unlike: UnlikeModel

    @property
    def component_names(self) -> tuple[str, ...]:
        """Name of the components: the distance, then directions, the widest first."""
        return DISTANCE, *(f"direction {n + 1}" for n in range(self.unlike.directions.shape[1]))

    def describe(
        self, features: np.ndarray, properties: np.ndarray, tops: Sequence[str]
    ) -> PhotoSet:
        """Return photos as they are compared with this reference.

        Args:
            properties: (n, 4) float, in the order of `MEASURED`.
            tops: (n) names, the most likely class of each.
        """
        numbers = {name: number for number, name in enumerate(self.classes)}
        return PhotoSet(
            components=_find_components(self.unlike, features),
            properties=np.asarray(properties, dtype=np.float64),
            groups=np.array([numbers.get(name, -1) for name in tops], dtype=np.int64),
        )


def read_drift_reference(workspace: Workspace, version: ModelVersion) -> DriftReference:
    """Return the reference of a registered version.

    Raises:
        VersionDamaged: A file of it is missing, was cut short or altered.
    """
    unlike = read_unlike(workspace, version)
    return make_drift_reference(version.classes, read_reference(workspace, version), unlike)


def make_drift_reference(
    classes: Sequence[str], reference: Reference, unlike: UnlikeModel
) -> DriftReference:
    """Return a reference of photos that were drawn from the validation split."""
    measured = [reference.property(name) for name in MEASURED]
    return DriftReference(
        classes=tuple(classes),
        photos=PhotoSet(
            components=_find_components(unlike, reference.features),
            properties=np.column_stack(measured),
            groups=reference.scores.argmax(axis=1),
        ),
        scores=reference.scores,
        features=reference.features,
        digests=tuple(reference.photo_digest(row) for row in range(len(reference))),
        unlike=unlike,
    )


def _find_components(unlike: UnlikeModel, features: np.ndarray) -> np.ndarray:
    """Return the distance and the place along each direction, widest first, (n, 1 + r) float32."""
    features = np.asarray(features, dtype=np.float32)
    # eigh orders from the narrowest to the widest
    along = features @ unlike.directions[:, ::-1]
    return np.column_stack([unlike.measure(features), along]).astype(np.float32)


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
    """Return the drift of the newest photos that a version answered; a photo counts once.

    Raises:
        VersionDamaged: The reference is missing, was cut short or altered.
        PredictionMissing: Rows were deleted meanwhile.
    """
    reference = read_drift_reference(workspace, version)
    table = read_predictions(
        workspace, since=since, until=until, versions=[version.number], limit=_MOST_ROWS
    )
    rows = table.dropna(subset=list(MEASURED)).drop_duplicates("photo", keep="last")
    rows = rows.tail(MOST_PHOTOS).reset_index(drop=True)
    if len(rows) < FEWEST:
        photos = rows.assign(push=np.zeros(len(rows)))
        return VersionDrift(version=version, reference=reference, photos=photos, drift=None)
    features = read_features(workspace, rows["id"].tolist())
    measures = rows[list(MEASURED)].to_numpy()
    current = reference.describe(features, measures, rows["top"].tolist())
    drift = compare_photos(
        reference.photos,
        current,
        classes=reference.classes,
        components=reference.component_names,
        properties=MEASURED,
    )
    pushes = rank_drivers(reference.photos, current, drift)
    if not pushes.any() and "mix" in drift.proven:
        shares = drift.mix.table  # how much more there is of each photo's class
        grown = (shares["current"] - shares["reference"]).clip(lower=0).to_numpy()
        pushes = np.where(current.groups >= 0, grown[current.groups], 0.0)
    return VersionDrift(
        version=version, reference=reference, photos=rows.assign(push=pushes), drift=drift
    )


_WAYS = {
    "brightness": ("darker", "brighter"),
    "contrast": ("flatter", "richer in contrast"),
    "sharpness": ("blurrier", "sharper"),
    "colourfulness": ("paler", "more colourful"),
}
_MOST_CLASSES = 3
_STRANGE = 1.5
"""How many of a usual photo's spread a photo must be off to be called so."""


def describe_drift(found: VersionDrift) -> list[str]:
    """Return sentences: what changed, the plainest first; one sentence when nothing is proven."""
    drift = found.drift
    if drift is None:
        return [
            f"Too few photos to tell: {len(found.photos):,} of at least {FEWEST}, each counted "
            "once."
        ]
    if not drift.proven:
        return [
            f"No change is proven: the newest {drift.n:,} photos could come from where the "
            f"{drift.m:,} reference photos came from. Chance alone is called a change in "
            f"{percent(FALSE_ALARMS, 100)} of such comparisons."
        ]
    tell: dict[Family, Callable[[Drift], list[str]]] = {
        "properties": _describe_properties,
        "features": _describe_features,
        "mix": _describe_mix,
    }
    return [line for family, say in tell.items() if drift.is_proven(family) for line in say(drift)]


def name_mover(drift: Drift, family: Family) -> str:
    """Return what of a family moved most: "darker", "tulip 62 %, reference 24 %"; "" of none."""
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
    return f"{_WAYS[most['name']][int(most['now'] > most['before'])]} photos"


def describe_photo(found: VersionDrift, row: int) -> str:
    """Return in what a photo is unusual: "dark (brightness 0.12, usual 0.31 to 0.52)", or ""."""
    told = []
    quartiles = np.quantile(found.reference.photos.properties, [0.25, 0.5, 0.75], axis=0)
    for name, (low, middle, high) in zip(MEASURED, quartiles.T, strict=True):
        value = float(found.photos[name].iloc[row])
        off = (value - middle) / max(float(high - low), 1e-9)
        if abs(off) >= _STRANGE / 2:
            way = _WAYS[name][int(off > 0)]
            told.append((abs(off), f"{way} ({name} {value:.2f}, usual {low:.2f} to {high:.2f})"))
    return "; ".join(text for _, text in sorted(told, reverse=True)[:2])


def _list_proven(drift: Drift, family: Family) -> pd.DataFrame:
    """Return what of a family has proven to differ, the farthest first."""
    rows = drift.columns[(drift.columns["family"] == family) & drift.columns["is_proven"]]
    return rows.sort_values("distance", ascending=False)


def _describe_properties(drift: Drift) -> list[str]:
    lines = []
    for row in _list_proven(drift, "properties").itertuples():
        before, now = f"{row.before:.2f}", f"{row.now:.2f}"
        way = _WAYS[str(row.name)][int(row.now > row.before)]
        middle = f"{row.name} {now} at the middle, {before} in the reference"
        said = f"The photos are {way}" if before != now else f"The photos differ in {row.name}"
        lines.append(f"{said}: {middle} (distance {row.distance:.2f}).")
    return lines


def _describe_features(drift: Drift) -> list[str]:
    proven = _list_proven(drift, "features")
    lines = [
        "What the model sees differs also where it gives the same answer: in "
        f"{name_mover(drift, 'features')} of the features, by a distance of up to "
        f"{proven['distance'].max():.2f}."
    ]
    far = proven[proven["name"] == DISTANCE]
    if len(far):
        way = "farther from" if far["now"].iloc[0] > far["before"].iloc[0] else "nearer to"
        lines.append(
            f"They lie {way} the training photos: {far['now'].iloc[0]:.2f} at the middle, "
            f"{far['before'].iloc[0]:.2f} in the reference."
        )
    return lines


def _describe_mix(drift: Drift) -> list[str]:
    table = drift.mix.table.sort_values("part", ascending=False).head(_MOST_CLASSES)
    parts = [
        f"{name} {percent(now, drift.n)} (reference {percent(before, drift.m)})"
        for name, before, now in zip(
            table["class"], table["reference"], table["current"], strict=True
        )
    ]
    return [
        f"The mix of answers has changed: {', '.join(parts)}. Stability index "
        f"{drift.mix.index:.2f}; chance alone gives {drift.mix.by_chance:.2f} "
        f"({count(drift.mix.n, 'photo')})."
    ]
