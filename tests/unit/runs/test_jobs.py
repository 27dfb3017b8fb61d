"""Weights are fetched by a job, which then queues the run that waits for them."""

import pytest

from core.runs.jobs import fetch_weights
from core.runs.store import list_runs
from core.workspace import Workspace
from data.manifest import list_datasets
from models.weights import find_weights


@pytest.mark.slow
def test_a_run_waits_for_the_weights(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runs.jobs.ensure_scheduler", lambda _: None)
    before = {run.id for run in list_runs(trained_copy)}
    wanted = {"dataset": list_datasets(trained_copy)[0].id, "name": "first"}
    told: list[tuple[str, int, int]] = []
    random = find_weights(trained_copy, "random")
    monkeypatch.setattr("core.runs.jobs.download_weights", lambda *_: random)
    result = fetch_weights(trained_copy, {"run": wanted}, lambda *progress: told.append(progress))
    (new,) = [run for run in list_runs(trained_copy) if run.id not in before]
    assert (new.id, new.name, new.state) == (result["run"], "first", "queued")
    assert new.recipe.weights_digest == random.digest
    assert told
