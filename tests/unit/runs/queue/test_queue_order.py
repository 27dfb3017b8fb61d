"""Which run is next, alone and with many processes that submit and claim at once."""

import dataclasses
import itertools
import subprocess
import sys

import pytest

from core.runs.queue.queue import (
    claim_next_run,
    mark_lost,
    queue_lost_runs,
    read_active,
    submit_run,
)
from core.runs.queue.run_lock import begin_run, finish_run
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, list_runs
from core.workspace import Workspace

RECIPE = Recipe(dataset="0123456789abcdef", weights_digest="d" * 64)
SUBMITTERS, RUNS_EACH = 30, 10

SUBMIT = """if True:
    import sys
    from core.runs.queue.queue import submit_run
    from core.runs.recipe.recipe import Recipe
    from core.workspace import open_workspace
    first, end, runs_each = (int(argument) for argument in sys.argv[1:])
    workspace = open_workspace()
    sys.stdin.readline()
    for number in range(runs_each):
        for person in range(first, end):
            seed = 1000 * person + number
            recipe = Recipe(dataset="0123456789abcdef", weights_digest="d", seed=seed)
            assert submit_run(workspace, recipe)[1]
"""
CLAIM = """if True:
    import sys, time
    from core.runs.queue.run_lock import begin_run, finish_run
    from core.runs.queue.queue import claim_next_run, read_active
    from core.workspace import open_workspace
    workspace = open_workspace()
    sys.stdin.readline()
    while True:
        run = claim_next_run(workspace)
        if run is not None:
            assert begin_run(workspace, run)
            assert claim_next_run(workspace) is None  # one at a time
            assert finish_run(workspace, run, stopped=False)
            print(run.id)
        elif not read_active(workspace):
            break
        else:
            time.sleep(0.03)
"""


def read_waiting(workspace: Workspace) -> list[RunRecord]:
    """Return the queued runs in the order in which they will be trained."""
    return [run for run in read_active(workspace) if run.state == "queued"]


def submit(workspace: Workspace, seed: int) -> RunRecord:
    return submit_run(workspace, dataclasses.replace(RECIPE, seed=seed))[0]


def finish_next(workspace: Workspace) -> RunRecord:
    """Return the run whose turn it was; it is done."""
    run = claim_next_run(workspace)
    assert run is not None and begin_run(workspace, run)
    assert finish_run(workspace, run, stopped=False)
    return run


def run_together(code: str, arguments: list[list[str]]) -> list[str]:
    """Return what processes printed that ran the code at the same time."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, *each],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for each in arguments
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [child.communicate()[0] for child in children]
    assert [child.returncode for child in children] == [0] * len(children)
    return answers


def test_the_order_that_is_shown_is_the_order_that_comes(workspace: Workspace) -> None:
    submitted = [submit(workspace, seed).id for seed in range(5)]
    assert [run.id for run in read_waiting(workspace)] == submitted
    assert [finish_next(workspace).id for _ in submitted] == submitted
    assert read_waiting(workspace) == []


def test_a_lost_run_keeps_its_place(workspace: Workspace) -> None:
    lost, other = submit(workspace, 1), submit(workspace, 2)
    run = claim_next_run(workspace)
    assert run is not None and run.id == lost.id and mark_lost(workspace, run)
    assert [run.id for run in read_active(workspace)] == [lost.id, other.id]
    queue_lost_runs(workspace)
    assert [finish_next(workspace).id for _ in range(2)] == [lost.id, other.id]


@pytest.mark.slow
def test_many_processes_submit_and_claim_each_run_once_in_its_order(workspace: Workspace) -> None:
    share = SUBMITTERS // 5
    shares = [
        [str(first), str(first + share), str(RUNS_EACH)] for first in range(0, SUBMITTERS, share)
    ]
    run_together(SUBMIT, shares)
    expected = [run.id for run in read_waiting(workspace)]
    assert len(expected) == SUBMITTERS * RUNS_EACH
    claimed = "".join(run_together(CLAIM, [[], [], []])).split()
    assert sorted(claimed) == sorted(expected)  # each once, by whichever process

    runs = sorted(list_runs(workspace), key=lambda run: run.started or run.created)
    assert [run.id for run in runs] == expected
    assert {(run.state, run.attempt) for run in runs} == {("done", 1)}
    for earlier, later in itertools.pairwise(runs):
        assert earlier.finished and later.started and earlier.finished <= later.started
