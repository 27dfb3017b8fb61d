"""A workspace in which three runs can be compared: two that differ by seed, one by its head."""

import shutil
from functools import cache
from pathlib import Path

from core.runs.queue import submit_run
from core.workspace import Workspace
from tests.training import change_recipe, copy_workspace, train


@cache  # trained once a session, however many files of tests look at it
def make_compared(trained: Workspace) -> Workspace:
    """Returns a copy of the trained workspace with two runs more. Do not change it."""
    workspace = Workspace(trained.root.parent / "compared")
    copy_workspace(trained, workspace)
    for name, changes in (
        ("again", {"seed": 1}),
        ("hardly", {"hidden": (8,), "epochs": 1, "learning_rate": 1e-6}),
    ):
        run, _ = submit_run(workspace, change_recipe(workspace, **changes), name)
        assert train(workspace, run).state == "done"
    return workspace


def copy_into(source: Workspace, target: Path) -> Workspace:
    """Returns the workspace at a folder that may exist already, with a copy of the source's."""
    shutil.copytree(source.root, target, dirs_exist_ok=True)
    return Workspace(target)
