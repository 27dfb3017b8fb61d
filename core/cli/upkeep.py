"""`backup`, `restore`, `repair` and `scheduler`: commands for the workspace as a whole."""

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
_NOUNS = {
    "runs": "run",
    "edits": "edit in a tray",
    "openings": "look at test photos",
    "arrangements": "arrangement",
    "model_versions": "model version",
    "model_aliases": "name of a model in use",
    "model_events": "event of the models' history",
    "predictions": "answer in the log",
    "feedback": "piece of feedback",
    "alarms": "alarm",
}
_ONLY_THERE = (
    "Names, notes and tags of runs, sweeps, model versions, edits in trays, looks at test photos, "
    "the log of answers, feedback and alarms are in the index only"
)


@command()
def repair(workspace: Workspace, _given: Namespace, progress: ProgressLine) -> Outcome:
    """Read the index back, and say what was found where, and what could not be."""
    for room in _ROOMS_WITH_TABLES:
        import_module(room)
    progress.note("Reading the index, its copies and the folders of runs")
    done = repair_index(workspace)
    return Outcome("\n".join(_describe(workspace, done)), {"repair": done})


def _describe(workspace: Workspace, done: Repair) -> list[str]:
    read = count(len(done.runs_read), "run")
    if not done.fault:
        found = f"{read} came from the folders." if done.runs_read else "Nothing was missing in it."
        lines = [f"The index is whole. {found}"]
    else:
        lines = [f"The index was not whole. {done.fault}", f"From folders alone: {read}."]
        lines += [f"The former index lies in {done.set_aside}."] if done.set_aside else []
        lines.append(
            f"Its copy of {moment(done.copied)} UTC was read, too. {_ONLY_THERE}: what came "
            "after that copy is there as far as the former index could be read."
            if done.copy
            else f"There is no copy of it. {_ONLY_THERE}: they are lost as far as the former index "
            "could not be read."
        )
        if "model_versions" not in done.rows and any(workspace.registry.glob("files/*/*")):
            lines.append("What was registered is lost: register the runs again, then promote one.")
    rows = [count(rows, _NOUNS.get(name, name)) for name, rows in done.rows.items()]
    lines.append(f"It holds now: {', '.join(rows) or 'nothing'}.")
    if done.unread:
        folders = ", ".join(done.unread)
        lines.append(f"These folders of runs say too little to be read back: {folders}.")
    return lines


@command()
def scheduler(workspace: Workspace, _given: Namespace, progress: ProgressLine) -> Outcome:
    """Become the scheduler of the workspace, and stay, also when there is nothing to do."""
    progress.note("The scheduler stays until it is ended")
    command = python_command("core.runs.scheduler", "--stay")
    os.execve(command[0], command, python_environment(workspace))


@command(option("file", "the .tar to write", Path, metavar="FILE.tar"))
def backup(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Write all that is in the workspace into one file."""
    index = make_copy(workspace) if workspace.database_file.exists() else None
    files = write_backup(workspace, given.file.expanduser().resolve(), index)
    said = f"{count(files, 'file')} in {given.file}. It holds photos: keep it safe."
    return Outcome(said, {"file": str(given.file), "files": files, "index": index is not None})


@command(option("file", "a .tar that backup wrote", Path, metavar="FILE.tar"))
def restore(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Read a backup back into an empty workspace."""
    files = restore_backup(workspace, given.file.expanduser())
    said = f"{count(files, 'file')} are back in {workspace.root}. Look whether all is well: doctor."
    return Outcome(said, {"workspace": str(workspace.root), "files": files})
