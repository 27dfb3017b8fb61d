"""Workers that help: each says what it does, how fast, and that it is alive.

A row is one process on a lane of a machine, by the clock of the database. Who is silent for long is
shown as silent, and forgotten after a day.
"""

from typing import NamedTuple

from sqlalchemy import Column, Float, Integer, String, Table, Text, insert, select, update

from core.runs.database import read_database, write_database
from core.runs.queue.units import lease_s, read_clock
from core.runs.tables import metadata
from core.workspace import Workspace

_FORGET_S = 86_400.0

workers_table = Table(
    "workers",
    metadata,
    Column("lane", String(128), primary_key=True),
    Column("device", Text, nullable=False, server_default=""),
    Column("pid", Integer, nullable=False),
    Column("does", Text, nullable=False, server_default=""),
    Column("job", String(64), nullable=False, server_default=""),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("speed", Float, nullable=False, server_default="0"),
    Column("heard", Float, nullable=False),
)


class WorkerState(NamedTuple):
    """What a worker said last."""

    lane: str
    """As in “lab/1 gpu:0”; its machine before the slash."""
    device: str
    pid: int
    does: str
    """In words; "" when it waits."""
    job: str
    done: int
    """Photos since it began."""
    speed: float
    """Photos a second of its last unit."""
    silent_s: float

    @property
    def is_silent(self) -> bool:
        """Whether it was not heard of for so long that others do what it had."""
        return self.silent_s > lease_s()


def note_worker(workspace: Workspace, lane: str, **said: object) -> None:
    """Note what a worker says of itself, and that it was heard of."""
    row = workers_table.c
    with write_database(workspace) as connection:
        now = read_clock(connection)
        changed = update(workers_table).where(row.lane == lane).values(**said, heard=now)
        if not connection.execute(changed).rowcount:
            connection.execute(workers_table.delete().where(row.heard < now - _FORGET_S))
            connection.execute(insert(workers_table).values(lane=lane, **said, heard=now))


def forget_worker(workspace: Workspace, lane: str) -> None:
    """Forget a worker that has ended."""
    with write_database(workspace) as connection:
        connection.execute(workers_table.delete().where(workers_table.c.lane == lane))


def list_workers(workspace: Workspace) -> list[WorkerState]:
    """Return all workers that said something within a day, by lane."""
    row = workers_table.c
    with read_database(workspace) as connection:
        now = read_clock(connection)
        said = (row.lane, row.device, row.pid, row.does, row.job, row.done, row.speed)
        query = select(*said, now - row.heard).where(row.heard > now - _FORGET_S)
        return [WorkerState(*found) for found in connection.execute(query.order_by(row.lane))]
