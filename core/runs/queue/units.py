"""Units of heavy work that any number of processes share: claimed with a lease, done, counted once.

A unit may be done twice without harm: its result is written whole under a name of its own. Who is
killed loses the lease, and another takes the unit. All moments are those of the database, so that
clocks of hosts may differ.
"""

from collections.abc import Iterable
from typing import NamedTuple

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

from core.errors import UnitFailed
from core.people import acts
from core.runs.database import read_database, write_database
from core.runs.tables import metadata
from core.workspace import Workspace

LEASE_S = 60.0
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
    done: int
    total: int
    owners: int


@acts("make", "job", noted=False)
def prepare_units(workspace: Workspace, job: str, sizes: Iterable[int]) -> None:
    """Note the units of a job; one that is noted already stays as it is."""
    rows = [{"job": job, "number": n, "size": size} for n, size in enumerate(sizes)]
    with write_database(workspace) as connection:
        if not connection.scalar(select(func.count()).where(_UNIT.job == job)):
            connection.execute(insert(units_table), rows)


@acts("change", "job", "job", noted=False)
def claim_unit(workspace: Workspace, job: str, owner: str, last: int = -1) -> Unit | None:
    """Return a unit that is ours for LEASE_S; None: all are done or somebody else's.

    Args:
        last: Number of the unit that waits until all others are done.

    Raises:
        UnitFailed: One was begun MOST_ATTEMPTS times and never came to its end.
    """
    with write_database(workspace) as connection:
        now = _read_clock(connection)
        free = (_UNIT.job == job) & (_UNIT.state != "done") & (_UNIT.until < now)
        order = (_UNIT.number == last, _UNIT.attempts, _UNIT.number)  # what kills all comes late
        row = connection.execute(select(units_table).where(free).order_by(*order).limit(1)).first()
        if row is None or (row.number == last and _is_open(connection, job, last)):
            return None
        is_lost = row.attempts >= MOST_ATTEMPTS
        taken = {"owner": owner, "until": now + LEASE_S, "attempts": row.attempts + 1}
        begun = {"attempts": 0} if is_lost else taken  # who looked at it may try again
        connection.execute(_of(job, row.number).values(**begun))
    if is_lost:
        raise UnitFailed(
            f"Part {row.number + 1} was begun {row.attempts} times and never finished.",
            "Look at what it holds, or at the memory of this machine; then try again.",
            job=job,
        )
    return Unit(job, row.number, row.size)


@acts("change", "job", noted=False)
def renew_lease(workspace: Workspace, unit: Unit, owner: str) -> bool:
    """Return whether a unit is still ours, now for another LEASE_S."""
    with write_database(workspace) as connection:
        until = _read_clock(connection) + LEASE_S
        return bool(connection.execute(_ours(unit, owner).values(until=until)).rowcount)


@acts("change", "job", noted=False)
def give_back_unit(workspace: Workspace, unit: Unit, owner: str) -> None:
    """Give back a unit that could not be done for no fault of its own: it was not begun."""
    with write_database(workspace) as connection:
        back = {"until": 0.0, "attempts": _UNIT.attempts - 1}
        connection.execute(_ours(unit, owner).values(**back))


@acts("change", "job", noted=False)
def finish_unit(workspace: Workspace, unit: Unit, result: str) -> str:
    """Return the result that counts: of two who did the same unit, that of the first."""
    one = (_UNIT.job == unit.job) & (_UNIT.number == unit.number)
    with write_database(workspace) as connection:
        open_one = update(units_table).where(one, _UNIT.state != "done")
        connection.execute(open_one.values(state="done", result=result, owner="", until=0.0))
        return str(connection.scalar(select(_UNIT.result).where(one)) or "")


@acts("delete", "job", "job", noted=False)
def forget_units(workspace: Workspace, job: str) -> None:
    """Delete the units of a job that is over."""
    with write_database(workspace) as connection:
        connection.execute(units_table.delete().where(_UNIT.job == job))


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
        done = func.sum(case((_UNIT.state == "done", _UNIT.size), else_=0))
        leased = case((_UNIT.until > _read_clock(connection), _UNIT.owner))
        owners = func.count(leased.distinct())
        query = select(_UNIT.job, done, func.sum(_UNIT.size), owners).group_by(_UNIT.job)
        return [Job(*row) for row in connection.execute(query.order_by(_UNIT.job))]


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


def _read_clock(connection: Connection) -> float:
    """Return the database's own seconds since 1970."""
    return float(connection.scalar(text(_NOW[connection.dialect.name])) or 0.0)
