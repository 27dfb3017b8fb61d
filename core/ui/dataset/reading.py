"""Reading of the dataset page: the view, the filter of the address, and its photos.

For datasets of 100,000 photos, all that does not depend on the filter is cached.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.photo_table import ABSENT, ANALYSED, ANSWERED, NAMES, sort_photos
from core.datasets.quality.store import QualityResult
from core.datasets.query import parse_query
from core.errors import QueryRefused
from core.runs.store import RunRecord
from core.ui.dataset.charts import count_colours, count_kinds, count_numbers, match_value
from core.ui.dataset.map_reading import find_in_area, read_area
from core.ui.parts import cache
from core.ui.parts.choosing import choose_run, list_done
from core.ui.parts.seal import is_opened
from core.ui.parts.state import choose_from, choose_number, read_choice
from data.dataset import Dataset
from data.splits import SPLITS

VIEWS = {
    "photos": "Photos",
    "table": "Table",
    "map": "Map",
    "edits": "Edits",
    "versions": "Versions",
}

MEASURES = {
    "size": "Long side",
    "shape": "Width / height",
    "brightness": "Brightness",
    "colour": "Colour",
    "format": "Format",
}
"""Name in the address → name on screen of the properties with a chart."""

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
"""Column of the issues → name on screen."""

SORTS = {
    "name": ("path", "Name"),
    "smallest": ("pixels", "Smallest first"),
    "largest": ("-pixels", "Largest first"),
    "darkest": ("brightness", "Darkest first"),
    "brightest": ("-brightness", "Brightest first"),
    "least-typical": ("typicality", "Least typical first"),
}
"""Name of an order in the address → column (with a minus for descending) and label.

The address may also name a column itself.
"""


@dataclass(frozen=True, kw_only=True)
class PhotoFilter:
    """The filter and order of photos; `bars` holds name and value of filtered measures."""

    class_name: str | None = None
    split: str | None = None
    text: str = ""
    issue: str | None = None
    like: int | None = None
    sort: str = "name"
    bars: tuple[tuple[str, str], ...] = ()
    query: str = ""
    area: str = ""

    @property
    def is_active(self) -> bool:
        """Whether the filter may exclude photos."""
        return self != PhotoFilter(sort=self.sort)


@dataclass(frozen=True, eq=False)
class DatasetPage:
    """A dataset with the view and filter of the address; each part is read when first used."""

    dataset: Dataset
    view: str
    wanted: PhotoFilter
    run: RunRecord | None = None
    """The run whose predictions filter, sort or list photos; None if no predictions are needed."""

    @cached_property
    def quality(self) -> QualityResult | None:
        """The quality analysis, or None before it was made."""
        return cache.quality(self.dataset.id)

    @cached_property
    def table(self) -> pd.DataFrame:
        """All properties of each photo, (n) rows."""
        return cache.photo_table(*self._identity)

    @property
    def _identity(self) -> tuple[str, str | None, bool]:
        run = self.run.id if self.run else None
        return self.dataset.id, run, run is not None and is_opened(run)

    @cached_property
    def judges(self) -> list[RunRecord]:
        """The finished runs of the dataset, the newest first."""
        return list_done(self.dataset.id)

    @property
    def names(self) -> list[str]:
        """The columns that a query may name, with the columns of a run if there is one."""
        return list(dict.fromkeys([*self.table, *(ANSWERED if self.judges else ())]))

    @cached_property
    def issues(self) -> pd.DataFrame:
        """The issues of each photo, (n) rows of bool columns."""
        return self.table[[name for name in ISSUES if name in self.table]]

    @cached_property
    def lacking(self) -> set[str]:
        """The columns of issue and order that need a missing analysis."""
        wanted = self.wanted
        asked = {wanted.issue or "", SORTS.get(wanted.sort, ("",))[0]}
        asked |= {"typicality"} if wanted.like is not None else set()
        return asked & ANALYSED.keys() - set(self.table)

    @property
    def problem(self) -> QueryRefused | None:
        """The error of a malformed query, or None."""
        return self._found[1]

    @property
    def matching(self) -> np.ndarray:
        """The photos that match, regardless of the area on the map, (n,) bool."""
        return self._found[0]

    @cached_property
    def photos(self) -> np.ndarray:
        """The numbers of the matching photos in order, (m,) int64."""
        if self.lacking:
            return np.empty(0, dtype=np.int64)
        inside = find_in_area(self.dataset) if self.wanted.area else None
        matches = self.matching if inside is None else self.matching & inside
        order = self._order()
        return np.asarray(order[matches[order]])

    @cached_property
    def _found(self) -> tuple[np.ndarray, QueryRefused | None]:
        dataset, wanted, table = self.dataset, self.wanted, self.table
        matches = np.ones(len(dataset), dtype=bool)
        if wanted.class_name is not None:
            matches &= dataset.labels == dataset.classes.index(wanted.class_name)
        if wanted.split is not None:
            matches &= dataset.splits == wanted.split
        if wanted.text:
            matches &= _contains(dataset, wanted.text)
        if wanted.issue in self.issues:
            matches &= self.issues[wanted.issue].to_numpy()
        for name, value in wanted.bars:
            matches &= match_value(table[name].to_numpy(), value)
        if wanted.like is not None and self.quality is not None:
            matches &= np.isin(np.arange(len(dataset)), self._order())
        try:
            if wanted.query:
                matches &= parse_query(wanted.query).find(table, ABSENT)
        except QueryRefused as error:
            return np.zeros(len(dataset), dtype=bool), error
        return matches, None

    @cached_property
    def _flags(self) -> np.ndarray:
        return np.asarray(self.issues)

    def name_issues(self, photo: int) -> list[str]:
        """Return the names of a photo's issues."""
        return [ISSUES[self.issues.columns[n]] for n in np.flatnonzero(self._flags[photo])]

    def count_bars(self, name: str) -> pd.DataFrame:
        """Return the bars of a chart: one of MEASURES, or "counts" for class and split."""
        return _count(self.dataset, name)

    def _order(self) -> np.ndarray:
        wanted = self.wanted
        if wanted.like is not None and self.quality is not None:
            nearest = self.quality.neighbours[wanted.like]
            found = np.concatenate([[wanted.like], nearest[nearest != wanted.like]])
            return found.astype(np.int64)
        column = SORTS[wanted.sort][0] if wanted.sort in SORTS else wanted.sort
        if column.removeprefix("-") not in self.table:  # the analysis or the run is missing
            column = "path"
        return _sort_photos(*self._identity, column)


def read_dataset_page(dataset: Dataset) -> DatasetPage:
    """Read view and filter from the address."""
    view = choose_from("view", VIEWS, "photos")
    if view in ("edits", "versions"):  # without a filter
        return DatasetPage(dataset, view, PhotoFilter(), None)
    columns = [f"{sign}{name}" for name in NAMES for sign in ("", "-")]
    wanted = PhotoFilter(
        class_name=choose_from("class", dataset.classes, None),
        split=choose_from("in", SPLITS, None),
        text=(read_choice("text") or "").strip(),
        issue=choose_from("issue", ISSUES, None),
        like=choose_number("like", len(dataset)),
        sort=choose_from("sort", [*SORTS, *columns], "name"),
        bars=tuple((name, value) for name in MEASURES if (value := read_choice(name))),
        query=(read_choice("q") or "").strip(),
        area=read_area(dataset),
    )
    asks = view == "table" or wanted.sort.removeprefix("-") in ANSWERED
    run = choose_run(list_done(dataset.id)) if asks or _asks_answers(wanted.query) else None
    return DatasetPage(dataset, view, wanted, run)


def _asks_answers(query: str) -> bool:
    try:
        return bool(query) and not parse_query(query).names.isdisjoint(ANSWERED)
    except QueryRefused:  # the page shows the error in place of photos
        return False


def _contains(dataset: Dataset, text: str) -> np.ndarray:
    """Return the photos with the text in path or class, ignoring case, (n,) bool."""
    in_path = dataset.manifest["path"].str.contains(text, case=False, regex=False).to_numpy(bool)
    in_class = np.array([text.casefold() in name.casefold() for name in dataset.classes])
    return np.asarray(in_path | in_class[dataset.labels])


@st.cache_resource(max_entries=48, show_spinner=False, hash_funcs={Dataset: lambda d: d.id})
def _count(dataset: Dataset, name: str) -> pd.DataFrame:
    known = cache.photo_table(dataset.id, None, False)
    if name == "counts":
        table = known.groupby(["class", "split"], sort=False, observed=True).size()
        return table.rename("photos").reset_index().astype({"class": str, "split": str})
    if name in ("colour", "format"):
        return (count_colours if name == "colour" else count_kinds)(known[name])
    return count_numbers(known[name].to_numpy())


@cache.cached_by(cache.table_key, most=24)
def _sort_photos(dataset_id: str, run_id: str | None, opened: bool, order: str) -> np.ndarray:
    column = cache.photo_table(dataset_id, run_id, opened)[order.removeprefix("-")]
    return sort_photos(column, order.startswith("-"))
