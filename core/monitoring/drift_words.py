"""Drift in words: what has changed, which way, how far, and on how many photos that rests."""

import numpy as np

from core.evaluation.drift import FALSE_ALARMS, FAMILIES, FEWEST, Drift, Family
from core.formats import count, percent
from core.monitoring.drift import VersionDrift
from core.monitoring.reference import DISTANCE, MEASURED

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
    """Returns sentences: what changed, the plainest first; one sentence when nothing is proven."""
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
    tell = {
        "properties": _describe_properties,
        "features": _describe_features,
        "mix": _describe_mix,
    }
    order: tuple[Family, ...] = ("properties", "features", "mix")
    assert set(order) == set(FAMILIES)
    return [line for family in order if drift.is_proven(family) for line in tell[family](drift)]


def name_mover(drift: Drift, family: Family) -> str:
    """Returns what of a family moved most: "darker", "tulip 62 %, reference 24 %"; "" of none."""
    if not drift.is_proven(family):
        return ""
    if family == "mix":
        row = drift.mix.table.sort_values("part", ascending=False).iloc[0]
        now, before = percent(row["current"], drift.n), percent(row["reference"], drift.m)
        return f"{row['class']} {now}, reference {before}"
    rows = drift.columns[(drift.columns["family"] == family) & drift.columns["is_proven"]]
    if family == "features":
        total = (drift.columns["family"] == family).sum()
        return f"{len(rows)} of {total} components"
    most = rows.sort_values("distance", ascending=False).iloc[0]
    return f"{_WAYS[most['name']][int(most['now'] > most['before'])]} photos"


def describe_photo(found: VersionDrift, row: int) -> str:
    """Returns in what a photo is unusual: "dark (brightness 0.12, usual 0.31 to 0.52)"; may be "".

    Args:
        found: Holds the photo.
        row: Its row in `found.photos`.
    """
    told = []
    for place, name in enumerate(MEASURED):
        low, middle, high = np.quantile(
            found.reference.photos.properties[:, place], [0.25, 0.5, 0.75]
        )
        value = float(found.photos[name].iloc[row])
        off = (value - middle) / max(float(high - low), 1e-9)
        if abs(off) >= _STRANGE / 2:
            way = _WAYS[name][int(off > 0)]
            told.append((abs(off), f"{way} ({name} {value:.2f}, usual {low:.2f} to {high:.2f})"))
    return "; ".join(text for _, text in sorted(told, reverse=True)[:2])


def _describe_properties(drift: Drift) -> list[str]:
    columns = drift.columns
    rows = columns[(columns["family"] == "properties") & columns["is_proven"]]
    lines = []
    for row in rows.sort_values("distance", ascending=False).itertuples():
        before, now = f"{row.before:.2f}", f"{row.now:.2f}"
        way = _WAYS[str(row.name)][int(row.now > row.before)]
        middle = f"{row.name} {now} at the middle, {before} in the reference"
        said = f"The photos are {way}" if before != now else f"The photos differ in {row.name}"
        lines.append(f"{said}: {middle} (distance {row.distance:.2f}).")
    return lines


def _describe_features(drift: Drift) -> list[str]:
    columns = drift.columns[drift.columns["family"] == "features"]
    proven = columns[columns["is_proven"]]
    lines = [
        f"What the model sees differs also where it gives the same answer: in {len(proven)} of "
        f"{len(columns)} components of the features, by a distance of up to "
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
