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
    find_default_rule,
    find_limit_of_run,
    find_rule,
    find_temperature,
    read_distances,
)
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.state import choose_from, choose_number

OF = "calibration.run"
"""Session key of the run whose threshold is in the address."""


class Judged(NamedTuple):
    """The effect of a rule on each photo of a split."""

    scores: np.ndarray
    right: np.ndarray
    """Whether the best class is correct."""
    answered: np.ndarray
    unlike: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationPage(cache.RunPage):
    """The scores of a run on a split, and its rule."""

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
    @cache.cached_by(cache.run_key, most=32)
    def temperature(self) -> float | None:
        """The temperature that fits the validation photos; None where they settle none."""
        labels = self._read_labels("validation")
        crossed = self._fit("validation") if len(labels) >= FEWEST_TO_FIT else None
        return find_temperature(self._temper("validation", 1.0), labels, crossed)

    @cached_property
    @cache.cached_by(cache.run_key, most=4, wait="Measuring distances …")
    def distances(self) -> np.ndarray:
        """The distances of all photos from the training photos, (n,) float32.

        Raises:
            FeaturesMissing: The features of the run were deleted.
        """
        return read_distances(cache.workspace(), self.run.id, self.result)[1]

    @cached_property
    def limit(self) -> tuple[float | None, str]:
        """The limit of the distance, if there is one, and a sentence about it."""
        few = len(self.validation) < FEWEST_TO_LIMIT
        try:
            limit, n = self._find_limit()
        except FeaturesMissing as error:
            return None, f"{plain(error.problem)} {plain(error.remedy)}"
        photos = count(n, "photo" if few else "validation photo")
        if limit is None:
            return None, f"No limit: {photos} are too few."
        of = " (validation and left-out training photos)" if few else ""
        return limit, f"Limit {limit:,.2f}: 95 % of the {photos}{of} are within it."

    @cache.cached_by(cache.run_key, most=32, wait="Measuring distances …")
    def _find_limit(self) -> tuple[float | None, int]:
        return find_limit_of_run(cache.workspace(), self.run.id, self.result)

    @cache.cached_by(cache.run_key, most=64)
    def find_threshold(self, degree: float, target: float) -> float | None:
        """Return the lowest threshold with the target accuracy on the validation photos."""
        scores = self._temper("validation", degree)
        right = scores.argmax(axis=1) == self._read_labels("validation")
        return choose_threshold(scores.max(axis=1, initial=0.0), right, target)

    def judge_scores(self, rule: DecisionRule) -> tuple[Calibration, Calibration | None]:
        """Return the calibration of the raw and of the calibrated scores."""
        before = self._measure(self.binning, 1.0)
        if rule.temperature == 1:
            return before, None
        return before, self._measure(self.binning, self._find_degree(rule))

    def list_scores(self, rule: DecisionRule, which: str) -> np.ndarray:
        """Return the scores (m, k) of the split, "raw" or "calibrated"."""
        degree = self._find_degree(rule) if which == "calibrated" else 1.0
        return self._list_scores(degree)

    def judge_answers(self, rule: DecisionRule) -> Judged:
        """Return the effect of the rule on each photo of the split."""
        scores = self._temper(self.split, rule.temperature)
        distances = None
        if rule.unlike_limit is not None:
            with suppress(FeaturesMissing):  # the control says so
                distances = self.distances[self.numbers]
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

    @cache.cached_by(cache.page_key, most=32)
    def _measure(self, binning: Binning, degree: float | None) -> Calibration:
        labels = self._read_labels(self.split)
        return measure_calibration(self._list_scores(degree), labels, binning)

    def _list_scores(self, degree: float | None) -> np.ndarray:
        """Return the scores (m, k) of the split at a temperature; None: cross-fitted."""
        if degree is not None or len(self.numbers) < FEWEST_TO_FIT:
            return self._temper(self.split, degree or 1.0)
        return self._fit(self.split)

    @cache.cached_by(cache.run_key, most=8)
    def _fit(self, split: str) -> np.ndarray:
        return cross_fit_scores(self._temper(split, 1.0), self._read_labels(split))

    @cache.cached_by(cache.run_key, most=6)
    def _temper(self, split: str, degree: float) -> np.ndarray:
        """Return the scores (m, k) float32 of the photos of a split at a temperature."""
        return temper_scores(self.result.scores[self.result.draw_photos(split)], degree)

    def _read_labels(self, split: str) -> np.ndarray:
        return np.asarray(self.result.labels[self.result.draw_photos(split)])


def read_calibration(run: RunRecord, split: str) -> CalibrationPage:
    """Read what the page shows of a run on a split."""
    stated = st.session_state.get(OF) in (None, run.id)
    saved = read_rule(cache.workspace(), run.id)
    return CalibrationPage(
        run=run,
        split=split,
        saved=saved,
        is_stale=saved is None and is_rule_stale(cache.workspace(), run.id),
        threshold=choose_number("threshold", 101) if stated else None,
        binning=cast("Binning", choose_from("bins", get_args(Binning), "width")),
    )
