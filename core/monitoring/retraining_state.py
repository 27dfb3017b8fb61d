"""The state of a retraining, stored in the workspace and written under its lock."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from core.errors import RetrainingRefused
from core.runs.locks import try_lock
from core.runs.queue.scheduled import STATE, keep_arrangement, read_arrangement
from core.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Going:
    """A retraining that was begun and is not settled."""

    who: str
    since: datetime
    dataset: str | None = None
    champion: int | None = None
    """Whose recipe it is; this and `run` are None while dataset and recipe are made ready."""
    run: str | None = None
    attempts: int = 1


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the last retraining, in words for people."""

    time: datetime
    went_well: bool
    text: str
    run: str | None = None
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class RetrainingState:
    going: Going | None = None
    last: Outcome | None = None


_STATE = TypeAdapter(RetrainingState)


def read_state(workspace: Workspace) -> RetrainingState:
    """Return how far the retraining is."""
    return _STATE.validate_python(read_arrangement(workspace, STATE) or {})


def change_state(workspace: Workspace, **changes: Any) -> None:
    """Keep the state with these values; call it inside `hold_retraining`."""
    state = dataclasses.replace(read_state(workspace), **changes)
    content = {name: one for name, one in dataclasses.asdict(state).items() if one is not None}
    text = json.dumps(content, default=datetime.isoformat)
    keep_arrangement(workspace, STATE, json.loads(text))


@contextmanager
def hold_retraining(workspace: Workspace, wait_s: float = 0.0) -> Iterator[None]:
    """Yield while no other process begins or settles a retraining.

    Raises:
        RetrainingRefused: Another still does after `wait_s`.
    """
    with try_lock(workspace.retraining_lock, wait_s) as is_held:
        if not is_held:
            raise RetrainingRefused(
                "A retraining is just being prepared, or its challenger compared.",
                "Wait a moment, then look what became of it.",
            )
        yield
