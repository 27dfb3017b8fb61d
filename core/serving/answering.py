"""From the bytes of a photo to the answer: decode, batch, rule, words; and a line for the log."""

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from core.config import FRAMING, Framing, Settings
from core.errors import PetalscopeError, PhotoUnreadable
from core.monitoring.kept_photos import Photo
from core.prediction.answers import phrase_answer, phrase_decision
from core.prediction.predictor import Prediction
from core.serving import schemas
from core.serving.admission import Capacity
from core.serving.batching import Batcher, Row
from core.serving.figures import Figures
from core.serving.logbook import Line, Logbook
from core.serving.problems import describe_problem
from core.serving.switching import Switcher
from core.serving.uploads import FORMATS, Upload, check_upload
from data.images import PhotoFacts, read_packed_photo

TOP = 5
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
        self.places.take()
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
        answer = _describe(decoded, row, total, request_id, top)
        self._count(decoded, row, answer)
        self._logbook.add(
            Line(
                id=answer.prediction_id,
                prediction=_make_prediction(decoded, row),
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

    def _count(self, decoded: _Decoded, row: Row, answer: schemas.Answer) -> None:
        version = row.model.version.label
        self._figures.answers.labels(version=version, kind=answer.kind).inc()
        self._figures.scores.labels(version=version).observe(answer.top[0].score)
        stages = {"decoding": decoded.seconds, "waiting": row.waiting_s, "model": row.model_s}
        for stage, seconds in stages.items():
            self._figures.stage_seconds.labels(stage=stage).observe(seconds)


def _decode(content: bytes, framing: Framing) -> _Decoded:
    start = time.perf_counter()
    try:
        photo, facts = read_packed_photo(content, framing)
    except PhotoUnreadable as error:
        raise PhotoUnreadable(error.problem, f"Export it again, as {FORMATS}.") from error
    given = Photo(content)
    assert given.sha256  # known from here on: this thread has the time for it
    return _Decoded(photo, framing, facts, given, time.perf_counter() - start)


def _describe(
    decoded: _Decoded, row: Row, total_s: float, request_id: str, top: int
) -> schemas.Answer:
    version, decision = row.model.version, row.decision
    ranked = row.model.rank(row.scores, max(top, TOP))
    kind = decision.kind if decision else "answer"
    return schemas.Answer(
        request_id=request_id,
        prediction_id=uuid.uuid4().hex,
        kind=kind,
        unknown=kind != "answer",
        text=phrase_decision(decision) if decision else phrase_answer(ranked[:TOP]),
        top=[schemas.ClassScore(class_name=name, score=score) for name, score in ranked[:top]],
        threshold=decision.threshold if decision else None,
        model=schemas.ModelName(
            version=version.label,
            digest=version.digest,
            run_id=version.run_id,
            dataset_id=version.dataset_id,
        ),
        photo=schemas.PhotoSeen(sha256=decoded.given.sha256, **vars(decoded.facts)),
        latency=schemas.Latency(
            total_ms=round(total_s * 1000, 2),
            decoding_ms=round(decoded.seconds * 1000, 2),
            waiting_ms=round(row.waiting_s * 1000, 2),
            model_ms=round(row.model_s * 1000, 2),
        ),
    )


def _make_prediction(decoded: _Decoded, row: Row) -> Prediction:
    best = np.argsort(-row.scores, kind="stable")[:TOP]
    classes = row.model.single.classes
    return Prediction(
        run_id=row.model.version.run_id,
        version=row.model.version.number,
        top=[(classes[number], float(row.scores[number])) for number in best],
        scores=row.scores,
        photo=decoded.photo,
        map=_NO_MAP,  # nobody asks the API what the model looked at
        features=row.features,
        framing=decoded.framing,
        facts=decoded.facts,
        seconds={"decoding": decoded.seconds, "backbone": row.model_s, "head": 0.0},
        decision=row.decision,
    )
