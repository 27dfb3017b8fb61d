"""`backup`, `restore`, `bin`, `clean`, `repair` and `scheduler`: what keeps a workspace well.

What a page, a registered version, a run that may go on, or its repetition needs, stays: so do all
results, the newest checkpoints of runs that did not fail, downloads, exports and imports. What goes
is moved out of its place in one step, while nobody can queue or register anything, then deleted.
"""

import os
import shutil
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import psutil
from sqlalchemy import Connection

from core.cli.command import command, flag, number, option
from core.cli.outcome import Outcome, ProgressLine, format_table
from core.config import fingerprint
from core.errors import NotInBin
from core.formats import count, moment, size
from core.registry.files import hold_registry
from core.registry.store import is_row_whole, select_versions
from core.runs.bin import empty_bin, list_binned, put_back
from core.runs.database import write_database
from core.runs.kept import list_run_folders
from core.runs.locks import is_locked
from core.runs.queue.control import CHECKPOINT_FOLDER
from core.runs.queue.starting import python_command, python_environment
from core.runs.repairing import Repair, make_copy, repair_index
from core.runs.run_files import read_facts, read_json
from core.runs.store import RunRecord, select_runs
from core.workspace import Workspace, restore_backup, write_backup
from models.weights import list_weights

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
    "Trays of edits, looks at test photos, the log of answers, feedback and alarms stand in the "
    "index alone"
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


_OLD_S = 6 * 3600.0
"""A file without its end is of a process that was killed when nobody wrote it for so long."""
_DAY_S = 86400.0


@dataclass(frozen=True, kw_only=True)
class Rubbish:
    """A file or folder that nothing needs."""

    kind: str
    path: Path
    bytes: int


@command(option("file", "the .tar to write", Path, metavar="FILE.tar"))
def backup(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Write all that is in the workspace into one file."""
    index = make_copy(workspace) if workspace.database_file.exists() else None
    files = write_backup(workspace, given.file.expanduser().resolve(), index)
    said = f"{count(files, 'file')} in {given.file}. It holds photos and keys: keep it safe."
    return Outcome(said, {"file": str(given.file), "files": files, "index": index is not None})


@command(option("file", "a .tar that backup wrote", Path, metavar="FILE.tar"))
def restore(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Read a backup back into an empty workspace."""
    files = restore_backup(workspace, given.file.expanduser())
    said = f"{count(files, 'file')} are back in {workspace.root}. Look whether all is well: doctor."
    return Outcome(said, {"workspace": str(workspace.root), "files": files})


@command(
    option("--put-back ID", "put a run or a dataset back where it was"),
    flag("--empty", "delete for good what is in the bin"),
)
def bin(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """List what was deleted in the last 30 days; put it back, or make room."""
    if given.empty:
        empty_bin(workspace)
    binned = list_binned(workspace)
    if given.put_back:
        named = (one for one in binned if one.id.startswith(given.put_back))
        if (one := next(named, None)) is None:
            raise NotInBin(f"Nothing in the bin has the id {given.put_back}.", "List it: bin.")
        put_back(workspace, one.kind, one.id)
        return Outcome(f"{one.name} ({one.id}) is back.", {"put_back": one.id})
    rows = [(one.kind, one.id, one.name, f"{one.days_left} days left") for one in binned]
    table = format_table(("what", "id", "name", "left"), rows)
    return Outcome(table if rows else "The bin is empty.", {"bin": [vars(one) for one in binned]})


@command(
    flag("--dry-run", "only say what would go, and how large it is"),
    option(
        "--days N", "checkpoints of runs go that failed longer ago", number(float, 0), default=7.0
    ),
)
def clean(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Remove what nothing points to, or say what that is."""
    progress.note("Looking at what runs, versions and datasets need")
    with hold_registry(workspace), write_database(workspace) as connection:
        found = list(find_rubbish(workspace, connection, given.days * _DAY_S))
        aside = workspace.temporary / f"deleted-{os.urandom(4).hex()}"
        if not given.dry_run:
            aside.mkdir(parents=True)
            for place, one in enumerate(found):
                with suppress(FileNotFoundError):
                    shutil.move(one.path, aside / f"{place}-{one.path.name}")
    shutil.rmtree(aside, ignore_errors=True)
    total = sum(one.bytes for one in found)
    kinds: dict[str, list[int]] = {}
    for one in found:
        kinds.setdefault(one.kind, []).append(one.bytes)
    rows = [(kind, len(sizes), size(sum(sizes))) for kind, sizes in kinds.items()]
    document = {"dry_run": given.dry_run, "bytes": total, "found": [vars(one) for one in found]}
    free = f"{size(shutil.disk_usage(workspace.root).free)} are free on the disk."
    if not found:
        return Outcome(f"Nothing to clean up. {free}", document)
    done = "would go" if given.dry_run else "are gone"
    summary = f"{count(len(found), 'thing')}, {size(total)}, {done}. {free}"
    return Outcome(f"{format_table(('what', 'n', 'size'), rows)}\n{summary}", document)


def find_rubbish(
    workspace: Workspace, connection: Connection, failed_s: float
) -> Iterator[Rubbish]:
    """Yield what nothing needs; for use inside a transaction that keeps others from writing.

    Args:
        failed_s: How long ago a run must have failed for its checkpoint to go.
    """
    runs, versions = select_runs(connection), select_versions(connection)
    before = time.time() - failed_s
    failed = [
        run
        for run in runs
        if run.state == "failed" and run.finished and run.finished.timestamp() < before
    ]
    for path in _list_killed(workspace):
        yield _weigh("of processes that were killed", path)
    for run in failed:
        checkpoint = workspace.run_folder(run.id) / CHECKPOINT_FOLDER
        if checkpoint.is_dir():
            yield _weigh("checkpoints of failed runs", checkpoint)
    folders = {folder.name for folder in list_run_folders(workspace)}
    if folders - {run.id for run in runs} or not all(is_row_whole(one) for one in versions):
        return  # what a run or version needs is not known: “repair”, or a newer program, knows
    used = {_read_backbone(workspace, run) for run in runs}
    used |= {str(version.facts["backbone"]["id"]) for version in versions}
    yield from _find_features(workspace, runs, used)
    waiting = {run.recipe.dataset for run in runs if run.state != "done" and run not in failed}
    yield from _find_parts(workspace, waiting)
    needed = {digest for one in versions for digest in one.facts["files"].values()}
    for file in workspace.registry.glob("files/??/[!.]*"):
        if file.name not in needed and _is_old(file):
            yield _weigh("files of no version", file)


def _weigh(kind: str, path: Path) -> Rubbish:
    files = [file for file in (path, *path.rglob("*")) if file.is_file()]
    return Rubbish(kind=kind, path=path, bytes=sum(file.stat().st_size for file in files))


def _is_old(path: Path) -> bool:
    """Return whether nothing was written there for long, by whatever clock."""
    newest = max(one.stat().st_mtime for one in (path, *path.rglob("*")))
    return abs(time.time() - newest) > _OLD_S


def _list_killed(workspace: Workspace) -> Iterator[Path]:
    """Yield what was half-written under a temporary name when its process was killed."""
    folders = [workspace.root, workspace.datasets, workspace.features, workspace.backbones]
    folders += [workspace.weights, workspace.registry, workspace.exports, workspace.copies]
    folders += [workspace.policies, workspace.analyses, workspace.maps]
    folders += [*workspace.runs.glob("[!.]*"), *workspace.runs.glob("[!.]*/derived")]
    folders += [*workspace.runs.glob("[!.]*/checkpoint/*"), *workspace.registry.glob("files/??")]
    for folder in folders:
        for path in folder.glob(".*-*-*"):
            pid = path.name[1:].split("-")[0]
            if pid.isdigit() and not psutil.pid_exists(int(pid)) and _is_old(path):
                yield path
    yield from (path for path in workspace.temporary.glob("*") if _is_old(path))


def _find_features(
    workspace: Workspace, runs: list[RunRecord], used: set[str]
) -> Iterator[Rubbish]:
    """Yield features, views, maps and backbones that no dataset and no run needs."""
    datasets = {file.parent.name for file in workspace.datasets.glob("[!.]*/dataset.json")}
    digests = {run.recipe.weights_digest for run in runs}
    digests |= {found.digest for found in list_weights(workspace)}  # new runs start from these
    backbones = set(used)
    for folder in workspace.backbones.glob("[!.]*"):
        if read_json(folder / "backbone.json").get("weights_digest") in digests:
            backbones.add(folder.name)
        elif folder.name not in used and _is_old(folder):
            yield _weigh("backbones of no run", folder)
    policies = {(run.recipe.dataset, fingerprint(run.recipe.augmentation)) for run in runs}
    framings = {(run.recipe.dataset, run.recipe.framing, run.recipe.seen_as.side) for run in runs}
    for file in workspace.features.glob("[!.]*.npy"):
        facts = read_json(file.with_suffix(".json"))
        lost = facts.get("dataset") not in datasets
        if "framing" in facts:  # photos, which no backbone has seen
            lost |= (facts["dataset"], facts["framing"], facts["photo_size"]) not in framings
        else:
            lost |= facts.get("backbone") not in backbones
        unseen = facts.get("policy") and (facts["dataset"], facts["policy"]) not in policies
        if (lost or unseen) and _is_old(file):
            kind = "features of no dataset or run" if lost else "views of no run"
            if file.with_suffix(".json").exists():  # first: without it they are not read
                yield _weigh(kind, file.with_suffix(".json"))
            yield _weigh(kind, file)
    for folder in workspace.maps.glob("[!.]*"):
        if folder.name not in datasets:
            yield _weigh("maps of no dataset", folder)


def _find_parts(workspace: Workspace, waiting: set[str]) -> Iterator[Rubbish]:
    """Yield half-made features, unless a run on that dataset would go on from them."""
    for part in workspace.features.glob(".*.part"):
        dataset = part.name[1:].split(".")[0]
        if dataset not in waiting and _is_old(part) and not is_locked(part.with_suffix(".lock")):
            yield _weigh("half-made features", part)


def _read_backbone(workspace: Workspace, run: RunRecord) -> str:
    """Return the backbone that gave a run's result; "" without a result."""
    with suppress(OSError, ValueError, KeyError):
        return str(read_facts(workspace.run_folder(run.id))["backbone_id"])
    return ""
