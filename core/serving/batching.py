"""Photos of many requests, answered together: a batch gathers while the one before it is answered.

A batch waits a few milliseconds only while other photos are known to be on their way; a single
request never waits. Each batch is answered by exactly one version: the one that serves when its
turn comes.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from core.prediction.deciding import Decision
from core.serving.switching import ServingModel, State

GATHERING_S = 0.004
_AHEAD = 2
"""Batches handed to the backbone's thread: one in work, one that begins when it ends."""


class Row(NamedTuple):
    """What the model says of one photo of a batch."""

    model: ServingModel
    features: np.ndarray
    """(2048,) float32."""
    scores: np.ndarray
    """(k,) float32."""
    decision: Decision | None
    waiting_s: float
    model_s: float
    """Of the whole batch."""


class _Answers(NamedTuple):
    model: ServingModel
    features: np.ndarray
    scores: np.ndarray
    decisions: list[Decision | None]
    started: float
    seconds: float


@dataclass(eq=False)
class _Batch:
    photos: list[np.ndarray] = field(default_factory=list)
    is_closed: asyncio.Event = field(default_factory=asyncio.Event)
    answers: "asyncio.Task[_Answers] | None" = None


class Batcher:
    """Gathers photos to batches and has them answered, one batch after the other."""

    def __init__(
        self,
        find_model: Callable[[], ServingModel | None],
        count_coming: Callable[[], int],
        on_batch: Callable[[int], None],
    ) -> None:
        """Prepare; nothing runs before the first photo.

        Args:
            find_model: Tells what serves now; None: nothing does.
            count_coming: Tells how many photos are on their way to a batch (being decoded).
            on_batch: Told how many photos each batch had.
        """
        self._find_model = find_model
        self._count_coming = count_coming
        self._on_batch = on_batch
        self._gathering: _Batch | None = None
        self._turn = asyncio.Semaphore(_AHEAD)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="backbone")

    async def ask(self, photo: np.ndarray) -> Row:
        """Return what the model says of a packed photo (224, 224, 3) uint8.

        Raises:
            ServiceNotReady: No version serves.
        """
        arrived = time.perf_counter()
        batch = self._gathering
        if batch is None:
            batch = self._gathering = _Batch()
            batch.answers = asyncio.create_task(self._run(batch))
        number = len(batch.photos)
        batch.photos.append(photo)
        model = self._find_model()
        if len(batch.photos) >= (model.batch_size if model else 1):
            self._close(batch)
        assert batch.answers is not None
        # Shielded: one request that is given up must not take the others of its batch along.
        answers = await asyncio.shield(batch.answers)
        return Row(
            model=answers.model,
            features=answers.features[number],
            scores=answers.scores[number],
            decision=answers.decisions[number],
            waiting_s=max(0.0, answers.started - arrived),
            model_s=answers.seconds,
        )

    def close(self) -> None:
        """Return when the backbone's thread has ended."""
        self._thread.shutdown(wait=True)

    async def _run(self, batch: _Batch) -> _Answers:
        async with self._turn:
            await self._gather(batch)
            self._close(batch)
            self._on_batch(len(batch.photos))
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._answer, batch.photos)

    async def _gather(self, batch: _Batch) -> None:
        ended = time.perf_counter() + GATHERING_S
        while not batch.is_closed.is_set() and self._count_coming() > 0:
            left = ended - time.perf_counter()
            if left <= 0:
                return
            await asyncio.sleep(min(left, 0.001))

    def _close(self, batch: _Batch) -> None:
        batch.is_closed.set()
        if self._gathering is batch:
            self._gathering = None

    def _answer(self, photos: list[np.ndarray]) -> _Answers:
        """Return the answers of a batch; runs in the backbone's thread."""
        model = self._find_model()
        if model is None:
            raise State().refusal
        started = time.perf_counter()
        features, scores = model.answer(np.stack(photos))
        decisions = [model.single.decide_scores(*row) for row in zip(scores, features, strict=True)]
        seconds = time.perf_counter() - started
        return _Answers(model, features, scores, decisions, started, seconds)
