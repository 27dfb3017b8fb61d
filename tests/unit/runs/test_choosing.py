"""A dataset or run is found by id, start of an id, name or "latest"; doubts are said."""

import pytest

from core.errors import DatasetMissing, RunMissing
from core.runs.choosing import choose_dataset, choose_run
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord
from core.workspace import Workspace


def queue_run(workspace: Workspace, seed: int, name: str | None = None) -> RunRecord:
    recipe = Recipe(dataset="0123456789ab", weights_digest="0" * 64, seed=seed)
    return submit_run(workspace, recipe, name)[0]


def test_a_run_is_found_in_every_way(workspace):
    first, second = queue_run(workspace, 0, "linear"), queue_run(workspace, 1)
    assert choose_run(workspace, first.id) == first
    assert choose_run(workspace, first.id[:10]) == first
    assert choose_run(workspace, "linear") == first
    assert choose_run(workspace, second.name) == second
    assert choose_run(workspace, "latest") == second


def test_a_name_of_two_runs_names_both(workspace):
    runs = [queue_run(workspace, seed, "twice") for seed in (0, 1)]
    with pytest.raises(RunMissing) as raised:
        choose_run(workspace, "twice")
    assert all(run.id in raised.value.problem for run in runs)


def test_nothing_there_says_how_to_begin(workspace):
    with pytest.raises(RunMissing, match="python -m core train latest"):
        choose_run(workspace, "latest")
    with pytest.raises(DatasetMissing, match="python -m core import sample"):
        choose_dataset(workspace, "latest")


def test_an_empty_text_is_nobodys_prefix(workspace):
    queue_run(workspace, 0)
    with pytest.raises(RunMissing, match="No run “”"):
        choose_run(workspace, "")
