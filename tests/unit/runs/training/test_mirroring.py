"""The mirror in MLflow: whatever happens there is a line in the run's log and nothing else."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from core.runs.recipe.recipe import Recipe
from core.runs.result import read_result
from core.runs.store import list_runs
from core.runs.training.mirroring import list_parameters, mirror_run
from core.workspace import Workspace
from data.policy import PRESETS
from tests.processes import wait_until


def mirror(workspace: Workspace) -> str:
    """Return the line of the run's log that says what came of it."""
    run = list_runs(workspace)[0]
    log = workspace.run_folder(run.id) / "worker.log"
    before = len(log.read_text())
    start = time.perf_counter()
    mirror_run(workspace, run, read_result(workspace, run.id))
    assert time.perf_counter() - start < 10  # MLflow alone takes seconds to load: not waited for
    return wait_until(lambda: log.read_text()[before:].strip(), "the log says what came of it")


def test_without_the_setting_nothing_is_mirrored(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.delenv("PETALSCOPE_MLFLOW_URI", raising=False)
    monkeypatch.setattr("subprocess.run", fail)
    run = list_runs(trained_copy)[0]
    mirror_run(trained_copy, run, read_result(trained_copy, run.id))


def test_a_mirror_that_is_not_there_is_a_warning_in_the_log(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_MLFLOW_URI", "http://me:secret@localhost:9")
    said = mirror(trained_copy)
    assert "not mirrored in MLflow" in said
    assert "secret" not in said
    assert list_runs(trained_copy)[0].state == "done"


@pytest.mark.slow
def test_a_run_stands_in_mlflow_once(
    trained_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mlflow.db"
    monkeypatch.setenv("PETALSCOPE_MLFLOW_URI", f"sqlite:///{file}")
    assert "mirrored in MLflow as run" in mirror(trained_copy)
    assert "mirrored in MLflow as run" in mirror(trained_copy)
    run = list_runs(trained_copy)[0]
    with closing(sqlite3.connect(file)) as database:

        def ask(query: str) -> list[tuple[object, ...]]:
            return database.execute(query).fetchall()

        ((made,),) = ask("SELECT run_uuid FROM runs WHERE lifecycle_stage = 'active'")
        mine = f"WHERE run_uuid = '{made}' AND key"
        assert ask(f"SELECT value FROM tags {mine} = 'petalscope.run'") == [(run.id,)]
        assert ask(f"SELECT value FROM params {mine} = 'learning_rate'") == [("0.001",)]
        best = ask(f"SELECT value FROM metrics {mine} = 'best_val_accuracy'")
        assert best == [(run.best_val_accuracy,)]
        assert len(ask(f"SELECT value FROM metrics {mine} = 'val_loss'")) == run.epochs_done


def test_every_setting_of_a_recipe_is_a_short_parameter() -> None:
    recipe = Recipe(dataset="d", weights_digest="w", augmentation=PRESETS["strong"], views=4)
    parameters = list_parameters(recipe)
    assert parameters["strategy"] == "head"
    assert parameters["patience"] == "null"
    assert parameters["augmentation"] == "strong"
    assert '"probability"' in parameters["augmentation.rotation"]
    assert all(len(value) < 500 for value in parameters.values())
