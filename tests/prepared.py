"""Workspaces whose making takes a training: made once a run of the tests, however many workers.

The first who asks makes one under a file lock; after that nobody opens it, everybody copies it.
With PETALSCOPE_TEST_PREPARED=FOLDER they are kept there until the next day, while the sources that
make them stay the same: one file of tests can be run again and again without a training.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from core.runs.database import close_databases
from core.runs.queue.queue import submit_run
from core.runs.store import read_run
from core.workspace import PROJECT_ROOT, Workspace, open_workspace
from tests.builders import write_class_folders
from tests.processes import end_processes
from tests.retraining import make_challenger
from tests.small_backbone import write_small_backbone
from tests.training import change_recipe, copy_or_link, copy_workspace, make_recipe, train

PHOTOS_PER_CLASS = 12

_DRAWING = {"bench", "charts", "cli", "exporting", "reporting", "serving", "ui"}
"""Packages of core that have no part in a prepared workspace."""


def find_prepared(temporary: pytest.TempPathFactory) -> Path:
    """Return the folder of this run's prepared workspaces, the same for all workers."""
    kept = os.environ.get("PETALSCOPE_TEST_PREPARED")
    if kept is None:
        base = temporary.getbasetemp()
        folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "prepared"
    else:
        folder = _find_kept(Path(kept))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def prepare(folder: Path, name: str, fill: Callable[[Workspace], None]) -> Workspace:
    """Return the prepared workspace of a name: to be copied, never to be opened.

    Args:
        folder: Of all prepared workspaces.
        name: Of this one.
        fill: Makes it; the settings point to it meanwhile, and nothing is there yet.
    """
    workspace, ready = Workspace(folder / name), folder / f"{name}.ready"
    with FileLock(folder / f"{name}.lock"):
        if not ready.exists():
            shutil.rmtree(workspace.root, ignore_errors=True)  # of one that was cut short
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("PETALSCOPE_WORKSPACE", str(workspace.root))
                patch.delenv("TEST_SMALL_RESNET", raising=False)  # of the test that asks first
                fill(workspace)
            end_processes(workspace)
            close_databases()
            ready.touch()
    return workspace


def prepare_trained(folder: Path) -> Workspace:
    """Return a workspace with a dataset (3 classes, 36 photos) and one finished run.

    Its backbone is the small one of tests/small_backbone.py.
    """

    def fill(workspace: Workspace) -> None:
        write_small_backbone(open_workspace())
        _fill_trained(folder, workspace)

    return prepare(folder, "trained", fill)


def prepare_resnet(folder: Path) -> Workspace:
    """Return the same on ResNet-50 with random weights, for tests that compare it with Keras."""
    return prepare(folder, "resnet", lambda workspace: _fill_trained(folder, workspace))


def _fill_trained(folder: Path, workspace: Workspace) -> None:
    from data.importing import import_source

    open_workspace()
    photos = write_class_folders(
        folder / f"photos-{os.getpid()}", photos_per_class=PHOTOS_PER_CLASS
    )
    dataset = import_source(workspace, photos, name="three flowers")
    shutil.rmtree(photos)
    run, _ = submit_run(workspace, make_recipe(workspace, dataset.id))
    _train(workspace, run.id)


def prepare_compared(folder: Path) -> Workspace:
    """Return the trained workspace with two runs more: one other by seed, one by its head."""
    trained = prepare_trained(folder)

    def fill(workspace: Workspace) -> None:
        copy_workspace(trained, workspace)
        for name, changes in (
            ("again", {"seed": 1}),
            ("hardly", {"hidden": (8,), "epochs": 1, "learning_rate": 1e-6}),
        ):
            run, _ = submit_run(workspace, change_recipe(workspace, **changes), name)
            _train(workspace, run.id)

    return prepare(folder, "compared", fill)


def prepare_challenged(folder: Path) -> Workspace:
    """Return the trained workspace with champion v1 and its challenger v2.

    The challenger learnt from 6 reviewed photos more.
    """
    trained = prepare_trained(folder)

    def fill(workspace: Workspace) -> None:
        copy_workspace(trained, workspace)
        make_challenger(open_workspace())

    return prepare(folder, "challenged", fill)


def lend_sample(
    folder: Path, workspace: Workspace, parts: Sequence[str] = ("backbones", "features")
) -> None:
    """Link the backbone of the built-in weights and the features of the embedded sample by it,
    which take a minute.
    """
    from data.importing import import_source

    def fill(prepared: Workspace) -> None:
        dataset = import_source(open_workspace(), "sample")
        run, _ = submit_run(prepared, make_recipe(prepared, dataset.id, weights="starter"))
        _train(prepared, run.id)

    sample = prepare(folder, "sample", fill)
    for part in parts:
        source, target = sample.root / part, workspace.root / part
        shutil.copytree(source, target, copy_function=copy_or_link, dirs_exist_ok=True)


def _train(workspace: Workspace, run_id: str) -> None:
    run = train(workspace, read_run(workspace, run_id))
    assert run.state == "done", (workspace.run_folder(run_id) / "worker.log").read_text()


def _find_kept(kept: Path) -> Path:
    """Return the folder of today and of the sources as they are; what is older is deleted."""
    now = datetime.now(UTC)
    yesterday = f"{now - timedelta(days=1):%Y-%m-%d}"
    for folder in kept.glob("????-??-??-*"):
        if folder.name[:10] < yesterday:
            shutil.rmtree(folder, ignore_errors=True)
    return kept / f"{now:%Y-%m-%d}-{_digest_sources()}"


def _digest_sources() -> str:
    """Return a digest of what makes the prepared workspaces."""
    files = [
        *(PROJECT_ROOT / "core").glob("*.py"),
        *(
            file
            for package in (PROJECT_ROOT / "core").iterdir()
            if package.name not in _DRAWING
            for file in package.rglob("*.py")
        ),
        *(PROJECT_ROOT / "models").rglob("*.py"),
        *(PROJECT_ROOT / "data").rglob("*.py"),
        *(PROJECT_ROOT / "tests").glob("*.py"),
        PROJECT_ROOT / "requirements.txt",
    ]
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted(files):
        digest.update(f"{file.relative_to(PROJECT_ROOT)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
