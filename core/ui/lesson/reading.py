"""The content of the lesson: the step, its control, and the figures behind its picture.

In the URL: `lesson`, `step` (from 1) and `set` (the value of the control).
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.confusion import count_confusions
from core.exact.curves import Forecast, order_stratified
from core.exact.head import ExactHead
from core.exact.store import CURVE, HeadSource
from core.runs.recipe.strategies import STRATEGIES
from core.teaching.checks import FEWEST_ANSWERS, find_lows, find_target, round_down
from core.teaching.lessons import Lesson, Step, StepWords, Word, read_lesson
from core.teaching.live_head import Known, LiveEpoch, LiveRecipe, learn
from core.ui.lesson.looking import OFFERED, Sight, Turned, choose_beside, find_telling, turn_photo
from core.ui.lesson.trained import MODEL, Trained
from core.ui.parts import cache
from core.ui.parts.state import choose_from, choose_number
from core.ui.visitor import name_browser
from models.rows import read_kept

LESSON, STEP, SET = "lesson", "step", "set"
MOST_LEARNT = 1_000
"""Training photos of the live head: the lesson shows how training works, not how well."""
_ASKED = 5
_FORMS = {"dropout": "{:g}", "epochs": "{:g}", "turned": "{:g}°"}
"""Formats of control values; otherwise percent."""
_TARGETS = 0.9, 0.92, 0.95


@dataclass(frozen=True, kw_only=True, eq=False)
class LessonPage:
    """One step on a dataset."""

    lesson: Lesson
    place: int
    source: HeadSource
    head: ExactHead
    person: int
    """A number of the browser: neighbours get different questions about the same curves."""
    drawn: dict[str, Any] = field(default_factory=dict)
    """The chart of the step as Vega-Lite, once it is drawn."""

    @property
    def text(self) -> Mapping[Word, str]:
        """The words that all steps share."""
        return self.lesson.text.words

    @property
    def step(self) -> Step:
        return self.lesson.steps[self.place]

    @property
    def words(self) -> StepWords:
        return self.lesson.text.steps[self.step.key]

    @property
    def key(self) -> str:
        """Prefix of the step's keys in session state."""
        return f"lesson.{self.lesson.key}.{self.step.key}.{self.source.id}"

    @cached_property
    def options(self) -> dict[str, str]:
        """Values of the control in the address → on screen."""
        if self.step.picture == "photos":
            measured = [] if self.forecast is None else self.forecast.curve.sizes.tolist()
            return {str(size): f"{size:,}" for size in measured}
        if self.step.picture == "confused":
            names = self.source.dataset.classes
            return {names[one]: names[one] for one in self.missed}
        if self.step.picture == "excited":
            return {str(one): str(one) for one in self.features}
        if self.step.picture == "strategies":
            return {name: STRATEGIES[name].title for name in self.trained.runs if name != MODEL}
        if self.step.picture == "unsure" and len(self.judged) < FEWEST_ANSWERS:
            return {}
        form = _FORMS.get(self.step.varies if self.step.picture == "curves" else self.step.picture)
        if self.step.picture == "curves" and self.step.varies == "learning_rate":
            return {
                f"{value:g}": np.format_float_positional(value, trim="-")
                for value in self.step.values
            }
        return {f"{value:g}": (form or "{:.0f} %").format(value) for value in self.step.values}

    @property
    def chosen(self) -> str:
        """The value of the control; its start for an invalid link; empty without options."""
        if named := choose_from(SET, self.options, ""):
            return named
        if self.step.values and self.options:
            return f"{self.step.start:g}"
        names = list(self.options) or [""]
        return names[-1] if self.step.picture == "photos" else names[0]

    @property
    def number(self) -> int:
        """The place of the chosen option."""
        return list(self.options).index(self.chosen)

    @property
    def missing(self) -> str:
        """The kind of the job that must run before the picture can be drawn, or ""."""
        return CURVE if self.step.picture == "photos" and self.forecast is None else ""

    @property
    def forecast(self) -> Forecast | None:
        """The learning curve with its forecast; None before its job."""
        return cache.forecast(self.source.dataset.id, self.source.run)

    @property
    def judged(self) -> np.ndarray:
        """(m,) int: the validation photos."""
        return self.source.dataset.photo_numbers("validation")

    @property
    def true(self) -> np.ndarray:
        """(m,) int: their classes."""
        return np.asarray(self.source.dataset.labels[self.judged])

    @property
    def sight(self) -> Sight:
        """The network's view of the photos."""
        return Sight(self.source, self.head)

    @cached_property
    def features(self) -> list[int]:
        """A few of the features that separate the classes."""
        telling = find_telling(self.source.id, self.sight)
        values = np.sort(self.sight.read()[self.judged][:, telling], axis=0)[::-1]
        high, middle = max(len(values) // 20, 1) - 1, len(values) // 2
        telling = telling[values[high] > values[middle]]  # else the question has no answer
        drawn = np.random.default_rng(self.person).permutation(telling)[:OFFERED]
        return sorted(int(one) for one in drawn)

    @cached_property
    def beside(self) -> tuple[np.ndarray, np.ndarray]:
        """Four validation photos, and the values of the chosen feature on all of them (m,)."""
        values = self.sight.read()[self.judged, int(self.chosen)]
        return self.judged[choose_beside(values, self.person + int(self.chosen))], values

    @cached_property
    def scores(self) -> np.ndarray:
        """(m, k): scores of the exact head."""
        return self.head.to_scores(self.head.outputs[self.judged])

    @cached_property
    def matrix(self) -> np.ndarray:
        """(k, k) int: confusions of validation photos, rows true, columns predicted."""
        return count_confusions(self.true, self.scores.argmax(axis=1), self.head.n_classes)

    @cached_property
    def missed(self) -> list[int]:
        """Classes with mistakes, most first."""
        lost = self.matrix.sum(axis=1) - self.matrix.diagonal()
        return [int(one) for one in np.argsort(-lost, kind="stable") if lost[one]]

    @cached_property
    def asked(self) -> int:
        """The class of the question, one of those with most mistakes."""
        return self.missed[self.person % min(_ASKED, len(self.missed))]

    def learn_with(self, value: float) -> list[LiveEpoch]:
        """Return the training for a value of the control."""
        return _learn(self.source.id, self.step.vary(value), self.source, self.head)

    @cached_property
    def learnt_shares(self) -> np.ndarray:
        """(v,): the accuracy after the last epoch, by value of the control."""
        return np.array([self.learn_with(one)[-1].validation_accuracy for one in self.step.values])

    @cached_property
    def turned(self) -> Turned:
        """A photo with a correct but unsure prediction, at all rotations."""
        right = np.flatnonzero(self.scores.argmax(axis=1) == self.true)
        right = right if len(right) else np.arange(len(self.true))
        order = right[np.argsort(self.scores[right].max(axis=1), kind="stable")]
        unsure = order[len(order) // 10 : max(len(order) // 3, 1)]  # the least sure change at once
        photo = self.judged[unsure[self.person % len(unsure)]]
        return turn_photo(self.source.id, int(photo), self.step.values, self.sight)

    @cached_property
    def trained(self) -> Trained:
        """Runs of the dataset."""
        return Trained(self.source.dataset)

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Lines of answers and accuracy by threshold: place, line (its name), hits, of, share."""
        answered, right = self.by_threshold.T
        lines = {
            self.text["answered"]: (answered, len(self.judged)),
            self.text["right"]: (right, answered),
        }
        places = [float(one) for one in self.options]
        parts = [
            pd.DataFrame({"place": places, "line": name, "hits": hits, "of": of})
            for name, (hits, of) in lines.items()
        ]
        table = pd.concat(parts, ignore_index=True).astype({"hits": int, "of": int})
        return table.assign(share=table["hits"] / table["of"].where(table["of"] > 0))

    @cached_property
    def by_threshold(self) -> np.ndarray:
        """(v, 2) int: photos with an answer, and with a correct one, by threshold."""
        tops, right = self.scores.max(axis=1), self.scores.argmax(axis=1) == self.true
        answered = tops[None] >= np.array(self.step.values)[:, None] / 100
        return np.stack([answered.sum(axis=1), (answered & right).sum(axis=1)], axis=1)

    @cached_property
    def target(self) -> float:
        """The share that the question asks for: reachable here, but seldom at the start."""
        if self.step.picture == "curves":
            return find_target(self.learnt_shares)
        if self.step.picture == "photos":
            assert self.forecast is not None  # the picture is drawn
            shares = self.forecast.curve.means
            share = 0.5 + self.person % 30 / 100
            return round_down(shares[0] + share * (shares.max() - shares[0]))
        lows = find_lows(self.by_threshold)
        best = round_down(lows.max())
        target = min(_TARGETS[self.person % len(_TARGETS)], best)
        if target > lows[0]:
            return target
        # Halfway between start and best, so that the control must move.
        return min(best, round_down((lows[0] + best) / 2) + 0.01)


def read_lesson_page(source: HeadSource, head: ExactHead, lesson: Lesson) -> LessonPage:
    """Return the open step."""
    asked = choose_number(STEP, len(lesson.steps) + 1, 1) or 1
    person = zlib.crc32(name_browser().encode())
    return LessonPage(lesson=lesson, place=asked - 1, source=source, head=head, person=person)


@st.cache_data(max_entries=8, ttl=60, show_spinner=False)
def open_lesson(folder: Path) -> Lesson:
    """Return a lesson, read again after a minute."""
    return read_lesson(folder)


@st.cache_data(max_entries=128, show_spinner="Training …")
def _learn(
    source_id: str, recipe: LiveRecipe, _source: HeadSource, _head: ExactHead
) -> list[LiveEpoch]:
    return list(learn(_know(source_id, _source, _head), recipe))


@st.cache_resource(max_entries=2, show_spinner=False)
def _know(source_id: str, _source: HeadSource, _head: ExactHead) -> Known:  # noqa: ARG001
    """Return the training and validation photos of the live head."""
    labels, standard = _source.dataset.labels, _head.standard
    features = read_kept(cache.workspace(), _source.features_id)
    assert features is not None  # the head rests on them
    order = order_stratified(labels[_source.train], np.random.default_rng(0))
    photos = np.sort(_source.train[order[:MOST_LEARNT]])
    judged = _source.dataset.photo_numbers("validation")
    train, validation = (
        ((features[part] - standard.mean) / standard.scale).astype(np.float32)
        for part in (photos, judged)
    )
    return Known(
        train=train,
        train_labels=labels[photos],
        validation=validation,
        validation_labels=labels[judged],
        n_classes=len(_source.dataset.classes),
    )
