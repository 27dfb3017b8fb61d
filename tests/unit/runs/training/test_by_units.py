"""Features that many compute: the same bits, each part once, whoever is killed or goes away."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import RunStopped, StorageFailed, UnitFailed
from core.runs.queue.queue import read_active, submit_run
from core.runs.queue.units import (
    MOST_ATTEMPTS,
    claim_unit,
    give_back_unit,
    list_jobs,
    list_results,
    prepare_units,
)
from core.runs.queue.workers import list_workers
from core.runs.training import by_units
from core.sharing import open_sharing
from core.workers import loop
from core.workers.loop import Worker, work
from core.workspace import Workspace
from models.weights import find_weights
from tests.gathering import Known, Told, gather, take_features
from tests.processes import wait_until
from tests.training import change_recipe


@pytest.fixture
def known(
    trained_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Known]:
    """The features of the trained workspace, which are then gone; storage is behind it."""
    monkeypatch.setenv("PETALSCOPE_STORAGE_URL", str(tmp_path / "store"))
    monkeypatch.setenv("PETALSCOPE_DATABASE_URL", f"sqlite:///{trained_copy.database_file}")
    yield take_features(trained_copy, monkeypatch, rows=5)


def test_features_by_units_are_the_same_bits(trained_copy: Workspace, known: Known) -> None:
    told = Told()
    assert np.array_equal(gather(trained_copy, known.dataset, told), known.values)
    assert told.done == [0, 5, 10, 15, 20, 25, 30, 35, 36] and list_jobs(trained_copy) == []


def test_a_worker_elsewhere_helps_and_goes_on_with_what_was_stopped(
    trained_copy: Workspace, known: Known, tmp_path: Path
) -> None:
    with pytest.raises(RunStopped):
        gather(trained_copy, known.dataset, should_stop=lambda: True)
    [job] = list_jobs(trained_copy)
    assert (job.kind, job.done, job.total, job.is_wanted) == ("features", 0, 36, True)
    elsewhere, ended = Workspace(tmp_path / "elsewhere"), threading.Event()
    worker = Worker(elsewhere, "lab/")
    thread = threading.Thread(target=work, args=(worker, ended))
    thread.start()
    try:
        wait_until(lambda: len(list_results(trained_copy, job.id)) == 8, "the worker did it all")
        [state] = list_workers(trained_copy)
        assert (state.lane, state.is_silent) == ("lab/", False)
        assert not (elsewhere.datasets / job.facts["dataset"]).exists()  # photos come by pieces
    finally:
        ended.set()
        thread.join()
    assert list_workers(trained_copy) == [] and claim_unit(trained_copy, job.id, "me") is None
    told = Told()
    assert np.array_equal(
        gather(trained_copy, known.dataset, told), known.values
    ) and told.done == [36]


def test_what_computes_otherwise_does_not_help(trained_copy: Workspace, known: Known) -> None:
    with pytest.raises(RunStopped):
        gather(trained_copy, known.dataset, should_stop=lambda: True)
    [job] = list_jobs(trained_copy)
    assert by_units.join_job(trained_copy, job) is not None
    other = {**job.facts, "precision": "f16"}
    assert by_units.join_job(trained_copy, job._replace(facts=other)) is None


def test_a_run_whose_photos_or_weights_are_not_to_be_had_is_left_to_others(
    trained_copy: Workspace, known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit_run(trained_copy, change_recipe(trained_copy, seed=5))[0]
    elsewhere, sharing = Workspace(tmp_path / "elsewhere"), open_sharing(trained_copy)
    assert sharing is not None
    assert not Worker(elsewhere, "lab/").step()  # home has not put the photos yet
    sharing.push(f"datasets/{known.dataset}")
    other = replace(find_weights(trained_copy, run.recipe.weights), digest="another")
    monkeypatch.setattr(loop, "find_weights", lambda *_: other)
    assert not Worker(elsewhere, "lab/").step()
    monkeypatch.setenv("PETALSCOPE_STORAGE_URL", "s3://photos:9/x")  # no address: as if away
    monkeypatch.setattr(loop, "find_weights", find_weights)
    with pytest.raises(StorageFailed):
        Worker(elsewhere, "lab/").step()
    [waiting] = read_active(trained_copy)
    assert (waiting.id, waiting.state, waiting.attempt) == (run.id, "queued", 0)


def test_who_only_helps_leaves_a_part_that_fails_to_who_waits(trained_copy: Workspace) -> None:
    prepare_units(trained_copy, "job", [1])
    for _ in range(MOST_ATTEMPTS):
        unit = claim_unit(trained_copy, "job", "lab/", waits=False)
        assert unit is not None
        give_back_unit(trained_copy, unit, "lab/", is_begun=True)
    for _ in range(2):
        assert claim_unit(trained_copy, "job", "lab/", waits=False) is None
    with pytest.raises(UnitFailed):
        claim_unit(trained_copy, "job", "me")
