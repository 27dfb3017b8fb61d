"""The predictions of one browser: a model answers each photo once, and it is logged once.

Short answers and thumbnails are cached in memory for a day.
"""

import logging
import time
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from core.errors import ReadOnly
from core.monitoring.log import count_predictions, log_predictions
from core.prediction.deciding import Decision
from core.registry.store import ModelVersion
from core.runs.store import RunRecord
from core.workspace import Workspace

_log = logging.getLogger(__name__)

_KEPT_S = 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model: a registered version, or a run."""

    key: str
    """Its name in links: “champion”, “v3”, or the id of a run."""
    label: str
    version: ModelVersion | None = None
    run: RunRecord | None = None

    @property
    def name(self) -> str:
        """A short name for tables: “v3”, “Run 12”."""
        if self.version is not None:
            return self.version.label
        return f"Run {self.run.number}" if self.run is not None else self.key

    @property
    def run_id(self) -> str:
        """The run, or the run of the version."""
        known = self.version.run_id if self.version is not None else None
        return known or (self.run.id if self.run is not None else "")

    @property
    def is_random(self) -> bool:
        """Whether its weights are random."""
        if self.version is not None:
            return bool(self.version.facts.get("backbone", {}).get("weights_kind") == "random")
        return self.run is not None and self.run.recipe.weights == "random"

    @property
    def identity(self) -> str:
        """Identifies the model, independent of its name in links."""
        return self.version.digest if self.version is not None else f"run {self.run_id}"


@dataclass
class Asked:
    """The answer of a model to a photo."""

    decision: Decision
    thumbnail: bytes
    id: str
    """Id in the log; "" where it could not be logged."""
    said: str = ""
    """The class in the feedback; "" without feedback."""
    is_kept: bool = True


@dataclass
class BrowserSession:
    """The predictions of one browser."""

    visitor: str
    answers: dict[tuple[str, str], Asked] = field(default_factory=dict)
    """(identity of the model, SHA-256 of the photo) → the answer."""
    used: float = field(default_factory=time.monotonic)
    files: str = ""

    def find(self, model: Model, digest: str) -> Asked | None:
        """Return the cached answer of a model to a photo."""
        return self.answers.get((model.identity, digest))

    def was_cleared(self, workspace: Workspace) -> bool:
        """Return whether the logged predictions of this browser have been deleted."""
        logged = any(asked.id for asked in self.answers.values())
        return logged and not count_predictions(workspace, visitor=self.visitor)

    def take(self, files: str) -> None:
        """Note the uploaded files; new uploads are logged again."""
        if files != self.files:
            self.answers = {key: one for key, one in self.answers.items() if one.id}
        self.files = files

    def log(self, workspace: Workspace, model: Model, asked: Asked, row: dict[str, Any]) -> None:
        """Log an answer and cache it."""
        try:
            log_predictions(workspace, [row])
        except ReadOnly:
            asked.id = ""
        except SQLAlchemyError as error:
            _log.error("an answer was not logged: %s", error)
            asked.id = ""
        self.answers[(model.identity, row["photo"])] = asked


_sessions: dict[str, BrowserSession] = {}


def open_session(name: str, visitor: str) -> BrowserSession:
    """Return the session of that name or a new one; remove sessions unused for a day."""
    now = time.monotonic()
    for old in [old for old, one in list(_sessions.items()) if now - one.used > _KEPT_S]:
        _sessions.pop(old, None)
    session = _sessions.setdefault(name, BrowserSession(visitor))
    session.used = now
    return session
