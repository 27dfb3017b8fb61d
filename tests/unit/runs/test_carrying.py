"""A run that is trained where nothing of the workspace is: the same bits, and home has it."""

import threading
from pathlib import Path

import numpy as np
import pytest

from core.runs import carrying
from core.runs.carrying import fetch_run, keep_carrying
from core.runs.queue.queue import claim_next_run, delete_run, submit_run
from core.runs.result import read_result, read_run_features
from core.runs.run_files import FACTS_FILE
from core.runs.store import list_runs, read_run
from core.runs.training.executing import execute_run
from core.sharing import open_sharing
from core.workspace import Workspace
from tests.processes import wait_until
from tests.training import change_recipe


def test_home_has_what_was_trained_elsewhere_and_storage_loses_what_home_deletes(
    trained_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = submit_run(trained_copy, change_recipe(trained_copy, seed=5))[0]
    execute_run(trained_copy, here.id)
    known = read_result(trained_copy, here.id)
    delete_run(trained_copy, here.id)
    monkeypatch.setattr(carrying, "EVERY_S", 0.05)
    monkeypatch.setenv("PETALSCOPE_STORAGE_URL", str(tmp_path / "store"))
    monkeypatch.setenv("PETALSCOPE_DATABASE_URL", f"sqlite:///{trained_copy.database_file}")
    sharing, ended = open_sharing(trained_copy), threading.Event()
    assert sharing is not None
    home = threading.Thread(target=keep_carrying, args=(trained_copy, ended))
    home.start()
    try:
        run = submit_run(trained_copy, change_recipe(trained_copy, seed=5))[0]
        wait_until(
            lambda: f"runs/{list_runs(trained_copy)[-1].id}" in sharing.list_stamped(), "put"
        )
        there = Workspace(tmp_path / "there")
        claimed = claim_next_run(there, lane="lab/")
        assert claimed is not None and claimed.id == run.id
        fetch_run(there, claimed)
        execute_run(there, run.id, "lab/")
        folder = trained_copy.run_folder(run.id)
        assert read_run(trained_copy, run.id).state == "done"
        assert np.array_equal(read_result(trained_copy, run.id).scores, known.scores)
        assert len(read_run_features(trained_copy, known)) == len(known.labels)
        wait_until((folder / FACTS_FILE).exists, "home has it without being asked")
        delete_run(trained_copy, run.id)
        assert f"runs/{run.id}" in sharing.list_stamped()  # as long as it lies in the bin
        (trained_copy.bin / "run" / run.id).rename(tmp_path / "emptied")
        wait_until(lambda: sharing.read_record(f"runs/{run.id}") is None, "it is forgotten")
        assert sharing.read_record(f"features/{known.features_id}") is not None
    finally:
        ended.set()
        home.join()
