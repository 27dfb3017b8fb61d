"""Fairness: whose run is next, alone and with many processes that submit and claim at once."""

import dataclasses
import itertools
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from core.runs.queue.queue import (
    claim_next_run,
    mark_lost,
    order_turns,
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
            assert submit_run(workspace, recipe, submitter=f"person {person}")[1]
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


def submit(workspace: Workspace, seed: int, submitter: str) -> RunRecord:
    recipe = dataclasses.replace(RECIPE, seed=seed)
    return submit_run(workspace, recipe, submitter=submitter)[0]


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


def test_a_hundred_runs_of_one_person_delay_another_by_one(workspace: Workspace) -> None:
    many = [submit(workspace, seed, "many") for seed in range(5)]
    first = claim_next_run(workspace)
    assert first is not None and first.id == many[0].id
    single = submit(workspace, 99, "single")
    assert [run.id for run in read_waiting(workspace)][:2] == [single.id, many[1].id]
    assert begin_run(workspace, first) and finish_run(workspace, first, stopped=False)
    assert finish_next(workspace).id == single.id
    later = submit(workspace, 98, "single")
    assert [finish_next(workspace).id for _ in range(3)] == [many[1].id, later.id, many[2].id]


def test_the_order_that_is_shown_is_the_order_that_comes(workspace: Workspace) -> None:
    for seed, submitter in enumerate("aaabbcaad"):
        submit(workspace, seed, submitter)
    finish_next(workspace)  # a's
    finish_next(workspace)  # b's
    shown = [run.id for run in read_waiting(workspace)]
    assert [finish_next(workspace).id for _ in shown] == shown
    assert read_waiting(workspace) == []


def test_a_lost_run_lets_others_have_their_turn_then_goes_on(workspace: Workspace) -> None:
    lost = submit(workspace, 1, "unlucky")
    other, own = submit(workspace, 2, "other"), submit(workspace, 3, "unlucky")
    run = claim_next_run(workspace)
    assert run is not None and run.id == lost.id and mark_lost(workspace, run)
    assert [run.id for run in read_active(workspace)] == [other.id, lost.id, own.id]
    queue_lost_runs(workspace)
    assert [finish_next(workspace).id for _ in range(3)] == [other.id, lost.id, own.id]


def test_who_never_started_is_first_then_who_started_longest_ago(workspace: Workspace) -> None:
    runs = {name: submit(workspace, seed, name) for seed, name in enumerate("abcd")}
    now = datetime.now(UTC)
    starts = {"a": now, "b": now - timedelta(hours=1), "d": now - timedelta(days=1)}
    order = order_turns(list(runs.values()), starts)
    assert [run.submitter for run in order] == ["c", "d", "b", "a"]


@pytest.mark.slow
def test_thirty_submitters_of_ten_runs_each_have_their_turns(workspace: Workspace) -> None:
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
    turns = Counter({f"person {person}": 0 for person in range(SUBMITTERS)})
    for run in runs:
        turns[run.submitter] += 1
        assert max(turns.values()) - min(turns.values()) <= 1
