"""Which version answers: the champion, also after it was changed under full load.

A thread looks at the alias every second. A new champion is loaded beside the old one and takes its
place in one assignment; a damaged one is refused, and what served before goes on serving.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from core.config import Framing
from core.errors import (
    PetalscopeError,
    ServiceNotReady,
    VersionDamaged,
    VersionMissing,
    WorkspaceMissing,
)
from core.prediction.predictor import Predictor
from core.registry.loading import open_standing, open_version, report_refusal
from core.registry.store import ModelVersion, read_aliases, read_version
from core.workspace import Workspace

LOOKED_AT_S = 1.0
"""How often the alias is looked at."""
_TRIED_AGAIN_S = 30.0
"""A damaged champion may be repaired: after so many seconds it is tried again."""

_log = logging.getLogger(__name__)


BATCH = 16
"""Photos of a batch, where the network is compiled for many."""
_FEW = 2
"""Photos of a batch, where it takes one after the other: more would only wait for another."""
_WORTH = 1.15
"""How many times as fast many at a time must be to be kept: noise must not decide."""
_TRIALS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class ServingModel:
    """What answers: one version, compiled for one photo and perhaps for many."""

    version: ModelVersion
    single: Predictor
    many: Predictor | None = None
    break_even: int = 1
    """Photos from which on `many` is the faster one."""

    @property
    def framing(self) -> Framing:
        """How the photos that it takes were packed."""
        return self.single.backbone_facts.framing

    @property
    def batch_size(self) -> int:
        """Photos that it is given at a time, at most."""
        return BATCH if self.many else _FEW

    def answer(self, photos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return features (n, 2048) and scores (n, k) of packed photos (n, 224, 224, 3) uint8."""
        if self.many is not None and len(photos) >= self.break_even:
            return self.many.answer_packed(photos)
        return self.single.answer_packed(photos)


def open_serving_model(workspace: Workspace, version: ModelVersion) -> ServingModel:
    """Return the version, warmed up and compiled for what is faster here.

    Raises:
        VersionDamaged: A file of it was cut short or altered.
        VersionMissing: It was deleted.
    """
    single = open_version(workspace, version.number, purpose="latency")
    return add_many(version, single, open_version(workspace, version.number, purpose="throughput"))


def add_many(version: ModelVersion, single: Predictor, many: Predictor) -> ServingModel:
    """Return the model; `many` is kept only where it answers clearly more photos a second."""
    side = single.backbone_facts.framing.side
    batch = np.zeros((BATCH, side, side, 3), dtype=np.uint8)
    for predictor in (single, many):  # the first answer is slower than any later one
        features, scores = predictor.answer_packed(batch[:1])
        predictor.decide_scores(scores[0], features[0])
    one = min(_time_answer(single, batch[:1]) for _ in range(2 * _TRIALS))
    whole = min(_time_answer(many, batch) for _ in range(_TRIALS))
    if BATCH * one < _WORTH * whole:
        return ServingModel(version=version, single=single)
    return ServingModel(
        version=version, single=single, many=many, break_even=math.ceil(whole / one)
    )


def _time_answer(predictor: Predictor, photos: np.ndarray) -> float:
    start = time.perf_counter()
    predictor.answer_packed(photos)
    return time.perf_counter() - start


@dataclass(frozen=True, kw_only=True)
class State:
    """What serves now, and what is wrong where it is not the champion."""

    model: ServingModel | None = None
    champion: int | None = None
    problem: str = ""
    remedy: str = ""

    @property
    def refusal(self) -> ServiceNotReady:
        """What is said while nothing answers: why, and what helps."""
        return ServiceNotReady(
            self.problem or "No version of a model serves here yet.",
            self.remedy
            or "Register a finished run and promote it: “python -m core register RUN” and “python "
            "-m core promote v1 --reason first”, or on the page Models. The API takes it up by "
            "itself.",
            retry_after=5,
        )

    @property
    def is_degraded(self) -> bool:
        """Whether answers come, but not from the champion that was promoted."""
        return self.model is not None and self.model.version.number != self.champion


class Switcher:
    """Keeps what serves equal to the champion."""

    def __init__(self, workspace: Workspace, on_change: Callable[[State], None]) -> None:
        """Prepare; `on_change` is told of every new state, from the switcher's thread."""
        self._workspace = workspace
        self._on_change = on_change
        self.state = State()
        self._refused: tuple[int, float] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="switcher", daemon=True)

    def find_model(self) -> ServingModel | None:
        """Return the model that serves now; None where none does."""
        return self.state.model

    def start(self) -> None:
        """Return at once; the champion is loaded meanwhile."""
        self._thread.start()

    def close(self) -> None:
        """Return when the thread has ended."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Load the version that `champion` names now, if it loads."""
        try:
            self._follow(read_aliases(self._workspace).get("champion"))
        except WorkspaceMissing as error:  # nothing could be logged, nor a version be read
            self._show(State(problem=error.problem, remedy=error.remedy))
        except (SQLAlchemyError, PetalscopeError, OSError, RuntimeError) as error:
            # RuntimeError is OpenVINO's. What serves goes on, and it is tried again.
            _log.error("the champion could not be read: %s", type(error).__name__)
            if self.state.model is None:
                problem = "The champion could not be read from the registry."
                remedy = "See the log of the API; it tries again by itself."
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
            if self.state.champion != champion:  # back from a damaged one, or there is none now
                self._show(State(model=serving, champion=champion))
            return
        if self._refused and self._refused[0] == champion and time.monotonic() < self._refused[1]:
            return
        if self.state == State():  # nobody is told yet: whoever asks meanwhile is
            self.state = State(
                champion=champion,
                problem=f"The champion, v{champion}, is being loaded.",
                remedy="Ask again in some seconds.",
            )
        try:
            if serving is None:
                self._open_standing()
            else:
                version = read_version(self._workspace, champion)
                model = open_serving_model(self._workspace, version)
                self._show(State(model=model, champion=champion))
        except (VersionDamaged, VersionMissing) as error:
            self._refuse(champion, error, serving)
            instead = serving.version.number if serving else None
            report_refusal(self._workspace, champion, error, instead=instead)

    def _open_standing(self) -> None:
        """Take the champion, or the newest former one that loads."""
        single = open_standing(self._workspace, "champion")
        many = open_standing(self._workspace, "champion", purpose="throughput")
        version = single.predictor.version
        assert version is not None
        assert many.predictor.version is not None
        if many.predictor.version.number != version.number:
            return  # the alias has changed in between: at the next look
        model = add_many(version, single.predictor, many.predictor)
        if single.problem is None:
            self._show(State(model=model, champion=single.wanted))
        else:
            self._refuse(single.wanted, single.problem, model)

    def _refuse(self, champion: int, error: PetalscopeError, serving: ServingModel | None) -> None:
        self._refused = (champion, time.monotonic() + _TRIED_AGAIN_S)
        self._show(
            State(model=serving, champion=champion, problem=error.problem, remedy=error.remedy)
        )

    def _show(self, state: State) -> None:
        if state == self.state:
            return
        self.state = state
        self._on_change(state)
