"""Whose turn it is: the waiting run of whoever has waited longest since their last start.

Fair between submitters, not between runs: somebody who submits a hundred runs delays the single run
of another by one. Standard library and SQLAlchemy only, for the scheduler asks this too.
"""

import heapq
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from core.runs.store import RunRecord
from core.runs.tables import runs_table


def read_last_starts(connection: Connection) -> dict[str, datetime]:
    """Returns when a run of each submitter was last started; who never had one is not in it."""
    started = func.max(runs_table.c.started)
    query = select(runs_table.c.submitter, started).group_by(runs_table.c.submitter)
    return {submitter: last for submitter, last in connection.execute(query) if last is not None}


def order_turns(
    waiting: Sequence[RunRecord], last_starts: Mapping[str, datetime]
) -> list[RunRecord]:
    """Returns the waiting runs in the order in which they will start.

    Next is the submitter whose last start is longest ago, those who never had one first; then the
    oldest of their runs.
    """
    lines: dict[str, list[RunRecord]] = {}
    for run in sorted(waiting, key=lambda run: (run.queued, run.number), reverse=True):
        lines.setdefault(run.submitter, []).append(run)  # the oldest last
    served = sorted(lines.keys() & last_starts.keys(), key=lambda name: last_starts[name])
    ranks = {name: rank for rank, name in enumerate(served, 1)}
    heap = [(ranks.get(name, 0), line[-1].queued, name) for name, line in lines.items()]
    heapq.heapify(heap)
    order: list[RunRecord] = []
    while heap:
        _, _, name = heapq.heappop(heap)
        order.append(lines[name].pop())
        if lines[name]:
            turn = len(lines) + len(order)  # after everybody who waits now
            heapq.heappush(heap, (turn, lines[name][-1].queued, name))
    return order
