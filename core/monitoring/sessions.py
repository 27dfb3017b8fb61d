"""What one browser has asked: each photo is answered by a model once, and logged once.

Kept on the server, in memory, for a day: short answers and thumbnails. Several threads use it.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from sqlalchemy.exc import SQLAlchemyError

from core.monitoring.kept_photos import Photo, keep_photo
from core.monitoring.log import count_predictions, describe_prediction, log_predictions
from core.monitoring.tables import NewPrediction
from core.prediction.answers import ShortAnswer, shorten_answer
from core.prediction.predictor import Prediction, Predictor
from core.registry.store import ModelVersion
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.images import ROW_SIZE, encode_thumbnail

_log = logging.getLogger(__name__)

_KEPT_S = 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Model:
    """Something that can be asked: a registered version, or a run."""

    key: str
    """As links name it: “champion”, “v3”, or the id of a run."""
    label: str
    version: ModelVersion | None = None
    run: RunRecord | None = None

    @property
    def name(self) -> str:
        """In short, for a table: “v3”, “Run 12”."""
        if self.version is not None:
            return self.version.label
        return f"Run {self.run.number}" if self.run is not None else self.key

    @property
    def run_id(self) -> str:
        """The run that it is, or that it was registered from."""
        known = self.version.run_id if self.version is not None else None
        return known or (self.run.id if self.run is not None else "")

    @property
    def is_random(self) -> bool:
        """Whether its backbone has never seen a photo."""
        if self.version is not None:
            return bool(self.version.facts.get("backbone", {}).get("weights_kind") == "random")
        return self.run is not None and self.run.recipe.weights == "random"

    @property
    def identity(self) -> str:
        """The same for the same model, by whatever name it was chosen."""
        return self.version.digest if self.version is not None else f"run {self.run_id}"


@dataclass
class Asked:
    """One photo that one model has answered."""

    short: ShortAnswer
    thumbnail: bytes
    id: str
    """Of the prediction in the log; "" where it could not be logged."""
    said: str = ""
    """The class that the person said it is; "" as long as they said nothing."""
    is_kept: bool = True


@dataclass
class BrowserSession:
    """The answers given at one browser."""

    visitor: str
    answers: dict[tuple[str, str], Asked] = field(default_factory=dict)
    """(identity of the model, SHA-256 of the photo) → the answer."""
    lock: Lock = field(default_factory=Lock)
    used: float = field(default_factory=time.monotonic)
    files: str = ""

    def find(self, model: Model, digest: str) -> Asked | None:
        """Return the answer that a model gave to a photo before."""
        with self.lock:
            return self.answers.get((model.identity, digest))

    def was_cleared(self, workspace: Workspace) -> bool:
        """Return whether all that was logged from here was deleted since, on request."""
        with self.lock:
            logged = any(asked.id for asked in self.answers.values())
        return logged and not count_predictions(workspace, visitor=self.visitor)

    def take(self, files: str) -> None:
        """Hear what is given now: what is given anew is also logged anew."""
        if files != self.files:
            with self.lock:
                self.answers = {key: one for key, one in self.answers.items() if one.id}
        self.files = files


@dataclass(frozen=True)
class Fresh:
    """An answer that is not logged yet."""

    model: Model
    asked: Asked
    row: NewPrediction


_sessions: dict[str, BrowserSession] = {}


def open_session(name: str, visitor: str) -> BrowserSession:
    """Return the session of that name, a new one where there is none; long unused ones go."""
    now = time.monotonic()
    for old in [old for old, one in list(_sessions.items()) if now - one.used > _KEPT_S]:
        _sessions.pop(old, None)
    session = _sessions.setdefault(name, BrowserSession(visitor))
    session.used = now
    return session


def answer_afresh(
    workspace: Workspace, session: BrowserSession, model: Model, predictor: Predictor, photo: Photo
) -> Fresh:
    """Return the answer of a model to one photo of many, not yet logged."""
    prediction = predictor.predict(photo.content)
    keep_photo(workspace, photo)
    return describe_fresh(session, model, predictor, prediction, photo)


def describe_fresh(
    session: BrowserSession,
    model: Model,
    predictor: Predictor,
    prediction: Prediction,
    photo: Photo,
) -> Fresh:
    """Return an answer as it goes into the log and stays with the session."""
    row = describe_prediction(
        prediction, photo, source="page", latency_ms=prediction.spent_ms, visitor=session.visitor
    )
    short = shorten_answer(prediction, predictor.decide(prediction))
    thumbnail = encode_thumbnail(prediction.photo, ROW_SIZE)
    return Fresh(model=model, asked=Asked(short=short, thumbnail=thumbnail, id=row.id), row=row)


def log_fresh(workspace: Workspace, session: BrowserSession, fresh: Sequence[Fresh]) -> bool:
    """Log answers; return whether that went well. The session has them in any case."""
    with session.lock:
        new = {(one.model.identity, one.row.photo): one for one in reversed(fresh)}
        new = {key: one for key, one in new.items() if key not in session.answers}
    try:
        log_predictions(workspace, [one.row for one in new.values()])
    except SQLAlchemyError as error:
        _log.error("%d answers were not logged: %s", len(new), error)
        for one in new.values():
            one.asked.id = ""
    with session.lock:  # only now: what the session has is in the log, or says that it is not
        for key, one in new.items():
            session.answers.setdefault(key, one.asked)
    return all(one.asked.id for one in new.values())
