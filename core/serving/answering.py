"""From the bytes of a photo to the answer: decode, batch, rule, words; and a line for the log.

A batch gathers while the one before it is answered, for a few milliseconds, while photos are known
to be on their way. Each is answered by one version: the one that serves when its turn comes.
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from core.config import FRAMING, Framing, Settings
from core.errors import PetalscopeError, PhotoUnreadable
from core.monitoring.kept_photos import Photo
from core.prediction.answers import describe_answer
from core.prediction.deciding import Decision, rank_classes
from core.prediction.predictor import Prediction
from core.serving import schemas
from core.serving.admission import Capacity
from core.serving.figures import Figures
from core.serving.logbook import Line, Logbook
from core.serving.problems import describe_problem
from core.serving.switching import ServingModel, State, Switcher
from core.serving.uploads import FORMATS, Upload, check_upload
from data.images import PhotoFacts, read_packed_photo

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
    model_s: float
    """Of the whole batch."""


@dataclass(eq=False)
class _Batch:
    photos: list[np.ndarray] = field(default_factory=list)
    is_closed: asyncio.Event = field(default_factory=asyncio.Event)
    rows: "asyncio.Task[list[Row]] | None" = None


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
        batch = self._gathering
        if batch is None:
            batch = self._gathering = _Batch()
            batch.rows = asyncio.create_task(self._run(batch))
        number = len(batch.photos)
        batch.photos.append(photo)
        model = self._find_model()
        if len(batch.photos) >= (model.batch_size if model else 1):
            self._close(batch)
        assert batch.rows is not None
        # Shielded: one request that is given up must not take the others of its batch along.
        return (await asyncio.shield(batch.rows))[number]

    def close(self) -> None:
        """Return when the backbone's thread has ended."""
        self._thread.shutdown(wait=True)

    async def _run(self, batch: _Batch) -> list[Row]:
        async with self._turn:
            await self._gather(batch)
            self._close(batch)
            self._on_batch(len(batch.photos))
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._answer, batch)

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

    def _answer(self, batch: _Batch) -> list[Row]:
        """Return the answers of a batch; runs in the backbone's thread."""
        model = self._find_model()
        if model is None:
            raise State().refusal
        started = time.perf_counter()
        # What was packed for the last champion at another size will be packed again.
        none = np.zeros((model.framing.side, model.framing.side, 3), np.uint8)
        fitting = [photo if photo.shape == none.shape else none for photo in batch.photos]
        features, scores = model.answer(np.stack(fitting))
        decisions = [model.single.decide_scores(*row) for row in zip(scores, features, strict=True)]
        seconds = time.perf_counter() - started
        return [
            Row(model, seen, given, decision, seconds)
            for seen, given, decision in zip(features, scores, decisions, strict=True)
        ]


_DECODERS = 4
_SHARE_OF_BATCHES = 4
"""Photos of all batch requests take one place in so many: single photos find places, too."""
_NO_MAP = np.empty((0, 0, 0), dtype=np.float32)


class _Decoded(NamedTuple):
    photo: np.ndarray
    framing: Framing
    facts: PhotoFacts
    given: Photo
    seconds: float


class AnswerService:
    """Answers photos; one for each application."""

    def __init__(
        self, settings: Settings, switcher: Switcher, logbook: Logbook, figures: Figures
    ) -> None:
        self.places = Capacity(settings.api_queue)
        self._for_batches = asyncio.Semaphore(max(1, settings.api_queue // _SHARE_OF_BATCHES))
        self._limit_mb = settings.api_photo_limit_mb
        self._switcher = switcher
        self._logbook = logbook
        self._figures = figures
        self._decoding = 0
        self._decoders = ThreadPoolExecutor(_DECODERS, thread_name_prefix="decoder")
        self._batcher = Batcher(
            switcher.find_model, lambda: self._decoding, figures.batch_photos.observe
        )
        figures.photos_waiting.set_function(lambda: self.places.taken)

    async def answer(
        self, upload: Upload, *, request_id: str, client: str, top: int
    ) -> schemas.Answer:
        """Return the answer for one photo.

        Raises:
            PhotoRefused: Not a photo that is taken here.
            ServiceBusy: The queue is full.
            ServiceNotReady: No version serves.
        """
        check_upload(upload.content, self._limit_mb)
        if self._switcher.find_model() is None:
            raise self._switcher.state.refusal
        await self.places.take()
        return await self._answer_in_place(upload, request_id, client, top)

    async def answer_batch(
        self, uploads: list[Upload], *, request_id: str, client: str, top: int
    ) -> list[schemas.BatchItem]:
        """Return an answer or a problem for each photo, in their order.

        Raises:
            ServiceNotReady: No version serves.
        """
        if self._switcher.find_model() is None:
            raise self._switcher.state.refusal

        async def answer_one(upload: Upload) -> schemas.BatchItem:
            async with self._for_batches:
                try:
                    check_upload(upload.content, self._limit_mb)
                    await self.places.wait()
                    answer = await self._answer_in_place(upload, request_id, client, top)
                except PetalscopeError as error:
                    self._figures.problems.labels(code=error.code).inc()
                    problem = describe_problem(error, request_id)
                    return schemas.BatchItem(name=upload.name, error=problem)
                return schemas.BatchItem(name=upload.name, answer=answer)

        return list(await asyncio.gather(*map(answer_one, uploads)))

    def close(self) -> None:
        """Return when the threads have ended."""
        self._decoders.shutdown(wait=True)
        self._batcher.close()

    async def _answer_in_place(
        self, upload: Upload, request_id: str, client: str, top: int
    ) -> schemas.Answer:
        """Return the answer for a photo that has a place, which is free again afterwards."""
        started = time.perf_counter()
        try:
            decoded, row = await self._ask(upload.content)
        finally:
            self.places.leave()
        total = time.perf_counter() - started
        made = _make_prediction(decoded, row, total)
        answer = schemas.Answer(
            request_id=request_id,
            prediction_id=uuid.uuid4().hex,
            **describe_answer(row.model.single, made, decoded.given.sha256, top),
        )
        self._count(made, answer)
        self._logbook.add(
            Line(
                id=answer.prediction_id,
                prediction=made,
                photo=decoded.given,
                latency_ms=total * 1000,
                client=client,
            )
        )
        return answer

    async def _ask(self, content: bytes) -> tuple[_Decoded, Row]:
        """Return a photo, packed as the version takes it that answered, and the answer."""
        model = self._switcher.find_model()
        framing = model.framing if model else FRAMING
        while True:
            decoded = await self._decode(content, framing)
            row = await self._batcher.ask(decoded.photo)
            if row.model.framing == framing:
                return decoded, row
            framing = row.model.framing  # the champion changed meanwhile

    async def _decode(self, content: bytes, framing: Framing) -> _Decoded:
        loop = asyncio.get_running_loop()
        self._decoding += 1
        try:
            return await loop.run_in_executor(self._decoders, _decode, content, framing)
        finally:
            self._decoding -= 1

    def _count(self, made: Prediction, answer: schemas.Answer) -> None:
        version = answer.model.version
        self._figures.answers.labels(version=version, kind=answer.kind).inc()
        self._figures.scores.labels(version=version).observe(answer.top[0].score)
        for stage, seconds in made.seconds.items():
            name = "model" if stage == "backbone" else stage
            self._figures.stage_seconds.labels(stage=name).observe(seconds)


def _decode(content: bytes, framing: Framing) -> _Decoded:
    start = time.perf_counter()
    try:
        photo, facts = read_packed_photo(content, framing)
    except PhotoUnreadable as error:
        raise PhotoUnreadable(error.problem, f"Export it again, as {FORMATS}.") from error
    given = Photo(content)
    assert given.sha256  # known from here on: this thread has the time for it
    return _Decoded(photo, framing, facts, given, time.perf_counter() - start)


def _make_prediction(decoded: _Decoded, row: Row, total_s: float) -> Prediction:
    return Prediction(
        run_id=row.model.version.run_id,
        version=row.model.version.number,
        top=rank_classes(row.scores, row.model.single.classes),
        scores=row.scores,
        photo=decoded.photo,
        map=_NO_MAP,  # nobody asks the API what the model looked at
        features=row.features,
        framing=decoded.framing,
        facts=decoded.facts,
        seconds={
            "decoding": decoded.seconds,
            "waiting": max(0.0, total_s - decoded.seconds - row.model_s),
            "backbone": row.model_s,
            "head": 0.0,
        },
        decision=row.decision,
    )
