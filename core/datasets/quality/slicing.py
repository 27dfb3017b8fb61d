"""The accuracy of a run by property, its worst slices, and possible shortcuts.

For training and validation photos, the worst slices are found on one half and measured on the
other; for test photos, they are found on validation photos. Properties come from the manifest and,
if it exists, the quality analysis.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from core.datasets.photo_table import name_colours
from core.datasets.quality.store import QualityResult, find_flags
from core.evaluation.intervals import wilson_interval
from core.evaluation.shortcuts import Shortcut, find_shortcuts
from core.evaluation.slice_search import LEAST_PHOTOS, Judged, SliceSearch, find_worst_slices
from core.evaluation.slices import (
    LEAST_PER_BIN,
    About,
    Property,
    Rule,
    expect_by_class,
    match_rule,
    measure_bins,
    rank_properties,
)
from core.runs.result import RunResult
from data.dataset import Dataset
from data.findings import ISSUES
from data.sources.words import read_split_name

SOUND = "none"
"""A photo without issues."""
_HUES = ("red", "yellow", "green", "cyan", "blue", "magenta")
_WORDS = {"odd_shape": "odd shape"}
_NO_BINS = pd.DataFrame(columns=["n", "low", "accuracy"], dtype=float)


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceStudy:
    """The slices of one split."""

    split: str
    photos: np.ndarray
    """(m,) int64, from `RunResult.draw_photos`."""
    right: np.ndarray
    """(m,) bool."""
    properties: Mapping[str, Property]
    bins: Mapping[str, pd.DataFrame]
    """Name of a property → `measure_bins`."""
    ranking: pd.DataFrame
    """From `rank_properties`."""
    search: SliceSearch
    found_on: str
    """"halves", or the split of the photos that the worst slices were found on."""
    shortcuts: tuple[Shortcut, ...]
    judged_by: str
    """The split that judges shortcuts."""

    @property
    def n(self) -> int:
        return len(self.photos)

    @property
    def accuracy(self) -> float:
        return float(self.right.mean()) if self.n else float("nan")

    @cached_property
    def lowest_end(self) -> float:
        """Lower end of a scale: all accuracies, and the intervals of bins with enough photos.

        If no bin has enough photos, all intervals; without bins, that of all photos.
        """
        bins = pd.concat([one for one in self.bins.values() if len(one)] or [_NO_BINS])
        large = bins[bins["n"] >= LEAST_PER_BIN]
        ends = pd.concat([(large if len(large) else bins)["low"], bins["accuracy"]])
        return float(ends.min()) if len(ends) else wilson_interval(int(self.right.sum()), self.n)[0]

    def photos_in(self, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
        """Return the photos of a slice, (p,) int64, and which are correct.

        Raises:
            KeyError: The rule names an unknown property.
        """
        inside = match_rule(rule, self.properties)[self.photos]
        return self.photos[inside], self.right[inside]


def study_slices(
    dataset: Dataset, result: RunResult, split: str, analysis: QualityResult | None = None
) -> SliceStudy:
    """Return the slices of a run on a split (takes seconds at most).

    Args:
        dataset: Of the run; row i of the result is its photo i.
        analysis: The quality analysis of the dataset; None: fewer issues.
    """
    properties = list_properties(dataset, result.splits, analysis)
    judged = _read_answers(result, split)
    bins = {
        name: measure_bins(one, judged.photos, judged.right, judged.expected)
        for name, one in properties.items()
    }
    validation = _read_answers(result, "validation")
    apart = split == "test" and len(validation.photos) >= LEAST_PHOTOS
    search = find_worst_slices(properties, judged, validation if apart else None)
    # Training photos cannot show the accuracy without a shortcut.
    judge = validation if split == "train" and len(validation.photos) else judged
    learnt = np.setdiff1d(result.draw_photos("train"), judge.photos)
    shortcuts = find_shortcuts(properties, result.labels, learnt, judge, result.classes)
    return SliceStudy(
        split=split,
        photos=judged.photos,
        right=judged.right,
        properties=properties,
        bins=bins,
        ranking=rank_properties(bins),
        search=search,
        found_on="validation" if apart else "halves",
        shortcuts=tuple(shortcuts),
        judged_by="validation" if judge is validation else split,
    )


def _read_answers(result: RunResult, split: str) -> Judged:
    photos = result.draw_photos(split)
    right = result.scores[photos].argmax(axis=1) == result.labels[photos]
    expected = expect_by_class(result.labels[photos], right)
    return Judged(photos=photos, right=right, expected=expected)


def list_properties(
    dataset: Dataset, splits: np.ndarray, analysis: QualityResult | None = None
) -> dict[str, Property]:
    """Return the properties of all photos of a dataset, by name.

    Args:
        splits: (n,) str, of the run; if they differ from the dataset's, these are a property.
    """
    manifest, listed = dataset.manifest, dict[str, Property]()

    def add(name: str, label: str, values: ArrayLike, about: About, **shown: Any) -> None:
        array = np.asarray(values)
        array = array.astype(np.float64 if array.dtype.kind in "iuf" else np.str_)
        listed[name] = Property(name=name, label=label, values=array, about=about, **shown)

    add("brightness", "Brightness", manifest["brightness"], "picture")
    add("contrast", "Contrast", manifest["contrast"], "picture", digits=3)
    add("sharpness", "Sharpness", manifest["sharpness"], "picture")
    add("colourfulness", "Colourfulness", manifest["colourfulness"], "colour", digits=0)
    hues, strength = manifest["hue"].to_numpy(), manifest["colourfulness"].to_numpy()
    add("colour", "Main colour", name_colours(hues, strength, names=_HUES), "colour")
    width, height = manifest["width"], manifest["height"]
    add("short_side", "Short side", np.minimum(width, height), "file", unit="px", digits=0)
    add("shape", "Width over height", width / height, "file")
    kilobytes = manifest["bytes"] / 1000  # fine detail makes large files
    add("file_size", "File size", kilobytes, "picture", unit="kB", digits=1)
    add("format", "File format", manifest["format"], "file")
    add("source", "Source folder", _find_sources(dataset), "file")
    if not np.array_equal(splits, dataset.splits):
        add("own_split", "Split in the dataset", dataset.splits, "file")
    issues = _name_issues(find_flags(manifest, analysis))
    add("issue", "First issue", issues, "issue", searched=False)
    return listed


def _find_sources(dataset: Dataset) -> np.ndarray:
    """Return the source folder of each photo without folders of its class and split, (n,) str."""
    named = [path.rpartition("/")[0] for path in dataset.manifest["path"]]
    places, folders = pd.factorize(np.array(named, dtype=object))
    k = len(dataset.classes)
    pairs, pair = np.unique(places * k + dataset.labels, return_inverse=True)
    parts = [
        "/".join(
            part
            for part in folders[one // k].split("/")
            if part != dataset.classes[one % k] and read_split_name(part) is None
        )
        for one in pairs.tolist()
    ]
    return np.array([part or "(no folder)" for part in parts])[pair]


def _name_issues(flags: pd.DataFrame) -> np.ndarray:
    """Return the first issue of each photo, in order of importance, (n,) object."""
    order = [name for name in ("suspect", "leak", "outlier", "duplicate", *ISSUES) if name in flags]
    named = np.full(len(flags), SOUND, dtype=object)
    for name in reversed(order):
        named[flags[name].to_numpy(dtype=bool)] = _WORDS.get(name, name)
    return named
