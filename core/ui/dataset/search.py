"""Finds the photos of a dataset that match a filter, in the order asked for.

Made for 100,000 photos: what does not change with the filter is cached by dataset, the rest is a
few comparisons of arrays.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.ui.dataset.distributions import match_value, name_colours
from core.ui.parts import cache
from data.dataset import Dataset
from data.findings import Thresholds

MEASURES = {
    "size": "Long side",
    "shape": "Width / height",
    "brightness": "Brightness",
    "colour": "Colour",
    "format": "Format",
}
"""Name in the URL → name on screen of what is counted and filtered by bars."""

ISSUES = {
    "duplicate": "duplicate",
    "leak": "leak",
    "suspect": "suspect label",
    "outlier": "outlier",
    "dark": "dark",
    "bright": "bright",
    "blurred": "blurred",
    "small": "small",
    "odd_shape": "odd shape",
    "grey": "grey",
}
"""Column of the issues → what a person reads."""

_NEEDS_ANALYSIS = {"leak", "suspect", "outlier", "least-typical"}


@dataclass(frozen=True, kw_only=True)
class PhotoFilter:
    """What is asked for; None or empty: nothing. `bars` holds name and value of each measure."""

    class_name: str | None = None
    split: str | None = None
    text: str = ""
    issue: str | None = None
    like: int | None = None
    sort: str = "name"
    bars: tuple[tuple[str, str], ...] = ()

    @property
    def needs_analysis(self) -> bool:
        """Whether it can only be answered after the quality analysis."""
        return self.like is not None or bool({self.issue, self.sort} & _NEEDS_ANALYSIS)

    @property
    def is_active(self) -> bool:
        """Whether photos may be left out."""
        return self != PhotoFilter(sort=self.sort)


def find_photos(dataset: Dataset, wanted: PhotoFilter) -> np.ndarray:
    """Returns the numbers of the photos that match, in the order asked for, (m,) int64."""
    if wanted.needs_analysis and cache.quality(dataset.id) is None:
        return np.empty(0, dtype=np.int64)
    matches = np.ones(len(dataset), dtype=bool)
    if wanted.class_name is not None:
        matches &= dataset.labels == dataset.classes.index(wanted.class_name)
    if wanted.split is not None:
        matches &= dataset.splits == wanted.split
    if wanted.text:
        matches &= _contains(dataset, wanted.text)
    if wanted.issue is not None:
        matches &= cache.issues(dataset.id)[wanted.issue].to_numpy()
    for name, value in wanted.bars:
        matches &= match_value(measure_photos(dataset, name), value)
    order = _order(dataset, wanted)
    return np.asarray(order[matches[order]])


@st.cache_resource(max_entries=48, show_spinner=False, hash_funcs={Dataset: lambda d: d.id})
def measure_photos(dataset: Dataset, name: str) -> np.ndarray:
    """Returns one of MEASURES for each photo, (n,) float64 or str."""
    manifest = dataset.manifest
    if name == "size":
        return np.asarray(manifest[["width", "height"]].max(axis=1), dtype=np.float64)
    if name == "shape":
        return np.asarray(manifest["width"] / manifest["height"], dtype=np.float64)
    if name == "colour":
        hue, strength = manifest["hue"].to_numpy(), manifest["colourfulness"].to_numpy()
        return name_colours(hue, strength, Thresholds().grey)
    if name == "format":
        return np.array(manifest["format"], dtype=np.str_)
    return np.asarray(manifest[name], dtype=np.float64)


def name_issues(dataset: Dataset) -> Callable[[int], list[str]]:
    """Returns a function that names the issues of a photo."""
    flags = cache.issues(dataset.id)
    names = [name for name in ISSUES if name in flags]
    table = flags[names].to_numpy(dtype=bool)
    return lambda photo: [ISSUES[names[column]] for column in np.flatnonzero(table[photo])]


def _contains(dataset: Dataset, text: str) -> np.ndarray:
    """Returns which photos have the text in their path or class, in any case, (n,) bool."""
    in_path = dataset.manifest["path"].str.contains(text, case=False, regex=False).to_numpy(bool)
    in_class = np.array([text.casefold() in name.casefold() for name in dataset.classes])
    return np.asarray(in_path | in_class[dataset.labels])


def _order(dataset: Dataset, wanted: PhotoFilter) -> np.ndarray:
    analysis = cache.quality(dataset.id) if wanted.needs_analysis else None
    if analysis is not None and wanted.like is not None:
        nearest = analysis.neighbours[wanted.like]
        return np.concatenate([[wanted.like], nearest[nearest != wanted.like]]).astype(np.int64)
    if analysis is not None and wanted.sort == "least-typical":
        return np.asarray(np.argsort(analysis.photos["typicality"].to_numpy(), kind="stable"))
    return _sort_photos(dataset, wanted.sort)


@st.cache_resource(max_entries=24, show_spinner=False, hash_funcs={Dataset: lambda d: d.id})
def _sort_photos(dataset: Dataset, sort: str) -> np.ndarray:
    manifest = dataset.manifest
    if sort in ("smallest", "largest"):
        values = (manifest["width"] * manifest["height"]).to_numpy()
    elif sort in ("darkest", "brightest"):
        values = manifest["brightness"].to_numpy()
    else:
        return np.argsort(manifest["path"].to_numpy(dtype=object), kind="stable")
    return np.argsort(-values if sort in ("largest", "brightest") else values, kind="stable")
