"""`backup`, `restore`, `repair` and `scheduler`: commands for the whole workspace."""

import os
from argparse import Namespace
from importlib import import_module
from pathlib import Path

from core.cli.command import command, option
from core.cli.outcome import Outcome, ProgressLine
from core.formats import count, moment
from core.runs.queue.starting import python_command, python_environment
from core.runs.repairing import Repair, make_copy, repair_index
from core.workspace import Workspace, restore_backup, write_backup

_ROOMS_WITH_TABLES = ("core.monitoring.tables", "core.registry.events", "core.registry.store")
_ONLY_IN_INDEX = (
    "Names, notes and tags of runs, sweeps, versions, edits, views of test photos, the prediction "
    "log, feedback and alarms are stored only in the index"
)


@command()
def repair(workspace: Workspace, _given: Namespace, progress: ProgressLine) -> Outcome:
    """Rebuild the index and say what was recovered."""
    for room in _ROOMS_WITH_TABLES:
        import_module(room)
    progress.note("Reading the index, its copies and the folders of runs")
    done = repair_index(workspace)
    return Outcome({"repair": done}, _describe(workspace, done))


def _describe(workspace: Workspace, done: Repair) -> list[str]:
    runs = count(len(done.runs_read), "run")
    rows = ", ".join(f"{rows:,} {name.replace('_', ' ')}" for name, rows in done.rows.items())
    lines = [f"The index now holds: {rows or 'nothing'}."]
    if done.unread:
        folders = ", ".join(done.unread)
        lines.append(f"These run folders hold too little to be recovered: {folders}.")
    if not done.fault:
        found = f"Recovered from folders: {runs}." if done.runs_read else "Nothing was missing."
        return [f"The index is intact. {found}", *lines]
    is_lost = "model_versions" not in done.rows and any(workspace.registry.glob("files/*/*"))
    return [
        f"The index was damaged. {done.fault}",
        f"Recovered from folders alone: {runs}.",
        f"The damaged index was moved to {done.set_aside}." if done.set_aside else "",
        f"The copy of {moment(done.copied)} was read, too. {_ONLY_IN_INDEX}; later changes were "
        "recovered as far as the damaged index could be read."
        if done.copy
        else f"There is no copy of the index. {_ONLY_IN_INDEX}; they were recovered as far as the "
        "damaged index could be read.",
        "The registered versions are lost: register the runs again and promote one."
        if is_lost
        else "",
        *lines,
    ]


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
