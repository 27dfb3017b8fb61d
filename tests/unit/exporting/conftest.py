"""One export of all formats, made by the real command and shared by the tests of this folder."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.prediction.deciding import DecisionRule, save_rule
from core.registry.registering import register_run
from core.registry.store import ModelVersion
from core.runs.database import close_databases
from core.runs.queue.starting import python_command, python_environment
from core.runs.store import list_runs
from core.workspace import Workspace, open_workspace
from tests.exporting import unpack
from tests.training import copy_workspace

RULE = DecisionRule(temperature=1.5, threshold=0.4, class_thresholds={"rose": 0.45}, n=6)


@dataclass(frozen=True)
class Export:
    """What the command said, and what it wrote."""

    said: dict[str, Any]
    zip: Path
    folder: Path


@pytest.fixture(scope="package")
def registered(
    resnet_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Workspace, ModelVersion]]:
    """A copy of the workspace of ResNet-50, whose run has a rule and is registered. Do not change
    it.
    """
    root = tmp_path_factory.mktemp("exporting") / "workspace"
    copy_workspace(resnet_workspace, Workspace(root))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETALSCOPE_WORKSPACE", str(root))
        workspace = open_workspace()
        run = list_runs(workspace)[-1].id
        # Between the photos' own distances: some are unlike the others by it.
        save_rule(workspace, run, DecisionRule(**vars(RULE) | {"unlike_limit": 1.2}))
        yield workspace, register_run(workspace, run)
    close_databases()


@pytest.fixture(scope="package")
def export(
    registered: tuple[Workspace, ModelVersion], tmp_path_factory: pytest.TempPathFactory
) -> Export:
    """The version in all formats."""
    workspace, version = registered
    folder = tmp_path_factory.mktemp("export")
    file = folder / "petals.zip"
    done = subprocess.run(
        python_command("core", "export", "--model", version.label, str(file), "--json"),
        env=python_environment(workspace),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Export(json.loads(done.stdout), file, unpack(file, folder / "unpacked"))
