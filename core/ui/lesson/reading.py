"""What the lesson shows: the step, where its control stands, and the figures behind its picture.

In the URL: `lesson`, `step` (from 1) and `set` (where the control stands).
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

from core.config import fingerprint
from core.evaluation.confusion import count_confusions
from core.exact.forecasting import KIND
from core.exact.lesson import KIND as STAGES_KIND
from core.exact.lesson import SEEDS, name_trainings, read_stages, read_trainings
from core.exact.store import HeadSource, find_judged_source
from core.instant.change import Change, answer_changed
from core.instant.curves import Forecast
from core.instant.head import ExactHead
from core.runs.recipe.strategies import HEAD, STAGES, STRATEGIES
from core.teaching.lessons import Lesson, Step, StepWords, Word, read_lesson
from core.teaching.live_head import LiveEpoch, spoil
from core.ui.lesson.looking import OFFERED, Sight, Turned, choose_beside, find_telling, turn_photo
from core.ui.lesson.trained import Trained
from core.ui.parts import cache
from core.ui.parts.state import read_choice, read_number
from core.ui.visitor import name_browser

LESSON, STEP, SET = "lesson", "step", "set"
PLANTED, _SHOWN, _COPIED = 3, 12, 20
_ASKED = 5
_FORMS = {"learning_rate": "{:g}", "dropout": "{:g}", "epochs": "{:g}", "turned": "{:g}°"}
"""How values of a control are drawn; else they are percent."""
_TARGETS = 0.9, 0.92, 0.95


@dataclass(frozen=True, kw_only=True, eq=False)
class LessonPage:
    """One step, with the dataset that it is asked of."""

    lesson: Lesson
    place: int
    source: HeadSource
    head: ExactHead
    person: int
    """Draws what differs between neighbours."""
    drawn: dict[str, Any] = field(default_factory=dict)
    """The chart of the step as Vega-Lite, once it is drawn."""

    @property
    def text(self) -> Mapping[Word, str]:
        """The words that all steps share."""
        return self.lesson.text.words

    @property
    def step(self) -> Step:
        """The step that is open."""
        return self.lesson.steps[self.place]

    @property
    def words(self) -> StepWords:
        """What is said in it."""
        return self.lesson.text.steps[self.step.key]

    @property
    def key(self) -> str:
        """Names the step on this dataset, in session state."""
        return f"lesson.{self.lesson.key}.{self.step.key}.{self.source.id}"

    @cached_property
    def options(self) -> dict[str, str]:
        """What the control may be, as the address says it → as it is drawn."""
        if self.step.picture == "photos":
            measured = [] if self.forecast is None else self.forecast.curve.sizes.tolist()
            return {str(size): f"{size:,}" for size in measured}
        if self.step.picture == "confused":
            names = self.source.dataset.classes
            return {names[one]: names[one] for one in self.missed}
        if self.step.picture == "excited":
            return {str(one): str(one) for one in self.features}
        if self.step.picture == "stages":
            own = self.source.weights != "random"
            return {str(stage): str(stage) for stage in range(1, STAGES + 1) if own}
        if self.step.picture == "strategies":
            return {name: STRATEGIES[name].title for name in self.trained.runs if name != HEAD}
        form = _FORMS.get(self.step.varies if self.step.picture == "curves" else self.step.picture)
        return {f"{value:g}": (form or "{:.0f} %").format(value) for value in self.step.values}

    @property
    def chosen(self) -> str:
        """Where the control stands; what a link does not name well is where it begins. Empty: there
        is nothing to choose, because no photo was taken for another class."""
        named = read_choice(SET)
        if named in self.options:
            return named
        if self.step.values:
            return f"{self.step.start:g}"
        names = list(self.options) or [""]
        return names[-1] if self.step.picture == "photos" else names[0]

    @property
    def number(self) -> int:
        """The place of the chosen option."""
        return list(self.options).index(self.chosen)

    @property
    def missing(self) -> str:
        """What has to be made before the picture can be drawn: a kind of job, or nothing."""
        if self.step.picture == "stages" and self.options and self.stages is None:
            return STAGES_KIND
        if self.step.picture == "curves" and self.trainings is None:
            return _name_trainings()
        return KIND if self.step.picture == "photos" and self.forecast is None else ""

    @property
    def trainings(self) -> Mapping[tuple[str, int], list[LiveEpoch]] | None:
        """Recipe and seed → epochs of what lessons train; None while they are not made."""
        return _read_trainings(self.source.dataset.id, _name_trainings())

    @property
    def forecast(self) -> Forecast | None:
        """The learning curve and its forecast; None while it is not measured."""
        return cache.forecast(self.source.dataset.id)

    @property
    def judged(self) -> np.ndarray:
        """(m,) int: validation photos."""
        return self.source.dataset.photo_numbers("validation")

    @property
    def true(self) -> np.ndarray:
        """(m,) int: their classes."""
        return np.asarray(self.source.dataset.labels[self.judged])

    @cached_property
    def stages(self) -> pd.DataFrame | None:
        """`counts` of the stages of the network; None while they are not measured."""
        table = read_stages(cache.workspace(), self.source)
        if table is None:
            return None
        random = table["weights"] == "random"
        table["line"] = np.where(random, self.text["random"], self.source.label)
        table = table.rename(columns={"stage": "place", "right": "hits", "n": "of"})
        return table.assign(share=table["hits"] / table["of"])

    @property
    def sight(self) -> Sight:
        """What the network makes of the photos."""
        return Sight(self.source, self.head)

    @cached_property
    def features(self) -> list[int]:
        """Features to look at: a few of those that tell classes apart."""
        telling = find_telling(self.source.id, self.sight)
        drawn = np.random.default_rng(self.person).permutation(telling)[:OFFERED]
        return sorted(int(one) for one in drawn)

    @cached_property
    def beside(self) -> tuple[np.ndarray, np.ndarray]:
        """Four validation photos, and how much all of them excite the chosen feature (m,)."""
        values = self.sight.read()[self.judged, int(self.chosen)]
        return self.judged[choose_beside(values, self.person + int(self.chosen))], values

    @cached_property
    def scores(self) -> np.ndarray:
        """(m, k): what the exact head says of them."""
        return self.head.to_scores(self.head.outputs[self.judged])

    @cached_property
    def matrix(self) -> np.ndarray:
        """(k, k) int: confusions of validation photos, rows true, columns predicted."""
        return count_confusions(self.true, self.scores.argmax(axis=1), self.head.n_classes)

    @cached_property
    def missed(self) -> list[int]:
        """Classes that lost a validation photo to another one, most first."""
        lost = self.matrix.sum(axis=1) - self.matrix.diagonal()
        return [int(one) for one in np.argsort(-lost, kind="stable") if lost[one]]

    @cached_property
    def asked(self) -> int:
        """The class that the question about confusions names: one of those that lose most."""
        return self.missed[self.person % min(_ASKED, len(self.missed))]

    def learn_with(self, value: float) -> list[LiveEpoch]:
        """Return the training whose control has this value."""
        assert self.trainings is not None  # the picture is drawn
        return self.trainings[fingerprint(self.step.vary(value)), self.person % SEEDS]

    @cached_property
    def turned(self) -> Turned:
        """A photo whose answer is right, but not sure, turned by all that the control may be."""
        right = np.flatnonzero(self.scores.argmax(axis=1) == self.true)
        right = right if len(right) else np.arange(len(self.true))
        order = right[np.argsort(self.scores[right].max(axis=1), kind="stable")]
        unsure = order[len(order) // 10 : max(len(order) // 3, 1)]  # the least sure turn at once
        photo = self.judged[unsure[self.person % len(unsure)]]
        return turn_photo(self.source.id, int(photo), self.step.values, self.sight)

    @cached_property
    def trained(self) -> Trained:
        """Runs of the dataset."""
        return Trained(self.source.dataset)

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Photos of the lines of the picture: place, line (its name), hits, of, share."""
        if self.step.picture == "stages" and self.stages is not None:
            return self.stages
        said, n = self.text, len(self.judged)
        if self.step.picture == "noise":
            true, spoilt = self.by_noise.T
            lines = {said["true_labels"]: (true, n), said["wrong_labels"]: (spoilt, n)}
        else:
            answered, right = self.by_threshold.T
            lines = {said["answered"]: (answered, n), said["right"]: (right, answered)}
        places = [float(one) for one in self.options]
        parts = [
            pd.DataFrame({"place": places, "line": name, "hits": hits, "of": of})
            for name, (hits, of) in lines.items()
        ]
        table = pd.concat(parts, ignore_index=True).astype({"hits": int, "of": int})
        return table.assign(share=table["hits"] / table["of"].where(table["of"] > 0))

    @cached_property
    def by_noise(self) -> np.ndarray:
        """(v, 2) int: right answers by true labels, and by labels as wrong as training's."""
        rows = []
        for value in self.step.values:
            answers = self._learn_wrong(value, self.source.train)
            spoilt = self._spoil(self.true, value, seed=1)
            rows.append([(answers == self.true).sum(), (answers == spoilt).sum()])
        return np.array(rows)

    def _spoil(self, labels: np.ndarray, wrong: float, seed: int = 0) -> np.ndarray:
        """Return labels with some percent of them wrong; more percent keep those of fewer."""
        return spoil(labels, wrong / 100, self.head.n_classes, np.random.default_rng(seed))

    def _learn_wrong(self, wrong: float, photos: np.ndarray) -> np.ndarray:
        """Return the answers (m,) for validation photos of a head that learned from these photos.

        Some percent of the labels of the training photos are wrong.
        """
        labels, train = self.source.dataset.labels.copy(), self.source.train
        labels[train] = self._spoil(labels[train], wrong)
        change = Change(labels=labels, train=photos, n_classes=self.head.n_classes)
        return np.asarray(answer_changed(self.head, change, self.judged).argmax(axis=1))

    @property
    def copied(self) -> int:
        """How many validation photos may be copied into training; others are left to judge."""
        return min(_COPIED, len(self.judged) // 2)

    @cached_property
    def leaked(self) -> dict[str, int]:
        """Right answers for the validation photos that are copied, and for the others, after and
        before."""
        train, copied = self.source.train, np.zeros(len(self.judged), bool)
        drawn = np.random.default_rng(self.person).permutation(len(copied))
        copied[drawn[: self.copied]] = True
        right = []
        for photos in (np.union1d(train, self.judged[copied]), train):
            answers = self._learn_wrong(float(self.chosen), photos)
            right += [(answers == self.true)[some].sum() for some in (copied, ~copied)]
        names = "after", "others_after", "before", "others_before"
        return {name: int(n) for name, n in zip(names, right, strict=True)}

    @cached_property
    def by_threshold(self) -> np.ndarray:
        """(v, 2) int: photos with an answer, and with a right one, by threshold."""
        tops, right = self.scores.max(axis=1), self.scores.argmax(axis=1) == self.true
        answered = tops[None] >= np.array(self.step.values)[:, None] / 100
        return np.stack([answered.sum(axis=1), (answered & right).sum(axis=1)], axis=1)

    @cached_property
    def target(self) -> float:
        """The share that a question asks for: something here reaches it, seldom the start."""
        if self.step.picture == "photos":
            assert self.forecast is not None  # the picture is drawn
            shares = self.forecast.curve.means
            share = 0.5 + self.person % 30 / 100
            return float(np.floor(100 * (shares[0] + share * (shares.max() - shares[0]))) / 100)
        answered, right = self.by_threshold.T
        shares = right / np.maximum(answered, 1)
        best = float(np.floor(100 * shares.max())) / 100
        target = min(_TARGETS[self.person % len(_TARGETS)], best)
        if target > shares[0]:
            return target
        # The control must be moved: halfway between where it begins and the best, if that is more.
        return min(best, float(np.floor(50 * (shares[0] + best)) + 1) / 100)

    @cached_property
    def planted(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Training photos (12,), the labels under them (12,), and which are wrong (12,) bool."""
        rng = np.random.default_rng(self.person)
        labels, n_classes = self.source.dataset.labels, self.head.n_classes
        sure = self.source.train[self.head.left_out.argmax(axis=1) == labels[self.source.train]]
        pool = sure if len(sure) >= _SHOWN else self.source.train
        photos = rng.permutation(pool)[:_SHOWN]
        wrong = np.arange(len(photos)) < PLANTED
        rng.shuffle(wrong)
        said = labels[photos].copy()
        said[wrong] = (said[wrong] + rng.integers(1, n_classes, PLANTED)) % n_classes
        return photos, said, wrong


def read_lesson_page(source: HeadSource, head: ExactHead, lesson: Lesson) -> LessonPage:
    """Read which step is open, and who asks."""
    asked = read_number(read_choice(STEP) or "", len(lesson.steps) + 1) or 1
    return LessonPage(
        lesson=lesson,
        place=asked - 1,
        source=source,
        head=head,
        person=zlib.crc32(name_browser().encode()),
    )


@st.cache_data(max_entries=8, ttl=60, show_spinner=False)
def open_lesson(folder: Path) -> Lesson:
    """Return a lesson, read anew after a minute."""
    return read_lesson(folder)


@st.cache_data(ttl=60, show_spinner=False)
def _name_trainings() -> str:
    return name_trainings(cache.workspace())


@cache.cached_by(cache.analyses_written, most=2)
def _read_trainings(dataset_id: str, kind: str) -> Mapping[tuple[str, int], list[LiveEpoch]] | None:
    source = find_judged_source(cache.workspace(), cache.dataset(dataset_id))
    return read_trainings(cache.workspace(), source, kind)
