"""Read the page Calibration once: the address and the caches → one `CalibrationPage`.

In the URL: `threshold` and `bins`; the views read `question`, `bin` (such as "raw-3") and `photos`.
Expensive figures are computed when they are first drawn, and cached by run and result.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, cast, get_args

import numpy as np
import streamlit as st

from core.errors import FeaturesMissing
from core.evaluation.calibration import (
    FEWEST_TO_FIT,
    Binning,
    Calibration,
    cross_fit_scores,
    measure_calibration,
    temper_scores,
)
from core.evaluation.coverage import FEWEST_TO_LIMIT, choose_threshold
from core.formats import count, percent, plain
from core.prediction.deciding import DecisionRule, is_rule_stale, judge_photos, read_rule
from core.prediction.rules import (
    RunDistances,
    find_default_rule,
    find_limit_of_run,
    find_rule,
    find_temperature,
    read_distances,
)
from core.runs.result import RunResult
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.state import choose_from, choose_number
from data.dataset import Dataset

OF = "calibration.run"
"""Session key of the run whose threshold is in the address."""


class Judged(NamedTuple):
    """The effect of a rule on each photo of a split."""

    scores: np.ndarray
    right: np.ndarray
    """Whether the best class is correct."""
    answered: np.ndarray
    unlike: np.ndarray


@dataclass(frozen=True, kw_only=True)
class CalibrationPage:
    """The scores of a run on a split, and its rule."""

    run: RunRecord
    split: str
    dataset: Dataset
    result: RunResult
    saved: DecisionRule | None
    is_stale: bool
    """Whether the saved rule belongs to an earlier result."""
    threshold: int | None
    """The threshold of the link, in percent, if it is of this run."""
    binning: Binning

    @cached_property
    def rule(self) -> DecisionRule | None:
        """The current rule of the run: the saved one, the default one or none."""
        return find_rule(cache.workspace(), self.run.id, self.result)

    @cached_property
    def start(self) -> DecisionRule | None:
        """The rule that the controls show first: the saved one, else the default one."""
        return self.saved or find_default_rule(cache.workspace(), self.run.id, self.result)

    @cached_property
    def numbers(self) -> np.ndarray:
        """(m,) int, photos of the split that are judged."""
        return self.result.draw_photos(self.split)

    @cached_property
    def validation(self) -> np.ndarray:
        """(v,) int, photos that choose the rule."""
        return self.result.draw_photos("validation")

    @cached_property
    def temperature(self) -> float | None:
        """The temperature that fits the validation photos; None where they settle none."""
        return _find_temperature(self.run.id)

    @cached_property
    def distances(self) -> RunDistances:
        """The distances of all photos from the training photos.

        Raises:
            FeaturesMissing: The features of the run were deleted.
        """
        return _measure_distances(self.run.id)

    @cached_property
    def limit(self) -> tuple[float | None, str]:
        """The limit of the distance, if there is one, and a sentence about it."""
        few = len(self.validation) < FEWEST_TO_LIMIT
        try:
            limit, n = _find_limit(self.run.id)
        except FeaturesMissing as error:
            return None, f"{plain(error.problem)} {plain(error.remedy)}"
        photos = count(n, "photo" if few else "validation photo")
        if limit is None:
            return None, f"No limit: {photos} are too few."
        of = " (validation and left-out training photos)" if few else ""
        return limit, f"Limit {limit:,.2f}: 95 % of the {photos}{of} are within it."

    def find_threshold(self, degree: float, target: float) -> float | None:
        """Return the lowest threshold with the target accuracy on the validation photos."""
        return _find_threshold(self.run.id, degree, target)

    def temper(self, degree: float, split: str | None = None) -> np.ndarray:
        """Return the scores (m, k) float32 of a split (default: of the page) at a temperature."""
        return _temper(self.run.id, split or self.split, degree)

    def judge_scores(self, rule: DecisionRule) -> tuple[Calibration, Calibration | None]:
        """Return the calibration of the raw and of the calibrated scores."""
        before = _measure(self.run.id, self.split, self.binning, 1.0)
        if rule.temperature == 1:
            return before, None
        return before, _measure(self.run.id, self.split, self.binning, self._find_degree(rule))

    def list_scores(self, rule: DecisionRule, which: str) -> np.ndarray:
        """Return the scores (m, k) of the split, "raw" or "calibrated"."""
        degree = self._find_degree(rule) if which == "calibrated" else 1.0
        return _list_scores(self.run.id, self.split, degree)

    def judge_answers(self, rule: DecisionRule) -> Judged:
        """Return the effect of the rule on each photo of the split."""
        scores = self.temper(rule.temperature)
        distances = None
        if rule.unlike_limit is not None:
            with suppress(FeaturesMissing):  # the control says so
                distances = self.distances.distances[self.numbers]
        answered, unlike = judge_photos(rule, scores, self.result.classes, distances)
        right = scores.argmax(axis=1) == self.result.labels[self.numbers]
        return Judged(scores=scores, right=right, answered=answered, unlike=unlike)

    def describe_answer(self, photo: int, answer: int, score: float) -> str:
        """Return the caption of a photo: true class (if different), answer and score."""
        classes = self.result.classes
        true, said = classes[self.result.labels[photo]], classes[answer]
        named = said if true == said else f"{true} → {said}"
        # A non-breaking space keeps number and sign on one line.
        return f"{named} {percent(float(score), 100)}".replace(" %", "\u00a0%")

    def _find_degree(self, rule: DecisionRule) -> float | None:
        # The validation photos chose the temperature: it is cross-fitted there.
        return None if self.split == "validation" else rule.temperature


def read_calibration(run: RunRecord, split: str) -> CalibrationPage:
    """Read what the page shows of a run on a split."""
    stated = st.session_state.get(OF) in (None, run.id)
    saved = read_rule(cache.workspace(), run.id)
    return CalibrationPage(
        run=run,
        split=split,
        dataset=cache.dataset(run.recipe.dataset),
        result=cache.result(run.id),
        saved=saved,
        is_stale=saved is None and is_rule_stale(cache.workspace(), run.id),
        threshold=choose_number("threshold", 101) if stated else None,
        binning=cast("Binning", choose_from("bins", get_args(Binning), "width")),
    )


def _read_split(
    run_id: str, split: str = "validation", degree: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores (m, k) of a split's photos at a temperature, and their labels (m,)."""
    answers = cache.result(run_id)
    return _temper(run_id, split, degree), answers.labels[answers.draw_photos(split)]


@cache.cached_by(cache.result_key, most=32)
def _find_temperature(run_id: str) -> float | None:
    scores, labels = _read_split(run_id)
    crossed = _fit(run_id, "validation") if len(labels) >= FEWEST_TO_FIT else None
    return find_temperature(scores, labels, crossed)


@cache.cached_by(cache.result_key, most=6)
def _temper(run_id: str, split: str, degree: float) -> np.ndarray:
    answers = cache.result(run_id)
    return temper_scores(answers.scores[answers.draw_photos(split)], degree)


@cache.cached_by(cache.result_key, most=32)
def _measure(run_id: str, split: str, binning: Binning, degree: float | None) -> Calibration:
    _, labels = _read_split(run_id, split)
    return measure_calibration(_list_scores(run_id, split, degree), labels, binning)


def _list_scores(run_id: str, split: str, degree: float | None) -> np.ndarray:
    """Return the scores (m, k) of a split's photos at a temperature; None: cross-fitted."""
    scores, labels = _read_split(run_id, split, degree or 1.0)
    return scores if degree is not None or len(labels) < FEWEST_TO_FIT else _fit(run_id, split)


@cache.cached_by(cache.result_key, most=8)
def _fit(run_id: str, split: str) -> np.ndarray:
    return cross_fit_scores(*_read_split(run_id, split))


@cache.cached_by(cache.result_key, most=64)
def _find_threshold(run_id: str, degree: float, target: float) -> float | None:
    scores, labels = _read_split(run_id, degree=degree)
    right = scores.argmax(axis=1) == labels
    return choose_threshold(scores.max(axis=1, initial=0.0), right, target)


@cache.cached_by(cache.result_key, most=4, wait="Measuring distances …")
def _measure_distances(run_id: str) -> RunDistances:
    return read_distances(cache.workspace(), run_id, cache.result(run_id))


@cache.cached_by(cache.result_key, most=32, wait="Measuring distances …")
def _find_limit(run_id: str) -> tuple[float | None, int]:
    return find_limit_of_run(cache.workspace(), run_id, cache.result(run_id))
