"""What one browser has asked: each photo is answered by a model once, and written down once.

A desk belongs to one session of a browser and is kept on the server, in memory, for a day after it
was last used. It holds short answers and thumbnails, never photos.
"""

import logging
import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from core.monitoring.kept_photos import keep_photo
from core.monitoring.log import count_predictions, describe_prediction, log_predictions
from core.monitoring.tables import NewPrediction
from core.prediction.answers import ShortAnswer, shorten_answer
from core.prediction.predictor import Prediction, Predictor
from core.ui.parts import cache
from core.ui.predict.models import Model, open_model
from core.ui.predict.models import predict as predict_cached
from core.workspace import Workspace
from data.images import ROW_SIZE, encode_thumbnail

_log = logging.getLogger(__name__)

_KEPT_S = 24 * 3600.0
_DESK = "predict.desk"


@dataclass
class Asked:
    """One photo that one model has answered."""

    short: ShortAnswer
    thumbnail: bytes
    id: str
    """Of the prediction in the log; "" where it could not be written down."""
    said: str = ""
    """The class that the person said it is; "" as long as they said nothing."""
    is_kept: bool = True
    """Whether the photo was kept with what they said."""


@dataclass
class Desk:
    """The answers given at one browser; several threads use it."""

    visitor: str
    answers: dict[tuple[str, str], Asked] = field(default_factory=dict)
    """(identity of the model, SHA-256 of the photo) → the answer."""
    lock: Lock = field(default_factory=Lock)
    used: float = field(default_factory=time.monotonic)
    files: str = ""
    """What was given last."""

    def find(self, model: Model, digest: str) -> Asked | None:
        """Returns the answer that a model gave to a photo before."""
        with self.lock:
            return self.answers.get((model.identity, digest))

    def was_cleared(self) -> bool:
        """Returns whether all that was written down from here was deleted since, on request."""
        with self.lock:
            written = any(asked.id for asked in self.answers.values())
        return written and not count_predictions(cache.workspace(), visitor=self.visitor)

    def take(self, files: str) -> None:
        """Hears what is given now: what is given anew is also written down anew."""
        if files != self.files:
            with self.lock:
                self.answers = {key: one for key, one in self.answers.items() if one.id}
        self.files = files


@dataclass(frozen=True)
class Fresh:
    """An answer that is not written down yet."""

    model: Model
    digest: str
    asked: Asked
    row: NewPrediction


_desks: dict[str, Desk] = {}


def open_desk(visitor: str) -> Desk:
    """Returns the desk of this session; a new one for a new session."""
    now = time.monotonic()
    for name in [name for name, desk in list(_desks.items()) if now - desk.used > _KEPT_S]:
        _desks.pop(name, None)
    name = str(st.session_state.setdefault(_DESK, secrets.token_hex(8)))
    desk = _desks.setdefault(name, Desk(visitor))
    desk.used = now
    return desk


def ask(desk: Desk, model: Model, content: bytes) -> tuple[Prediction, Asked]:
    """Returns the answer of a model to a photo; it is written down the first time.

    Raises:
        PhotoRefused: It is no photo, or too large.
        PetalscopeError: The model cannot answer.
    """
    digest = sha256(content).hexdigest()
    started = time.perf_counter()
    prediction = predict_cached(model, digest, content)
    known = desk.find(model, digest)
    if known is None:
        latency_ms = 1000 * (time.perf_counter() - started)
        fresh = _describe(desk, model, open_model(model), prediction, content, latency_ms)
        write_down(cache.workspace(), desk, [fresh])
        keep_photo(cache.workspace(), content)
        known = fresh.asked
    return prediction, known


def answer_afresh(
    workspace: Workspace, desk: Desk, model: Model, predictor: Predictor, content: bytes
) -> Fresh:
    """Returns the answer of a model, not yet written down; for threads, which have no session.

    They answer many photos at once: what one waits for the others is no latency of its answer.
    """
    prediction = predictor.predict(content)
    keep_photo(workspace, content)
    return _describe(desk, model, predictor, prediction, content, prediction.spent_ms)


def write_down(workspace: Workspace, desk: Desk, fresh: Sequence[Fresh]) -> bool:
    """Returns whether the answers are in the log; they are at the desk in any case.

    An answer is worth more than its entry: where the database is full or locked for long, people
    get their answers all the same, and can give no feedback on them.
    """
    with desk.lock:
        new = {(one.model.identity, one.digest): one for one in reversed(fresh)}
        new = {key: one for key, one in new.items() if key not in desk.answers}
    try:
        log_predictions(workspace, [one.row for one in new.values()])
    except SQLAlchemyError as error:
        _log.error("%d answers were not written down: %s", len(new), error)
        for one in new.values():
            one.asked.id = ""
    with desk.lock:  # only now: what stands at the desk stands in the log, or says that it does not
        for key, one in new.items():
            desk.answers.setdefault(key, one.asked)
    return all(one.asked.id for one in new.values())


def _describe(
    desk: Desk,
    model: Model,
    predictor: Predictor,
    prediction: Prediction,
    content: bytes,
    latency_ms: float,
) -> Fresh:
    row = describe_prediction(
        prediction,
        content,
        version=model.version.number if model.version is not None else None,
        source="page",
        latency_ms=latency_ms,
        visitor=desk.visitor,
        id=uuid.uuid4().hex,
    )
    short = shorten_answer(prediction, predictor.decide(prediction))
    thumbnail = encode_thumbnail(prediction.photo, ROW_SIZE)
    asked = Asked(short=short, thumbnail=thumbnail, id=row.id)
    return Fresh(model=model, digest=row.photo, asked=asked, row=row)
