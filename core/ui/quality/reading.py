"""Reading of the quality page: the chosen finding, the photos found, the tray."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.edits.tray import list_edits, resolve_edits
from core.datasets.quality.store import QualityResult, list_leaking_photos
from core.datasets.quality.suspects import read_confirmed
from core.evaluation.metrics import Evaluation, evaluate_scores
from core.evaluation.split_differences import LEVEL
from core.formats import plain
from core.runs.jobs import JobStatus, list_jobs
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.choosing import choose_run, list_done
from core.ui.parts.seal import is_opened
from core.ui.parts.state import read_choice, refuse_value, settle_choice
from data.dataset import Dataset
from data.duplicates import find_pairs
from data.findings import MEASURED, measure_issue

ANALYSIS = "analysis"


@dataclass(frozen=True)
class Finding:
    """A kind of fault; `looked_for` describes it."""

    title: str
    group: str
    looked_for: str
    needs_features: bool = False


_COPIES, _PHOTOS, _LABELS = "Copies", "Single photos", "Classes and labels"
_PAIRS = ("exact", "near", "across", "leak")
MOST_COMPARED = 100_000
"""Photos that the page itself compares with each other; the analysis compares more."""

FINDINGS = {
    "exact": Finding(
        "Exact duplicates", _COPIES, "Identical files, and files with identical pixels."
    ),
    "near": Finding(
        "Near-duplicates", _COPIES, "The same picture in another size, crop or compression."
    ),
    "across": Finding(
        "Across classes", _COPIES, "The same picture in two classes: one label is wrong."
    ),
    "leak": Finding("Leakage", _COPIES, "Copies in another split. They inflate scores."),
    "unreadable": Finding(
        "Unreadable", _PHOTOS, "Empty, truncated or too large files, and files without a photo."
    ),
    "small": Finding("Too small", _PHOTOS, "The short side is below the threshold."),
    "blurred": Finding("Blurred", _PHOTOS, "Few edges: the sharpness is below the threshold."),
    "dark": Finding("Dark", _PHOTOS, "The mean brightness is below the threshold."),
    "bright": Finding("Bright", _PHOTOS, "The mean brightness is above the threshold."),
    "odd_shape": Finding(
        "Odd shape", _PHOTOS, "Very long or very wide photos: a centre crop cuts off their ends."
    ),
    "grey": Finding("Grey", _PHOTOS, "Photos with little or no colour."),
    "imbalance": Finding("Class imbalance", _LABELS, "Classes with far more photos than others."),
    "outlier": Finding(
        "Outliers",
        _LABELS,
        "Photos with features far from the rest of their class.",
        needs_features=True,
    ),
    "suspect": Finding(
        "Label suspects",
        _LABELS,
        "Photos that a cross-validated model assigns to another class.",
        needs_features=True,
    ),
    "splits": Finding(
        "Splits differ",
        _LABELS,
        "Photos of a class that differ between train and another split.",
        needs_features=True,
    ),
    "patches": Finding(
        "Shortcuts in the photos",
        _LABELS,
        "A logo, stamp, border or square in many photos of one class and few others.",
        needs_features=True,
    ),
}


@dataclass(frozen=True, eq=False)
class QualityPage:
    """A dataset and the chosen finding; each part is read when it is first used."""

    dataset: Dataset
    finding: str
    result: QualityResult | None
    thresholds: Mapping[str, float]

    @property
    def kind(self) -> Finding:
        return FINDINGS[self.finding]

    @property
    def filter_name(self) -> str:
        """Parameter of the address that narrows the list."""
        return "quality_splits" if self.finding == "leak" else "quality_class"

    @property
    def waits(self) -> bool:
        """Whether the finding needs an analysis that does not exist yet."""
        many = self.finding in _PAIRS and len(self.dataset) > MOST_COMPARED
        if self.finding in ("splits", "patches") and self.result is not None:
            return self.result.splits is None  # analysed by an earlier version
        return self.result is None and (self.kind.needs_features or many)

    @property
    def all_pairs(self) -> pd.DataFrame:
        """The duplicate pairs, surest first; columns as in `data.duplicates.find_pairs`."""
        return self.result.pairs if self.result else _find_pairs(self.dataset.id)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """The pairs of the finding, with class_a, class_b, split_a and split_b."""
        pairs = _choose_pairs(self.all_pairs, self.finding)
        manifest = self.dataset.manifest
        named = {
            f"{column}_{side}": manifest[column].iloc[pairs[side].to_numpy(np.int64)].to_numpy()
            for side in ("a", "b")
            for column in ("class", "split")
        }
        return pairs.assign(**named)

    @cached_property
    def counts(self) -> dict[str, int | None]:
        """The number of photos or pairs of each finding; None: features are needed."""
        result = self.result
        counts: dict[str, int | None] = dict.fromkeys(FINDINGS, 0)
        if result is None and len(self.dataset) > MOST_COMPARED:
            counts |= dict.fromkeys(_PAIRS)
        else:
            counts |= {name: len(_choose_pairs(self.all_pairs, name)) for name in _PAIRS}
        counts |= {name: int(self._flag(name)[1].sum()) for name in MEASURED}
        counts["unreadable"] = len(self.dataset.set_aside)
        counts["outlier"] = int(result.photos["outlier"].sum()) if result else None
        counts["suspect"] = len(self.suspects[0]) if result else None
        splits = result.splits if result else None
        counts["splits"] = None if splits is None else int((splits["adjusted"] < LEVEL).sum())
        counts["patches"] = len(result.patches) if result and result.patches is not None else None
        return counts

    @cached_property
    def suspects(self) -> tuple[np.ndarray, np.ndarray]:
        """The open suspects and the confirmed ones, both the most doubtful first."""
        if self.result is None:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        photos = self.result.photos
        suspects = np.flatnonzero(photos["suspect"].to_numpy(dtype=bool))
        doubt = photos["label_score"].to_numpy()[suspects]
        suspects = suspects[np.argsort(doubt, kind="stable")]
        confirmed = read_confirmed(cache.workspace())
        rows = self.dataset.manifest.iloc[suspects][["sha256", "class"]]
        known = rows.itertuples(index=False, name=None)
        right = np.array([row in confirmed for row in known], dtype=bool)
        return suspects[~right], suspects[right]

    @cached_property
    def changes(self) -> dict[int, dict[Hashable, Any]]:
        """The changes of the tray by photo number."""
        edits = list_edits(cache.workspace(), self.dataset.id)
        rows = resolve_edits(self.dataset, edits).to_dict("records")
        return {int(row["photo"]): row for row in rows}

    def say_change(self, photo: int) -> str:
        """Return the change of a photo in words; empty without one."""
        change = self.changes.get(photo)
        if change is None:
            return ""
        if change["excluded"]:
            return "excluded"
        words = []
        if change["new_class"] != change["class"]:
            words.append(f"relabelled to {plain(str(change['new_class']), 30)}")
        if change["new_split"] != change["split"]:
            words.append(f"moved to {change['new_split']}")
        return ", ".join(words)

    def settles(self, pair: pd.Series) -> bool:
        """Return whether the tray resolves a pair of this finding."""
        sides = {end: self.changes.get(int(pair[end])) for end in ("a", "b")}
        if any(change is not None and change["excluded"] for change in sides.values()):
            return True
        what = {"leak": "split", "across": "class"}.get(self.finding)
        if what is None:
            return False
        then = {pair[f"{what}_{n}"] if s is None else s[f"new_{what}"] for n, s in sides.items()}
        return len(then) == 1

    def find_flagged(self, measure: str) -> np.ndarray:
        """Return the photos beyond the threshold of a measure, (m,) int64, the worst first."""
        values, flagged = self._flag(measure)
        photos = np.flatnonzero(flagged)
        sign = 1 if MEASURED[measure].worse == "low" else -1
        return photos[np.argsort(sign * values[photos], kind="stable")]

    def _flag(self, measure: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a measure of each photo, and which are beyond its threshold, (n,) each."""
        values = measure_issue(self.dataset.manifest, measure)
        return values, MEASURED[measure].is_beyond(values, self.thresholds[measure])

    def count_classes(self, split: str | None = None) -> pd.Series:
        """Return the number of photos of each class, empty classes too, in one split or in all."""
        dataset = self.dataset
        labels = dataset.labels[dataset.photo_numbers(split)]
        return pd.Series(np.bincount(labels, minlength=len(dataset.classes)), index=dataset.classes)


@dataclass(frozen=True, kw_only=True, eq=False)
class LeakEffect(cache.RunPage):
    """A run whose metrics are compared with and without leaking photos."""

    runs: Mapping[str, RunRecord]
    sealed: bool
    """Whether the test photos are sealed; then no score is read."""
    pairs: pd.DataFrame

    @cached_property
    def photos(self) -> np.ndarray:
        """The photos of the split, (m,) int64."""
        return self.result.photo_numbers(self.split)

    @cached_property
    def leaking(self) -> np.ndarray:
        """The photos of the split with a copy in train."""
        return list_leaking_photos(self.pairs, self.result.splits, self.split)

    def compare(self) -> list[Evaluation]:
        """Return the metrics with the leaking photos, then without them."""
        result, rest = self.result, np.setdiff1d(self.photos, self.leaking)
        return [
            evaluate_scores(result.scores[photos], result.labels[photos], result.classes)
            for photos in (self.photos, rest)
        ]


def read_quality_page(dataset: Dataset) -> QualityPage:
    """Read the finding of a dataset that the address names."""
    finding = settle_choice("finding", FINDINGS, "exact")
    return QualityPage(dataset, finding, cache.quality(dataset.id), _read_thresholds())


def read_leak_effect(page: QualityPage) -> LeakEffect | None:
    """Read the run and the split of the comparison; None without a finished run."""
    runs = {run.id: run for run in list_done(page.dataset.id)}
    run = choose_run(list(runs.values()))
    if run is None:
        return None
    split = st.session_state.get("quality.split") or "validation"
    sealed = split == "test" and not is_opened(run.id)
    return LeakEffect(run=run, split=split, runs=runs, sealed=sealed, pairs=page.all_pairs)


def read_job(dataset: Dataset) -> tuple[str, JobStatus] | None:
    """Read the running analysis of the dataset, else the one in the address."""
    workspace, named = cache.workspace(), read_choice(ANALYSIS)
    for identifier, job in list_jobs(workspace.analyses).items():
        asked = job.parameters.get("kind"), job.parameters.get("dataset")
        if asked == ("quality", dataset.id) and (job.state == "running" or identifier == named):
            return identifier, job
    return None


def measure_balance(counts: pd.Series) -> tuple[float, float]:
    """Return the ratio of the largest to the smallest class, and the effective number of classes.

    Source: exponential of the entropy of the shares, Hill number of order 1 (Hill 1973).
    """
    there = counts[counts > 0].to_numpy(dtype=np.float64)
    if len(there) == 0:
        return np.nan, 0.0
    shares = there / there.sum()
    return float(there.max() / there.min()), float(np.exp(-(shares * np.log(shares)).sum()))


def _choose_pairs(pairs: pd.DataFrame, finding: str) -> pd.DataFrame:
    """Return the pairs of one of the four findings about copies."""
    if finding in ("exact", "near"):
        return pairs[pairs["kind"] == finding]
    return pairs[pairs["across_classes" if finding == "across" else "leak"]]


def _read_thresholds() -> dict[str, float]:
    """Read the thresholds of the address or this session, else the defaults."""
    chosen = {issue: measured.threshold for issue, measured in MEASURED.items()}
    for issue, measured in MEASURED.items():
        text = read_choice(issue)
        stated = pd.to_numeric(text, errors="coerce") if text else np.nan
        if measured.lowest <= stated <= measured.highest:
            chosen[issue] = float(stated)
        else:
            refuse_value(issue)
    return chosen


@st.cache_resource(max_entries=4, show_spinner="Comparing the photos with each other …")
def _find_pairs(dataset_id: str) -> pd.DataFrame:
    return find_pairs(cache.dataset(dataset_id))
