"""The seal of the test photos: each look at a run's test figures is deliberate, and counted.

A model that was chosen by its test photos has no test left, so whoever reads a test figure should
be able to see how often, and when, it was looked at before. Rows go away with their run.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import insert, select

from core.runs.database import read_database, write_database
from core.runs.store import select_run
from core.runs.tables import openings_table
from core.workspace import Workspace, check_identifier

_TABLE = openings_table.c


@dataclass(frozen=True, kw_only=True)
class Opening:
    """One look at the test photos of a run."""

    opened: datetime
    """UTC."""
    who: str
    """As the page or command line knows them; "" for nobody in particular."""
    place: str
    """Where: “page metrics”, “command line”."""


def record_opening(workspace: Workspace, run_id: str, who: str, place: str) -> list[Opening]:
    """Returns all openings of the run, oldest first, this one at the end; it is now counted.

    Args:
        who: A person or browser, as far as it is known.
        place: Where, in words.

    Raises:
        RunMissing: No run has that id.
    """
    values = {"run": check_identifier(run_id), "opened": datetime.now(UTC)}
    with write_database(workspace) as connection:
        select_run(connection, run_id)
        connection.execute(insert(openings_table).values(**values, who=who, place=place))
    return read_openings(workspace, run_id)


def read_openings(workspace: Workspace, run_id: str) -> list[Opening]:
    """Returns when the test photos of the run were looked at, oldest first."""
    query = (
        select(_TABLE.opened, _TABLE.who, _TABLE.place)
        .where(_TABLE.run == check_identifier(run_id))
        .order_by(_TABLE.number)
    )
    with read_database(workspace) as connection:
        return [Opening(**row._mapping) for row in connection.execute(query)]
