"""Answers photos: decode, batch, rule, words; and a line for the log.

A batch gathers for a few milliseconds, while another is answered or photos are decoded. One version
answers a whole batch.
"""

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import starmap
from typing import NamedTuple

import numpy as np

from core.config import FRAMING, Framing, Settings
from core.errors import PetalscopeError, PhotoUnreadable, ServiceBusy
from core.monitoring.kept_photos import Photo
from core.prediction.answers import describe_answer
from core.prediction.deciding import Decision, rank_classes
from core.prediction.predictor import Prediction
from core.serving import schemas
from core.serving.logbook import Figures, Line, Logbook
from core.serving.problems import describe_problem
from core.serving.switching import ServingModel, State, Switcher
from data.images import (
    FORMATS_SAID,
    PhotoFacts,
    check_megabytes,
    read_packed_photo,
    starts_like_photo,
)

GATHERING_S = 0.004
_AHEAD = 2
"""Batches handed to the thread of the backbone: one is answered, one begins when it ends."""


class Row(NamedTuple):
    """The model's answer for one photo of a batch."""

    model: ServingModel
    features: np.ndarray
    """(d,) float32."""
    scores: np.ndarray
    """(k,) float32."""
    decision: Decision
    model_s: float
    """Seconds for the whole batch."""


class Batcher:
    """Gathers photos to batches and answers one batch after the other."""

    def __init__(self, switcher: Switcher, figures: Figures) -> None:
        """Prepare; nothing runs before the first photo."""
        self.coming = 0
        """Photos that are being decoded for a batch."""
        self._switcher = switcher
        self._figures = figures
        self._gathering: tuple[list[np.ndarray], asyncio.Task[list[Row]]] | None = None
        """The photos of the batch that takes more, and its answers."""
        self._turn = asyncio.Semaphore(_AHEAD)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="backbone")

    async def ask(self, photo: np.ndarray) -> Row:
        """Return the model's answer for a packed photo (224, 224, 3) uint8."""
        if self._gathering is None:
            photos: list[np.ndarray] = []
            self._gathering = photos, asyncio.create_task(self._run(photos))
        photos, rows = self._gathering
        number = len(photos)
        photos.append(photo)
        model = self._switcher.find_model()
        if len(photos) >= (model.batch_size if model else 1):
            self._gathering = None
        # Shielded: a request that is given up must not take the others of its batch along.
        return (await asyncio.shield(rows))[number]

    def close(self) -> None:
        """Wait until the thread of the backbone has ended."""
        self._thread.shutdown(wait=True)

    async def _run(self, photos: list[np.ndarray]) -> list[Row]:
        def takes_more() -> bool:
            return self._gathering is not None and self._gathering[0] is photos

        async with self._turn:
            ended = time.perf_counter() + GATHERING_S
            while takes_more() and self.coming and time.perf_counter() < ended:
                await asyncio.sleep(0.001)
            if takes_more():
                self._gathering = None
            self._figures.batch_photos.observe(len(photos))
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._answer, photos)

    def _answer(self, photos: list[np.ndarray]) -> list[Row]:
        """Return the answers of a batch; runs in the thread of the backbone."""
        model = self._switcher.find_model()
        if model is None:
            raise State().refusal
        started = time.perf_counter()
        features, scores = model.answer(np.stack(photos))
        decisions = [model.single.decide_scores(*row) for row in zip(scores, features, strict=True)]
        seconds = (time.perf_counter() - started) / len(photos)
        rows = zip(features, scores, decisions, strict=True)
        return [Row(model, *row, seconds) for row in rows]


_SHARE_OF_BATCHES = 4
"""All batch requests together take one place in four: single photos find places, too."""


class _Decoded(NamedTuple):
    photo: np.ndarray
    framing: Framing
    facts: PhotoFacts
    given: Photo
    seconds: float


class Asker(NamedTuple):
    """A request for answers."""

    request_id: str
    client: str
    top: int
    """How many classes each answer names."""


class AnswerService:
    """Answers photos; one for each application."""

    def __init__(
        self, settings: Settings, switcher: Switcher, logbook: Logbook, figures: Figures
    ) -> None:
        self.queue = settings.api_queue
        self.waiting = 0
        """Photos in the queue, decoded or being answered."""
        self.batches = asyncio.Semaphore(4)
        """Held by each batch request from its body to its answer."""
        self._places = asyncio.Semaphore(settings.api_queue)
        self._for_batches = asyncio.Semaphore(max(1, settings.api_queue // _SHARE_OF_BATCHES))
        self._limit_mb = settings.api_photo_limit_mb
        self._switcher = switcher
        self._logbook = logbook
        self._figures = figures
        self._decoders = ThreadPoolExecutor(4, thread_name_prefix="decoder")
        self._batcher = Batcher(switcher, figures)
        figures.photos_waiting.set_function(lambda: self.waiting)

    async def answer(self, content: bytes, asker: Asker) -> schemas.Answer:
        """Return the answer for one photo."""
        check_upload(content, self._limit_mb)
        if self._switcher.find_model() is None:
            raise self._switcher.state.refusal
        if self._places.locked():
            raise ServiceBusy(
                f"{self.queue} photos are already being answered or waiting.",
                "Send the photo again in a second.",
                retry_after=1,
            )
        return await self._answer_in_place(content, asker)

    async def answer_batch(
        self, uploads: list[tuple[str, bytes]], asker: Asker
    ) -> list[schemas.BatchItem]:
        """Return an answer or a problem for each photo, of names and bytes, in their order."""
        if self._switcher.find_model() is None:
            raise self._switcher.state.refusal

        async def answer_one(name: str, content: bytes) -> schemas.BatchItem:
            async with self._for_batches:
                try:
                    check_upload(content, self._limit_mb)
                    answer = await self._answer_in_place(content, asker, alone=False)
                except PetalscopeError as error:
                    self._figures.problems.labels(code=error.code).inc()
                    problem = describe_problem(error, asker.request_id)
                    return schemas.BatchItem(name=name, error=problem)
                return schemas.BatchItem(name=name, answer=answer)

        return list(await asyncio.gather(*starmap(answer_one, uploads)))

    def close(self) -> None:
        """Wait until the threads have ended."""
        self._decoders.shutdown(wait=True)
        self._batcher.close()

    async def _answer_in_place(
        self, content: bytes, asker: Asker, *, alone: bool = True
    ) -> schemas.Answer:
        """Return the answer for a photo as soon as it has a place.

        In a batch request (not `alone`) its time is its own, without waiting for other photos.
        """
        async with self._places:
            started = time.perf_counter()
            self.waiting += 1
            try:
                decoded, row = await self._ask(content)
            finally:
                self.waiting -= 1
            total = time.perf_counter() - started
        total = total if alone else decoded.seconds + row.model_s
        made = _make_prediction(decoded, row, total)
        sha256 = decoded.given.sha256
        answer = schemas.Answer(
            request_id=asker.request_id,
            prediction_id=uuid.uuid4().hex,
            **describe_answer(row.model.single, made, sha256, asker.top),
        )
        self._count(made, answer)
        facts = {"id": answer.prediction_id, "latency_ms": total * 1000, "visitor": asker.client}
        self._logbook.add(Line(made, decoded.given, facts))
        return answer

    async def _ask(self, content: bytes) -> tuple[_Decoded, Row]:
        """Return a photo, packed as the version that answered expects it, and the answer."""
        model = self._switcher.find_model()
        framing = model.framing if model else FRAMING
        loop = asyncio.get_running_loop()
        while True:
            self._batcher.coming += 1
            try:
                decoded = await loop.run_in_executor(self._decoders, _decode, content, framing)
            finally:
                self._batcher.coming -= 1
            row = await self._batcher.ask(decoded.photo)
            if row.model.framing == framing:
                return decoded, row
            framing = row.model.framing  # the champion has changed

    def _count(self, made: Prediction, answer: schemas.Answer) -> None:
        version = answer.model.version
        self._figures.answers.labels(version=version, kind=answer.kind).inc()
        self._figures.scores.labels(version=version).observe(answer.top[0].score)
        for stage, seconds in made.seconds.items():
            self._figures.stage_seconds.labels(stage=stage).observe(seconds)


def check_upload(content: bytes, limit_mb: int) -> None:
    """Check size and format of a file, without decoding it."""
    check_megabytes(len(content), limit_mb, "PETALSCOPE_API_PHOTO_LIMIT_MB")
    if not content:
        raise PhotoUnreadable("The file is empty (0 bytes).", "Send the photo's bytes.")
    if not starts_like_photo(content):
        said = f"Send {FORMATS_SAID}."
        raise PhotoUnreadable("Unsupported file format.", said, status=415)


def _decode(content: bytes, framing: Framing) -> _Decoded:
    start = time.perf_counter()
    try:
        photo, facts = read_packed_photo(content, framing)
    except PhotoUnreadable as error:
        raise PhotoUnreadable(error.problem, f"Export it again, as {FORMATS_SAID}.") from error
    given = Photo(content)
    assert given.sha256  # computed now: this thread has the time for it
    return _Decoded(photo, framing, facts, given, time.perf_counter() - start)


def _make_prediction(decoded: _Decoded, row: Row, total_s: float) -> Prediction:
    waiting = max(0.0, total_s - decoded.seconds - row.model_s)
    return Prediction(
        run_id=row.model.version.run_id,
        version=row.model.version.number,
        top=rank_classes(row.scores, row.model.single.classes),
        scores=row.scores,
        photo=decoded.photo,
        map=np.empty((0, 0, 0), dtype=np.float32),  # the API draws no Grad-CAM
        features=row.features,
        framing=decoded.framing,
        facts=decoded.facts,
        seconds={"decoding": decoded.seconds, "waiting": waiting, "model": row.model_s},
        decision=row.decision,
    )
