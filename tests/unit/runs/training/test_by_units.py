"""Features that many compute: the same bits, each part once, whoever is killed or goes away."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.errors import RunStopped
from core.runs.queue.units import claim_unit, list_jobs, list_results
from core.runs.queue.workers import list_workers
from core.runs.training import by_units
from core.workers.loop import Worker, work
from core.workspace import Workspace
from tests.gathering import Known, Told, gather, take_features
from tests.processes import wait_until


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
