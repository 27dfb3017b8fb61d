"""Runs and whatever else is large, carried between workspaces and the storage that they share.

The workspace of the pages is home: its scheduler puts there what is new, fetches what others train,
and keeps its own copies within the limit. A worker elsewhere fetches a run and puts it back again
and again, so that its curve is seen. Who trains a run, or trained it last, is who puts it.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from sqlalchemy.exc import OperationalError

from core.config import read_settings
from core.errors import PetalscopeError, StorageFailed
from core.runs.kept import RECIPE_FILE
from core.runs.queue.starting import host_of
from core.runs.recipe.recipe import recipe_to_json
from core.runs.run_files import read_facts
from core.runs.store import RunRecord, list_runs
from core.sharing import Sharing, open_sharing
from core.workspace import Workspace, write_atomically

EVERY_S = 2.0
_LOOK_EVERY = 5
"""Rounds between two looks at all that is here."""
_SWEEP_EVERY = 43_200
"""Rounds of a day."""
_PATIENCE_S = 120.0
OTHERS = (
    "This storage belongs to another workspace.",
    "Name another folder in PETALSCOPE_STORAGE_URL; or, if that workspace is gone for good, delete "
    "the file “home” there.",
)

_log = logging.getLogger("carrying")


def fetch_run(workspace: Workspace, run: RunRecord) -> None:
    """Have the folder of a run here, with what was trained of it so far."""
    folder = workspace.run_folder(run.id)
    if (sharing := open_sharing(workspace)) is not None:
        sharing.pull(f"runs/{run.id}")
    if not (folder / RECIPE_FILE).exists():
        with write_atomically(folder / RECIPE_FILE) as file:
            file.write_text(recipe_to_json(run.recipe), encoding="utf-8")


@contextmanager
def carry_run(workspace: Workspace, run: RunRecord) -> Iterator[Callable[[], None]]:
    """Put a run that is trained elsewhere than at home into storage, again and again.

    Yields what puts it there, with the features and the backbone behind its result; to be called
    before anybody is told that it is done.

    Raises:
        StorageFailed: By what is yielded, after two minutes.
    """
    sharing = open_sharing(workspace) if host_of(run.lane) else None
    if sharing is None:
        yield lambda: None
        return
    key, over = f"runs/{run.id}", threading.Event()

    def put() -> None:
        while not over.wait(EVERY_S):
            with suppress(StorageFailed):
                sharing.push(key)

    def put_all() -> None:
        things = [key]
        with suppress(OSError, ValueError, KeyError):  # a search has no result
            facts = read_facts(workspace.run_folder(run.id))
            things = [f"backbones/{facts['backbone_id']}", f"features/{facts['features_id']}", key]
        for thing in things:
            _insist(partial(sharing.push, thing))

    thread = threading.Thread(target=put, name="carrying", daemon=True)
    thread.start()
    try:
        yield put_all
    finally:
        over.set()
        thread.join()
        with suppress(StorageFailed):
            sharing.push(key)
        _make_room(sharing)


def _make_room(sharing: Sharing) -> None:
    sharing.drop(int(read_settings().cache_gb * 1e9))


def _insist(act: Callable[[], object]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            act()
        except StorageFailed:
            if time.monotonic() > until:
                raise
            time.sleep(EVERY_S)
        else:
            return


def keep_carrying(workspace: Workspace, ended: threading.Event) -> None:
    """Carry, at home, until `ended` is set; what fails is tried again."""
    sharing, rounds = open_sharing(workspace), 0
    away: deque[set[str]] = deque(maxlen=3)
    """Runs that went elsewhere in the last rounds: what was put last may come late."""
    while sharing is not None and not ended.wait(EVERY_S):
        try:
            if not rounds and not sharing.is_home():
                _log.error("nothing is carried: %s %s", *OTHERS)
                return
            runs = list_runs(workspace)
            rounds += 1
            away.append({f"runs/{run.id}" for run in runs if run.is_going and host_of(run.lane)})
            theirs = {f"runs/{run.id}" for run in runs if host_of(run.lane)}  # by now
            for key in set().union(*away) & theirs:
                sharing.pull(key)
            if rounds % _LOOK_EVERY == 0:
                ours = [run for run in runs if not (run.is_going or host_of(run.lane))]
                _put_new(sharing, {f"runs/{run.id}" for run in ours})
            if rounds % _SWEEP_EVERY == _LOOK_EVERY:
                sharing.sweep()
        except (OperationalError, OSError, PetalscopeError) as error:
            _log.warning("%s: %s", type(error).__name__, " ".join(str(error).split())[:300])


def _put_new(sharing: Sharing, runs: set[str]) -> None:
    """Put what is new here into storage, delete there what was deleted here, and make room."""
    for key in sharing.list_things():
        if key in runs or not key.startswith("runs/"):
            sharing.push(key)
    for key in sharing.list_stamped():
        kept = any((sharing.root / name).exists() for name in sharing.read_stamp(key))
        name = key.partition("/")[2]
        if not kept and not any(sharing.root.glob(f"bin/**/{name}*")):
            sharing.forget(key)
    _make_room(sharing)
