"""What tests of every floor share: workspaces, empty, prepared or with a finished run.

All made by the real code. The backbone (random weights) is made once a session, by a real worker.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.runs.database import close_databases, write_database
from core.runs.queue import submit_run
from core.runs.tables import openings_table
from core.workspace import Workspace, open_workspace
from tests.builders import write_class_folders
from tests.processes import end_processes
from tests.retraining import make_challenger
from tests.training import copy_workspace, make_recipe, train

PHOTOS_PER_CLASS = 12


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """An empty workspace, which the settings point to, also in processes that the test starts."""
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(tmp_path / "workspace"))
    opened = open_workspace()
    yield opened
    end_processes(opened)  # a page that was visited starts a scheduler
    close_databases()


@pytest.fixture(scope="session")
def trained_workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with a dataset (3 classes, 36 photos) and one finished run. Do not change it.

    The settings do not point to it: a test that needs that sets PETALSCOPE_WORKSPACE to its root.
    """
    from data.importing import import_source

    folder = tmp_path_factory.mktemp("trained")
    photos = write_class_folders(folder / "photos", photos_per_class=PHOTOS_PER_CLASS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETALSCOPE_WORKSPACE", str(folder / "workspace"))
        workspace = open_workspace()
        dataset = import_source(workspace, photos, name="three flowers")
        run, _ = submit_run(workspace, make_recipe(workspace, dataset.id))
        run = train(workspace, run)
    assert run.state == "done", (workspace.run_folder(run.id) / "worker.log").read_text()
    yield workspace
    end_processes(workspace)
    close_databases()


@pytest.fixture
def trained_copy(
    trained_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """A copy of the trained workspace for this test, which the settings point to.

    Its processes are ended after the test.
    """
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(tmp_path / "workspace"))
    copy_workspace(trained_workspace, Workspace(tmp_path / "workspace"))
    workspace = open_workspace()
    with write_database(workspace) as connection:  # tests of the original may have looked
        connection.execute(openings_table.delete())
    yield workspace
    end_processes(workspace)
    close_databases()


@pytest.fixture(scope="session")
def challenged_workspace(
    trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """The trained workspace with champion v1 and its challenger v2, which learnt from 6 reviewed
    photos more. Do not change it; the settings do not point to it.
    """
    workspace = Workspace(tmp_path_factory.mktemp("challenged") / "workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETALSCOPE_WORKSPACE", str(workspace.root))
        copy_workspace(trained_workspace, workspace)
        make_challenger(open_workspace())
    yield workspace
    end_processes(workspace)
    close_databases()


@pytest.fixture
def challenged(
    challenged_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """A copy of the challenged workspace for this test, which the settings point to."""
    root = tmp_path / "workspace"
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(root))
    copy_workspace(challenged_workspace, Workspace(root))
    workspace = open_workspace()
    yield workspace
    end_processes(workspace)
    close_databases()
