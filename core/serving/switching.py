"""Which version answers: the champion, also when it changes under full load.

A thread looks at the alias every second. It loads a new champion while the old one answers, and
puts it in place in one assignment; a damaged one is refused, and the old one continues.
"""

import logging
import math
import threading
import time
from dataclasses import dataclass
from functools import partial

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from core.config import PHOTO_SIZE, Framing
from core.errors import PetalscopeError, ServiceNotReady, WorkspaceMissing
from core.prediction.predictor import Predictor
from core.registry.events import list_former
from core.registry.loading import open_version, report_refusal
from core.registry.store import ModelVersion, open_first, read_aliases
from core.serving.logbook import Figures, note
from core.workspace import Workspace

LOOKED_AT_S = 1.0
"""Seconds between looks at the alias."""
_TRIED_AGAIN_S = 30.0
"""Seconds after which a damaged champion is tried again: it may have been repaired."""
BATCH = 16
"""Photos of a batch, where the network is compiled for many."""
_FEW = 2
"""Photos of a batch, where it takes one after the other: more would only wait for another."""
_WORTH = 1.15
"""Least speed-up for which the network for many is used: noise must not decide."""
_TRIALS = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class ServingModel:
    """A version ready to answer, compiled for one photo and perhaps for many."""

    version: ModelVersion
    single: Predictor
    many: Predictor | None = None
    break_even: int = 1
    """Photos from which on `many` is faster."""

    @property
    def framing(self) -> Framing:
        """How its photos are packed."""
        return self.single.backbone_facts.framing

    @property
    def batch_size(self) -> int:
        """Photos of a batch, at most."""
        return BATCH if self.many else _FEW

    def answer(self, photos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return features (n, d) and scores (n, k) of packed photos (n, 224, 224, 3) uint8."""
        if self.many is not None and len(photos) >= self.break_even:
            return self.many.answer_packed(photos)
        return self.single.answer_packed(photos)


def open_serving_model(workspace: Workspace, number: int) -> ServingModel:
    """Return a version, warmed up; compiled for many photos only where that is clearly faster."""
    single = open_version(workspace, number, purpose="latency")
    many = open_version(workspace, number, purpose="throughput")
    assert single.version is not None
    batch = np.zeros((BATCH, PHOTO_SIZE, PHOTO_SIZE, 3), dtype=np.uint8)
    for predictor in (single, many):  # the first answer is slower than any later one
        features, scores = predictor.answer_packed(batch[:1])
        predictor.decide_scores(scores[0], features[0])
    one = min(_time_answer(single, batch[:1]) for _ in range(2 * _TRIALS))
    whole = min(_time_answer(many, batch) for _ in range(_TRIALS))
    if BATCH * one < _WORTH * whole:
        return ServingModel(version=single.version, single=single)
    least = math.ceil(whole / one)
    return ServingModel(version=single.version, single=single, many=many, break_even=least)


def _time_answer(predictor: Predictor, photos: np.ndarray) -> float:
    start = time.perf_counter()
    predictor.answer_packed(photos)
    return time.perf_counter() - start


@dataclass(frozen=True, kw_only=True)
class State:
    """The version that serves, and the problem where it is not the champion."""

    model: ServingModel | None = None
    champion: int | None = None
    problem: str = ""
    remedy: str = ""

    @property
    def refusal(self) -> ServiceNotReady:
        """The error while no version answers: why, and what helps."""
        return ServiceNotReady(
            self.problem or "No model version is in use yet.",
            self.remedy
            or "Register a finished run and promote it, on the page Models or with “python -m core "
            "register RUN” and “python -m core promote v1 --reason first”. The API then loads it.",
            retry_after=5,
        )

    @property
    def is_degraded(self) -> bool:
        """Whether a version other than the champion answers."""
        return self.model is not None and self.model.version.number != self.champion


class Switcher:
    """Follows the champion."""

    def __init__(self, workspace: Workspace, figures: Figures) -> None:
        self._workspace = workspace
        self._figures = figures
        self.state = State()
        self._refused: tuple[int, float] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="switcher", daemon=True)

    def find_model(self) -> ServingModel | None:
        """Return the model that serves now; None without one."""
        return self.state.model

    def start(self) -> None:
        """Begin to follow the champion, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """Wait until the thread has ended."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Load the version that the alias `champion` names now."""
        try:
            self._follow(read_aliases(self._workspace).get("champion"))
        except WorkspaceMissing as error:
            self._show(State(problem=error.problem, remedy=error.remedy))
        except (SQLAlchemyError, PetalscopeError, OSError, RuntimeError) as error:
            # RuntimeError is OpenVINO's. The version that serves continues; it is tried again.
            _log.error("the champion could not be read: %s", type(error).__name__)
            if self.state.model is None:
                problem = "The champion could not be read from the registry."
                remedy = "See the log of the API; the API tries again."
                self._show(State(problem=problem, remedy=remedy))

    def _watch(self) -> None:
        while True:
            self.look()
            if self._ended.wait(LOOKED_AT_S):
                return

    def _follow(self, champion: int | None) -> None:
        serving = self.state.model
        if champion is None or (serving is not None and serving.version.number == champion):
            self._refused = None
            self._show(State(model=serving, champion=champion))
            return
        if self._refused and self._refused[0] == champion and time.monotonic() < self._refused[1]:
            return
        if self.state == State():
            self.state = State(
                champion=champion,
                problem=f"The champion, v{champion}, is being loaded.",
                remedy="Try again in a few seconds.",
            )
        former = [] if serving else list_former(self._workspace, but=champion)
        opened, faults = open_first(
            (champion, *former), partial(open_serving_model, self._workspace)
        )
        model, problem = opened or serving, faults.get(champion)
        if problem is not None:
            self._refused = (champion, time.monotonic() + _TRIED_AGAIN_S)
            instead = model.version.number if model else None
            report_refusal(self._workspace, champion, problem, instead=instead)
        facts = {"problem": problem.problem, "remedy": problem.remedy} if problem else {}
        self._show(State(model=model, champion=champion, **facts))

    def _show(self, state: State) -> None:
        if state == self.state:
            return
        self.state = state
        self._figures.degraded.set(state.is_degraded or state.model is None)
        if state.model is None:
            note("not ready", {"problem": state.problem}, logging.ERROR)
            return
        version = state.model.version
        serving = {"version": version.label, "digest": version.digest[:12]}
        self._figures.serving.clear()
        self._figures.serving.labels(**serving).set(1)
        note("serving", {**serving, "champion": state.champion, "problem": state.problem})
