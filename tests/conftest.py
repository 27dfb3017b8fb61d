"""What tests of every floor share: workspaces, empty, prepared or with a finished run.

All made by the real code, on a small backbone; tests of ResNet-50 itself take `resnet_workspace`.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter
from hypothesis import settings

from core.runs.database import close_databases
from core.workspace import Workspace, open_workspace
from tests.forking import find_sockets, warm_up_forks
from tests.prepared import (
    find_prepared,
    prepare_challenged,
    prepare_compared,
    prepare_resnet,
    prepare_trained,
)
from tests.processes import end_processes
from tests.training import copy_workspace

TESTS = Path(__file__).parent
WARM = TESTS / "warm"
SLOW_S = 5.0
"""A test that takes longer is `slow`."""
_LONGEST = ("unit/runs", "bench", "unit/exporting", "unit/models", "browser")
"""Folders whose slow tests take longest: first, lest one worker ends with them, the other idle."""

# The same examples everywhere and each time, however busy the machine is.
settings.register_profile("full", deadline=None, derandomize=True, database=None)
settings.register_profile("quick", settings.get_profile("full"), max_examples=25)
settings.load_profile("quick")  # --hypothesis-profile=full draws four times as many


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files by how long they take; with xdist's own order, those of most tests first."""

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(TESTS).as_posix()
        return next((n for n, one in enumerate(_LONGEST) if folder.startswith(one)), len(_LONGEST))

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Pass over what was collected in each search for garbage: with Keras, it takes a second."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """List what took long and is not called slow; nothing fails, a machine may be busy."""
    reports = terminalreporter.getreports("passed")
    long = [one for one in reports if one.duration > SLOW_S and "slow" not in one.keywords]
    if long:
        terminalreporter.section(f"longer than {SLOW_S:.0f} s, but not marked “slow”")
        for one in sorted(long, key=lambda one: -one.duration):
            terminalreporter.line(f"{one.duration:6.1f} s  {one.nodeid}")


@contextmanager
def open_copy(
    source: Workspace | None, root: Path, patch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """Yield a workspace at the root, which the settings point to; its processes are ended after.

    Args:
        source: What it is a copy of; nothing is in it when None.
        root: Where it is made.
        patch: Points the settings to it, also those of processes that the test starts.
    """
    patch.setenv("PETALSCOPE_WORKSPACE", str(root))
    if source is not None:
        copy_workspace(source, Workspace(root))
    opened = open_workspace()
    yield opened
    end_processes(opened)  # a page that was visited starts a scheduler
    close_databases()


@pytest.fixture(scope="session", autouse=True)
def _no_idle_worker() -> Iterator[None]:
    """A page that offers training keeps a worker warm: seconds of computing beside each test that
    opens one, for nothing. What is about warm workers takes the setting back.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETALSCOPE_WORKER_IDLE_MINUTES", "0")
        yield


@pytest.fixture(scope="module")
def forked_workers() -> Iterator[None]:
    """Schedulers begun meanwhile have workers forked from a warm process, without their start.

    One that trains stages starts from nothing.
    """
    warm_up_forks(stages=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(WARM), prepend=os.pathsep)
        patch.setenv("TEST_FORKS", str(find_sockets()))
        yield


@pytest.fixture(scope="module")
def small_resnet() -> Iterator[None]:
    """Workers forked meanwhile train stages of a small network; see tests/small_resnet.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_SMALL_RESNET", "1")
        yield


@pytest.fixture(autouse=True)
def _own_main() -> Iterator[None]:
    """A page that a test opens becomes `__main__`, which processes begun later would run first."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """An empty workspace, which the settings point to, also in processes that the test starts."""
    with open_copy(None, tmp_path / "workspace", monkeypatch) as opened:
        yield opened


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the prepared workspaces, which all workers of a run share."""
    return find_prepared(tmp_path_factory)


@pytest.fixture(scope="session")
def trained_workspace(
    prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """A workspace with a dataset (3 classes, 36 photos) and one finished run. Do not change it.

    The settings do not point to it: a test that needs that sets PETALSCOPE_WORKSPACE to its root.
    """
    with _open_shared(prepare_trained(prepared), tmp_path_factory) as workspace:
        yield workspace


@pytest.fixture(scope="session")
def resnet_workspace(
    prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """The same on ResNet-50 with random weights."""
    with _open_shared(prepare_resnet(prepared), tmp_path_factory) as workspace:
        yield workspace


@contextmanager
def _open_shared(source: Workspace, folders: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(folders.mktemp(source.root.name) / "workspace")
    copy_workspace(source, workspace)
    yield workspace
    end_processes(workspace)
    close_databases()


@pytest.fixture
def trained_copy(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """A copy of the trained workspace for this test, which the settings point to."""
    with open_copy(prepare_trained(prepared), tmp_path / "workspace", monkeypatch) as opened:
        yield opened


@pytest.fixture
def resnet_copy(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """A copy of the trained workspace on ResNet-50, which the settings point to."""
    with open_copy(prepare_resnet(prepared), tmp_path / "workspace", monkeypatch) as opened:
        yield opened


@pytest.fixture(scope="session")
def compared_workspace(prepared: Path) -> Workspace:
    """A workspace of three finished runs, the newest first: one that hardly learnt, one that
    differs by its seed alone, and the trained workspace's. Copy it, do not open it.
    """
    return prepare_compared(prepared)


@pytest.fixture
def compared(
    compared_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """A copy of the workspace of three runs for this test, which the settings point to."""
    with open_copy(compared_workspace, tmp_path / "workspace", monkeypatch) as opened:
        yield opened


@pytest.fixture
def challenged(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """A copy of the trained workspace with champion v1 and its challenger v2, which learnt from 6
    reviewed photos more; the settings point to it.
    """
    with open_copy(prepare_challenged(prepared), tmp_path / "workspace", monkeypatch) as opened:
        yield opened
