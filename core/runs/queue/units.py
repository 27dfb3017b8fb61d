"""Units of heavy work that any number of processes share: claimed with a lease, done, counted once.

A unit may be done twice without harm: its result is written whole under a name of its own. Who is
killed loses the lease, and another takes the unit. A job goes as long as somebody waits for it. All
moments are those of the database, so that clocks of hosts may differ.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    String,
    Table,
    Text,
    Update,
    case,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import OperationalError

from core.config import read_settings
from core.errors import RunStopped, StorageFailed, UnitFailed
from core.runs.database import read_database, write_database
from core.runs.tables import metadata
from core.workspace import Workspace

MOST_ATTEMPTS = 5
_NOW = {
    "postgresql": "SELECT extract(epoch FROM clock_timestamp())",
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400.0",
}

units_table = Table(
    "units",
    metadata,
    Column("job", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("state", String(16), nullable=False, server_default="waiting"),
    Column("owner", String(64), nullable=False, server_default=""),
    Column("until", Float, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("result", Text, nullable=False, server_default=""),
)
_UNIT = units_table.c

jobs_table = Table(
    "unit_jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("facts", Text, nullable=False),
    Column("until", Float, nullable=False, server_default="0"),
)
"""What the units of a job are; somebody waits for it until then."""


class Unit(NamedTuple):
    """A unit that is ours until its lease ends; `size` says how much it holds (photos, say)."""

    job: str
    number: int
    size: int


class Progress(NamedTuple):
    """How far a job is, by the size of its units, whoever does them."""

    done: int
    total: int


class Job(NamedTuple):
    """A job that is not over; `owners` counts the processes whose leases have not ended."""

    id: str
    kind: str
    facts: dict[str, Any]
    is_wanted: bool
    """Whether somebody waits for it: else nobody else works on it."""
    done: int
    total: int
    owners: int
    units_left: int


def lease_s() -> float:
    """Return how long a unit or a job is whose it is without a word of them, in seconds."""
    return read_settings().heartbeat_timeout_s


def prepare_units(
    workspace: Workspace,
    job: str,
    sizes: Iterable[int],
    kind: str = "",
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Note a job and its units; one that is noted already stays as it is, and is wanted.

    Args:
        kind: What its units are, for workers that take any; facts: what they have to know.
    """
    rows = [{"job": job, "number": n, "size": size} for n, size in enumerate(sizes)]
    with write_database(workspace) as connection:
        if not connection.scalar(select(func.count()).where(_UNIT.job == job)):
            connection.execute(jobs_table.delete().where(jobs_table.c.id == job))
            about = {"id": job, "kind": kind, "facts": json.dumps(dict(facts or {}))}
            connection.execute(insert(jobs_table).values(**about))
            connection.execute(insert(units_table), rows)
    want_job(workspace, job)


def want_job(workspace: Workspace, job: str) -> None:
    """Say that somebody waits for a job, for a lease from now on."""
    with write_database(workspace) as connection:
        until = read_clock(connection) + lease_s()
        wanted = update(jobs_table).where(jobs_table.c.id == job)
        connection.execute(wanted.values(until=until))


def claim_unit(
    workspace: Workspace, job: str, owner: str, last: int = -1, *, waits: bool = True
) -> Unit | None:
    """Return a unit that is ours for a lease; None: all are done or somebody else's.

    Args:
        last: Number of the unit that waits until all others are done.
        waits: Whether the job is ours: who only helps leaves a unit that failed to who waits.

    Raises:
        UnitFailed: One was begun MOST_ATTEMPTS times and never came to its end.
    """
    with write_database(workspace) as connection:
        now = read_clock(connection)
        free = (_UNIT.job == job) & (_UNIT.state != "done") & (_UNIT.until < now)
        order = (_UNIT.number == last, _UNIT.attempts, _UNIT.number)  # what kills all comes late
        row = connection.execute(select(units_table).where(free).order_by(*order).limit(1)).first()
        if row is None or (row.number == last and _is_open(connection, job, last)):
            return None
        is_lost = row.attempts >= MOST_ATTEMPTS
        if is_lost and not waits:
            return None
        taken = {"owner": owner, "until": now + lease_s(), "attempts": row.attempts + 1}
        begun = {"attempts": 0} if is_lost else taken  # who looked at it may try again
        connection.execute(_of(job, row.number).values(**begun))
    if is_lost:
        raise UnitFailed(
            f"Part {row.number + 1} was begun {row.attempts} times and never finished.",
            "Look at what it holds, or at the memory of this machine; then try again.",
            job=job,
        )
    return Unit(job, row.number, row.size)


def renew_lease(workspace: Workspace, unit: Unit, owner: str) -> bool:
    """Return whether a unit is still ours, now for another lease."""
    with write_database(workspace) as connection:
        until = read_clock(connection) + lease_s()
        return bool(connection.execute(_ours(unit, owner).values(until=until)).rowcount)


@contextmanager
def hold_unit(
    workspace: Workspace, unit: Unit, owner: str, beat: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Renew the lease of a unit while the block goes, and call `beat`; given back if it fails.

    What storage, the database or a person's Ctrl-C prevented does not count as begun.
    """
    over = threading.Event()

    def renew() -> None:
        while not over.wait(lease_s() / 6):
            with suppress(OperationalError):  # the next may do; else another does the unit, too
                renew_lease(workspace, unit, owner)
                beat()

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    begun = 1
    try:
        yield
        begun = 0
    except (StorageFailed, OperationalError, RunStopped, KeyboardInterrupt):
        begun = -1
        raise
    finally:
        over.set()
        thread.join()
        if begun:
            with suppress(OperationalError):
                give_back_unit(workspace, unit, owner, is_begun=begun > 0)


def give_back_unit(workspace: Workspace, unit: Unit, owner: str, *, is_begun: bool = False) -> None:
    """Give back a unit that could not be done, for no fault of its own unless it `is_begun`."""
    with write_database(workspace) as connection:
        attempts = _UNIT.attempts if is_begun else _UNIT.attempts - 1
        connection.execute(_ours(unit, owner).values(until=0.0, attempts=attempts))


def release_units(workspace: Workspace, owner: str) -> None:
    """End the leases of an owner who begins anew: what its former process had, it has no more."""
    with write_database(workspace) as connection:
        owned = update(units_table).where(_UNIT.owner == owner, _UNIT.state != "done")
        connection.execute(owned.values(until=0.0))


def finish_unit(workspace: Workspace, unit: Unit, result: str) -> str:
    """Return the result that counts: of two who did the same unit, that of the first."""
    one = (_UNIT.job == unit.job) & (_UNIT.number == unit.number)
    with write_database(workspace) as connection:
        open_one = update(units_table).where(one, _UNIT.state != "done")
        connection.execute(open_one.values(state="done", result=result, owner="", until=0.0))
        return str(connection.scalar(select(_UNIT.result).where(one)) or "")


def forget_units(workspace: Workspace, job: str) -> None:
    """Delete the units of a job that is over."""
    with write_database(workspace) as connection:
        connection.execute(units_table.delete().where(_UNIT.job == job))
        connection.execute(jobs_table.delete().where(jobs_table.c.id == job))


def read_progress(workspace: Workspace, job: str) -> Progress:
    """Return how far a job is."""
    with read_database(workspace) as connection:
        sizes = select(_UNIT.state, func.sum(_UNIT.size)).where(_UNIT.job == job)
        rows = connection.execute(sizes.group_by(_UNIT.state)).all()
    by_state = {state: int(size) for state, size in rows}
    return Progress(by_state.get("done", 0), sum(by_state.values()))


def list_jobs(workspace: Workspace) -> list[Job]:
    """Return the jobs that are not over, by id; sizes are sums over units."""
    with read_database(workspace) as connection:
        now = read_clock(connection)
        done = func.sum(case((_UNIT.state == "done", _UNIT.size), else_=0))
        owners = func.count(case((_UNIT.until > now, _UNIT.owner)).distinct())
        left = func.sum(case((_UNIT.state == "done", 0), else_=1))
        counts = select(_UNIT.job, done, func.sum(_UNIT.size), owners, left).group_by(_UNIT.job)
        counted = {row[0]: row[1:] for row in connection.execute(counts)}
        jobs = connection.execute(select(jobs_table).order_by(jobs_table.c.id)).all()
    return [
        Job(one.id, one.kind, json.loads(one.facts), one.until > now, *counted[one.id])
        for one in jobs
        if one.id in counted
    ]


def list_results(workspace: Workspace, job: str) -> list[str]:
    """Return what was noted of the units that are done, in their order."""
    query = select(_UNIT.result).where(_UNIT.job == job, _UNIT.state == "done")
    with read_database(workspace) as connection:
        return list(connection.scalars(query.order_by(_UNIT.number)))


def _is_open(connection: Connection, job: str, last: int) -> bool:
    """Return whether a unit besides the last is not done."""
    others = (_UNIT.job == job) & (_UNIT.number != last) & (_UNIT.state != "done")
    return bool(connection.scalar(select(func.count()).where(others)))


def _of(job: str, number: int) -> Update:
    return update(units_table).where(_UNIT.job == job, _UNIT.number == number)


def _ours(unit: Unit, owner: str) -> Update:
    return _of(unit.job, unit.number).where(_UNIT.owner == owner, _UNIT.state != "done")


def read_clock(connection: Connection) -> float:
    """Return the database's own seconds since 1970."""
    return float(connection.scalar(text(_NOW[connection.dialect.name])) or 0.0)
