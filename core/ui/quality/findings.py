"""What the quality page looks for, and what was found; kept in memory for each dataset.

A finding is one kind of fault. Without features the pairs come from hashes and pixels; with a
quality analysis they are confirmed by the features, and outliers and label suspects are known too.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import pandas as pd
import streamlit as st

from core.ui.parts import cache
from core.ui.parts.state import read_choice
from data.dataset import Dataset
from data.duplicates import find_pairs
from data.findings import MEASURED, Measured, Thresholds, measure_issue

MEASURES: Mapping[str, Measured] = {measured.name: measured for measured in MEASURED}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of fault: its name in the URL, what it is called, and where it stands."""

    name: str
    title: str
    group: str
    looked_for: str
    """What was looked for, for the sentence that says that nothing was found."""
    needs_features: bool = False


_COPIES, _PHOTOS, _LABELS = "The same photo twice", "Photos by themselves", "Classes and labels"

FINDINGS = {
    finding.name: finding
    for finding in (
        Finding(
            name="exact",
            title="Exact duplicates",
            group=_COPIES,
            looked_for="Files with the same digest, and photos with the same pixels.",
        ),
        Finding(
            name="near",
            title="Near duplicates",
            group=_COPIES,
            looked_for="Photos whose perceptual hashes nearly agree and whose pixels or features "
            "confirm it: the same picture in another size, crop or compression.",
        ),
        Finding(
            name="across",
            title="Across classes",
            group=_COPIES,
            looked_for="The same photo, or nearly the same, in two classes: one label is wrong.",
        ),
        Finding(
            name="leak",
            title="Leakage",
            group=_COPIES,
            looked_for="Photos whose twin stands in another split: a model that has seen one "
            "already knows the other, so its numbers are too good.",
        ),
        Finding(
            name="unreadable",
            title="Unreadable",
            group=_PHOTOS,
            looked_for="Files that are empty, cut short, too large or no photo at all.",
        ),
        Finding(
            name="small",
            title="Too small",
            group=_PHOTOS,
            looked_for="Photos whose short side is below the threshold.",
        ),
        Finding(
            name="blurred",
            title="Blurred",
            group=_PHOTOS,
            looked_for="Photos with hardly any edges: sharpness below the threshold.",
        ),
        Finding(
            name="dark",
            title="Dark",
            group=_PHOTOS,
            looked_for="Photos whose mean brightness is below the threshold.",
        ),
        Finding(
            name="bright",
            title="Bright",
            group=_PHOTOS,
            looked_for="Photos whose mean brightness is above the threshold.",
        ),
        Finding(
            name="odd_shape",
            title="Odd shape",
            group=_PHOTOS,
            looked_for="Photos much longer than wide, or wider than long: their ends are cut off.",
        ),
        Finding(
            name="grey",
            title="Grey",
            group=_PHOTOS,
            looked_for="Photos without colour, or with very little of it.",
        ),
        Finding(
            name="imbalance",
            title="Class imbalance",
            group=_LABELS,
            looked_for="Classes with far more photos than others.",
        ),
        Finding(
            name="outlier",
            title="Outliers",
            group=_LABELS,
            looked_for="Photos whose features lie far from all others of their class.",
            needs_features=True,
        ),
        Finding(
            name="suspect",
            title="Label suspects",
            group=_LABELS,
            looked_for="Photos that a model, which had not seen them, puts into another class than "
            "the one given.",
            needs_features=True,
        ),
    )
}


def group_findings() -> dict[str, list[str]]:
    """Returns the names of the findings by the heading they stand under."""
    groups: dict[str, list[str]] = {}
    for finding in FINDINGS.values():
        groups.setdefault(finding.group, []).append(finding.name)
    return groups


def read_pairs(dataset: Dataset) -> pd.DataFrame:
    """Returns the duplicate pairs, surest first; columns as in `data.duplicates.find_pairs`."""
    result = cache.quality(dataset.id)
    return result.pairs if result else _find_pairs(dataset.id)


def choose_pairs(pairs: pd.DataFrame, finding: str) -> pd.DataFrame:
    """Returns the pairs of one of the four findings about copies."""
    if finding in ("exact", "near"):
        return pairs[pairs["kind"] == finding]
    return pairs[pairs["across_classes" if finding == "across" else "leak"]]


def read_thresholds() -> Thresholds:
    """Returns the thresholds that the URL or this session says, else the defaults."""
    limits = Thresholds()
    chosen: dict[str, float] = {}
    for field in fields(Thresholds):
        try:
            chosen[field.name] = float(read_choice(field.name) or "")
        except ValueError:  # none said, or a link that was typed by hand
            continue
        measured = MEASURES[field.name]
        chosen[field.name] = min(max(chosen[field.name], measured.lowest), measured.highest)
    return replace(limits, **chosen)


def find_flagged(dataset: Dataset, finding: str) -> np.ndarray:
    """Returns the photos beyond the threshold of a measure, (m,) int64, the worst first."""
    values, limit = measure_issue(dataset.manifest, finding), asdict(read_thresholds())[finding]
    low = MEASURES[finding].worse == "low"
    flagged = np.flatnonzero(values < limit if low else values > limit)
    return flagged[np.argsort(values[flagged] if low else -values[flagged], kind="stable")]


def count_findings(dataset: Dataset) -> dict[str, int | None]:
    """Returns how many of each finding there are; None for what needs features and has none.

    Of class imbalance, which is no count, 0 is returned.
    """
    pairs, result = read_pairs(dataset), cache.quality(dataset.id)
    counts: dict[str, int | None] = dict.fromkeys(FINDINGS, 0)
    for name in ("exact", "near", "across", "leak"):
        counts[name] = len(choose_pairs(pairs, name))
    counts["unreadable"] = len(dataset.set_aside)
    for name in MEASURES:
        counts[name] = len(find_flagged(dataset, name))
    counts["outlier"] = int(result.photos["outlier"].sum()) if result else None
    counts["suspect"] = int(result.photos["suspect"].sum()) if result else None
    return counts


@st.cache_resource(max_entries=4, show_spinner="Comparing the photos with each other …")
def _find_pairs(dataset_id: str) -> pd.DataFrame:
    return find_pairs(cache.dataset(dataset_id))
