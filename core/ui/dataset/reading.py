"""What the dataset page shows, read once: the view, the filter of the address, the photos it finds.

Made for 100,000 photos: what does not change with the filter is cached by dataset, the rest is a
few comparisons of arrays.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.quality.store import QualityResult
from core.ui.dataset.charts import (
    count_colours,
    count_kinds,
    count_numbers,
    match_value,
    name_colours,
)
from core.ui.parts import cache
from core.ui.parts.state import read_choice, read_number
from data.additions import count_added
from data.dataset import Dataset
from data.findings import Thresholds
from data.manifest import DatasetSummary, Differences, compare_versions, list_datasets, list_lineage
from data.splits import SPLITS
from data.versions import count_changes, read_changes

VIEWS = {"photos": "Photos", "map": "Map", "edits": "Edits", "versions": "Versions"}

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

SORTS = {
    "name": "Name",
    "smallest": "Smallest first",
    "largest": "Largest first",
    "darkest": "Darkest first",
    "brightest": "Brightest first",
    "least-typical": "Least typical first",
}

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


@dataclass(frozen=True, eq=False)
class DatasetPage:
    """A dataset and what the address asks of it; only what a view shows is read."""

    dataset: Dataset
    view: str
    wanted: PhotoFilter

    @cached_property
    def quality(self) -> QualityResult | None:
        """The quality analysis; None while there is none."""
        return cache.quality(self.dataset.id)

    @cached_property
    def issues(self) -> pd.DataFrame:
        """Which photo has which issue, (n) rows of bool columns."""
        flags = cache.issues(self.dataset.id)
        return flags[[name for name in ISSUES if name in flags]]

    @property
    def lacks_analysis(self) -> bool:
        """Whether the filter can only be answered after a quality analysis that is not there."""
        return self.wanted.needs_analysis and self.quality is None

    @property
    def photos(self) -> np.ndarray:
        """Numbers of the photos that match, in the order asked for, (m,) int64."""
        dataset, wanted = self.dataset, self.wanted
        if self.lacks_analysis:
            return np.empty(0, dtype=np.int64)
        matches = np.ones(len(dataset), dtype=bool)
        if wanted.class_name is not None:
            matches &= dataset.labels == dataset.classes.index(wanted.class_name)
        if wanted.split is not None:
            matches &= dataset.splits == wanted.split
        if wanted.text:
            matches &= _contains(dataset, wanted.text)
        if wanted.issue is not None:
            matches &= self.issues[wanted.issue].to_numpy()
        for name, value in wanted.bars:
            matches &= match_value(_measure_photos(dataset, name), value)
        order = self._order()
        return np.asarray(order[matches[order]])

    @cached_property
    def _flags(self) -> np.ndarray:
        return np.asarray(self.issues, dtype=bool)

    def name_issues(self, photo: int) -> list[str]:
        """Return the issues of a photo in words."""
        return [ISSUES[self.issues.columns[n]] for n in np.flatnonzero(self._flags[photo])]

    def count_bars(self, name: str) -> pd.DataFrame:
        """Return the bars of a chart: one of MEASURES, or "counts" for class and split."""
        return _count(self.dataset, name)

    def _order(self) -> np.ndarray:
        wanted, quality = self.wanted, self.quality if self.wanted.needs_analysis else None
        if quality is not None and wanted.like is not None:
            nearest = quality.neighbours[wanted.like]
            found = np.concatenate([[wanted.like], nearest[nearest != wanted.like]])
            return found.astype(np.int64)
        if quality is not None and wanted.sort == "least-typical":
            return np.asarray(np.argsort(quality.photos["typicality"].to_numpy(), kind="stable"))
        return _sort_photos(self.dataset, wanted.sort)


@dataclass(frozen=True, eq=False)
class VersionsPage:
    """The versions of a dataset, and the comparison of it with another dataset."""

    dataset: Dataset
    versions: list[DatasetSummary]
    others: Mapping[str, DatasetSummary]
    """What it can be compared with: its parent first, then its versions, then all else."""
    other: str | None
    """The one it is compared with."""

    @cached_property
    def before(self) -> Dataset:
        """The dataset that it is compared with."""
        return cache.dataset(self.other or "")

    @property
    def differences(self) -> Differences:
        """What is different here from the other."""
        return _compare(self.other or "", self.dataset.id)

    def count_changes(self, version: DatasetSummary) -> dict[str, int]:
        """Return how many photos were changed to make a version, by what was done."""
        made = cache.dataset(version.id)
        return {"added": count_added(made)} | count_changes(read_changes(made))


def read_dataset_page(dataset: Dataset) -> DatasetPage:
    """Read what the address asks for; values that this dataset does not know are left out."""
    wanted = PhotoFilter(
        class_name=_read_known("class", dataset.classes),
        split=_read_known("in", SPLITS),
        text=(read_choice("text") or "").strip(),
        issue=_read_known("issue", ISSUES),
        like=read_number(read_choice("like") or "", len(dataset)),
        sort=_read_known("sort", SORTS) or "name",
        bars=tuple((name, value) for name in MEASURES if (value := read_choice(name))),
    )
    return DatasetPage(dataset, _read_known("view", VIEWS) or "photos", wanted)


def read_versions_page(dataset: Dataset) -> VersionsPage:
    """Read the versions of a dataset, and with which other the address compares it."""
    workspace = cache.workspace()
    versions = list_lineage(workspace, dataset.id)
    family = {version.id for version in versions}
    known = [one for one in list_datasets(workspace) if not one.problem and one.id != dataset.id]
    known.sort(key=lambda one: (one.id != dataset.parent, one.id not in family))
    others = {one.id: one for one in known}
    other = _read_known("with", others) or next(iter(others), None)
    return VersionsPage(dataset, versions, others, other)


def _read_known(name: str, options: Collection[str]) -> str | None:
    stated = read_choice(name)
    return stated if stated in options else None


def _contains(dataset: Dataset, text: str) -> np.ndarray:
    """Return which photos have the text in their path or class, in any case, (n,) bool."""
    in_path = dataset.manifest["path"].str.contains(text, case=False, regex=False).to_numpy(bool)
    in_class = np.array([text.casefold() in name.casefold() for name in dataset.classes])
    return np.asarray(in_path | in_class[dataset.labels])


@st.cache_resource(max_entries=48, show_spinner=False, hash_funcs={Dataset: lambda d: d.id})
def _measure_photos(dataset: Dataset, name: str) -> np.ndarray:
    """Return one of MEASURES for each photo, (n,) float64 or str."""
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


@st.cache_resource(max_entries=48, show_spinner=False, hash_funcs={Dataset: lambda d: d.id})
def _count(dataset: Dataset, name: str) -> pd.DataFrame:
    if name == "counts":
        table = dataset.manifest.groupby(["class", "split"], sort=False, observed=True).size()
        return table.rename("photos").reset_index()
    values = _measure_photos(dataset, name)
    if name == "colour":
        return count_colours(values)
    return count_kinds(values.tolist()) if name == "format" else count_numbers(values)


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


@st.cache_resource(max_entries=4, show_spinner="Comparing …")
def _compare(before: str, after: str) -> Differences:
    return compare_versions(cache.dataset(before), cache.dataset(after))
