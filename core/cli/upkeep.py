"""`backup`, `restore`, `repair` and `scheduler`: commands for the whole workspace."""

import os
from argparse import Namespace
from importlib import import_module
from pathlib import Path

from core.cli.command import command, option
from core.cli.outcome import Outcome, ProgressLine, render, to_plain
from core.formats import count
from core.runs.queue.starting import python_command, python_environment
from core.runs.repairing import make_copy, repair_index
from core.workspace import Workspace, restore_backup, write_backup

_ROOMS_WITH_TABLES = ("core.monitoring.tables", "core.registry.events", "core.registry.store")
_ONLY_IN_INDEX = (
    "Names, notes and tags of runs, sweeps, versions, edits, views of test photos, the prediction "
    "log, feedback and alarms are stored only in the index: they were recovered as far as the "
    "damaged index and its newest copy could be read."
)


@command()
def repair(workspace: Workspace, _given: Namespace, progress: ProgressLine) -> Outcome:
    """Rebuild the index and say what was recovered."""
    for room in _ROOMS_WITH_TABLES:
        import_module(room)
    progress.note("Reading the index, its copies and the folders of runs")
    done = repair_index(workspace)
    verdict = "The index was damaged and is rebuilt." if done.fault else "The index is intact."
    parts = [verdict, render(to_plain(vars(done)))]
    if done.fault:
        parts.append(_ONLY_IN_INDEX)
        if "model_versions" not in done.rows and any(workspace.registry.glob("files/*/*")):
            parts.append("The registered versions are lost: register the runs again, promote one.")
    return Outcome({"repair": done}, parts)


@command()
def scheduler(workspace: Workspace, _given: Namespace, progress: ProgressLine) -> Outcome:
    """Become the scheduler of the workspace, and keep running when there is nothing to do."""
    progress.note("The scheduler runs until you end it")
    command = python_command("core.runs.scheduler", "--stay")
    os.execve(command[0], command, python_environment(workspace))


@command(option("file", "the .tar to write", Path, metavar="FILE.tar"))
def backup(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Write the whole workspace into one file."""
    index = make_copy(workspace) if workspace.database_file.exists() else None
    files = write_backup(workspace, given.file.expanduser().resolve(), index)
    said = f"{count(files, 'file')} in {given.file}. It contains photos: store it safely."
    return Outcome({"file": given.file, "files": files, "index": index is not None}, (said,))


@command(option("file", "a .tar written by backup", Path, metavar="FILE.tar"))
def restore(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Restore a backup into an empty workspace."""
    files = restore_backup(workspace, given.file.expanduser())
    said = f"{count(files, 'file')} restored to {workspace.root}. Check it: python -m core doctor"
    return Outcome({"workspace": workspace.root, "files": files}, (said,))
