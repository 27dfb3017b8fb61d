"""`doctor`: whether everything is well with a workspace and this machine, each line with a remedy.

Nothing is changed or started by it: what it says of the scheduler is how it was found.
"""

import os
import shutil
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import psutil
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from core.cli.command import command
from core.cli.outcome import Outcome, ProgressLine
from core.config import read_settings
from core.errors import DatabaseUnusable, PetalscopeError, describe_os_error
from core.formats import count, duration, size
from core.registry.store import find_damage, read_aliases, read_version
from core.runs.locks import is_locked
from core.runs.queue.queue import read_active
from core.runs.queue.run_lock import is_held
from core.runs.repairing import find_fault, list_copies
from core.runs.run_files import read_json
from core.workspace import PROJECT_ROOT, Workspace
from data.manifest import list_datasets
from models.devices import find_device
from models.weights import find_weights

_LEAST_FREE = 2**30
_SHORT_LOCKS = ("petalscope.db.lock", "registry/registry.lock", "repair.lock", "alarms.lock")
"""Held for moments only."""
_LOCK_PATIENCE_S = 2.0
_REMOVED = (
    *("arrangements.json", "bin", "classes", "journal.jsonl", "key", "links", "selections"),
    *("speeds.json", "views", "registry/*.json", "runs/*/run.json"),
)
"""Files and folders of features that were removed."""
_OLD_COPY_S = 2 * 86400.0


@command()
def doctor(workspace: Workspace, _given: Namespace, progress: ProgressLine) -> Outcome:
    """Look at everything, one after the other; the exit code is 1 where something is wrong."""
    findings, lines = [], []
    for name, look in LOOKS.items():
        progress.note(f"Looking at {name}")
        for fact, remedy in _look(look, workspace):
            findings.append({"name": name, "fact": fact, "remedy": remedy})
            lines.append(f"{'WRONG' if remedy else 'ok   '}  {name}: {fact}")
            lines += [f"       {remedy}"] if remedy else []
    wrong = sum(bool(one["remedy"]) for one in findings)
    lines.append(f"{count(wrong, 'thing')} wrong." if wrong else "All is well.")
    document = {"well": not wrong, "findings": findings}
    return Outcome("\n".join(lines), document, exit_code=int(bool(wrong)))


_Look = Callable[[Workspace], Iterator[tuple[str, str]]]
"""Yields facts, each with its remedy, or "" where all is well."""


def _look(look: _Look, workspace: Workspace) -> list[tuple[str, str]]:
    """Return what a look found; an error of ours is a finding, too."""
    try:
        return list(look(workspace))
    except DatabaseUnusable:
        return [("Unknown while the index cannot be read.", "See what is said of the index.")]
    except PetalscopeError as error:
        return [(error.problem, error.remedy)]
    except OSError as error:
        if (known := describe_os_error(error)) is None:
            raise
        return [(known.problem, known.remedy)]


def _look_at_workspace(workspace: Workspace) -> Iterator[tuple[str, str]]:
    sets = list_datasets(workspace)
    fact = f"{workspace.root} is readable, with {count(len(sets), 'dataset')}"
    if workspace.read_only:
        remedy = f"Let this user ({os.geteuid()}) write there, or take another workspace: nothing "
        yield f"{fact}, but cannot be written.", f"{remedy}can be trained or kept in this one."
        return
    probe = workspace.temporary / f".doctor-{os.getpid()}"
    try:
        probe.write_bytes(b"1")
    finally:
        probe.unlink(missing_ok=True)
    yield f"{fact}, and can be written.", ""


def _look_at_disk(workspace: Workspace) -> Iterator[tuple[str, str]]:
    usage = shutil.disk_usage(workspace.root)
    fact = f"{size(usage.free)} of {size(usage.total)} are free."
    remedy = "Delete runs or datasets that you do not need."
    yield fact, "" if usage.free >= _LEAST_FREE else remedy


def _look_at_index(workspace: Workspace) -> Iterator[tuple[str, str]]:
    fault = find_fault(workspace)
    repair = "Read it back from its copies and from the folders: python -m core repair"
    file = workspace.database_file
    kept = size(file.stat().st_size) if file.exists() else "not there yet"
    yield fault or f"It is whole, {kept}.", repair if fault else ""
    if not (copies := list_copies(workspace)):
        yield "There is no copy of it yet: the scheduler makes one an hour.", ""
        return
    age = max(0.0, time.time() - copies[0].stat().st_mtime)
    changed = file.exists() and file.stat().st_mtime - copies[0].stat().st_mtime > _OLD_COPY_S
    late = "See the end of scheduler.log for why none is made; is the disk nearly full?"
    newest = f"The newest of {count(len(copies), 'copy')} is {duration(age)} old."
    yield newest, late if changed else ""


def _look_at_versions(_workspace: Workspace) -> Iterator[tuple[str, str]]:
    pins = PROJECT_ROOT / "requirements.txt"
    lines = pins.read_text().splitlines() if pins.exists() else metadata.requires("petalscope")
    wanted = [Requirement(line) for line in lines or [] if line.strip() and line[0] != "#"]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    there = {canonicalize_name(one.name): one.version for one in metadata.distributions()}
    found = {one: there.get(canonicalize_name(one.name), "missing") for one in wanted}
    others = [
        f"{one.name} is {version}, not {one.specifier}"
        for one, version in found.items()
        if version == "missing" or not one.specifier.contains(version, prereleases=True)
    ]
    fact = f"{count(len(wanted), 'package')} {'is' if len(wanted) == 1 else 'are'} as wanted."
    remedy = "pip install -r requirements.txt, in an environment of its own."
    yield "; ".join(others) or fact, remedy if others else ""


def _look_at_scheduler(workspace: Workspace) -> Iterator[tuple[str, str]]:
    waiting = [run for run in read_active(workspace) if not run.is_going]
    wait = f"{count(len(waiting), 'run')} {'waits' if len(waiting) == 1 else 'wait'}"
    pid: int | None = read_json(workspace.scheduler_pid).get("pid")
    if not is_locked(workspace.scheduler_lock):
        left = f" Process {pid} was killed." if pid is not None else ""
        remedy = "Start one: python -m core runs; what supervises it is in docs/operation.md."
        yield f"None is at work; {wait}.{left}", remedy if waiting else ""
        return
    if pid is None or not psutil.pid_exists(pid):
        yield f"One is just starting or ending; {wait}.", ""
        return
    process = psutil.Process(pid)
    yield f"Process {pid} is at work; {wait}.", ""
    dead = [one for one in process.children() if one.status() == psutil.STATUS_ZOMBIE]
    if dead:
        fact = f"It has not waited for processes that ended: {', '.join(str(p.pid) for p in dead)}."
        remedy = f"Harmless if they go within a minute; else end process {pid}, another is started."
        yield fact, remedy


def _look_at_runs(workspace: Workspace) -> Iterator[tuple[str, str]]:
    going = [run for run in read_active(workspace) if run.is_going]
    timeout = read_settings().heartbeat_timeout_s
    for run in going:
        if run.pid is not None and not is_held(workspace, run.id):
            yield (
                f"“{run.name}” ({run.id}) has lost its worker.",
                "The scheduler queues it again; where none is at work: python -m core runs",
            )
        elif run.heartbeat and (datetime.now(UTC) - run.heartbeat).total_seconds() > timeout:
            yield (
                f"The worker of “{run.name}” ({run.id}) is silent since {run.heartbeat:%H:%M} UTC.",
                "The scheduler ends it; where the clock was set, nothing is wrong.",
            )
    yield f"{count(len(going), 'run')} {'goes' if len(going) == 1 else 'go'}.", ""


def _look_at_locks(workspace: Workspace) -> Iterator[tuple[str, str]]:
    held = []
    for name in _SHORT_LOCKS:
        deadline = time.monotonic() + _LOCK_PATIENCE_S
        while (locked := is_locked(workspace.root / name)) and time.monotonic() < deadline:
            time.sleep(0.05)
        held += [name] if locked else []
    for name in held:
        owner = _find_owner(workspace.root / name)
        yield (
            f"{name} is held by {owner} for longer than it should be.",
            "See what that process does; once it has ended the lock is free.",
        )
    if not held:
        yield "None is held for long; those of processes that ended are free by themselves.", ""


def _find_owner(file: Path) -> str:
    """Return who has the file open, as far as we may see."""
    for process in psutil.process_iter():
        try:
            if any(Path(one.path) == file for one in process.open_files()):
                return f"process {process.pid}"
        except psutil.Error:
            continue
    return "a process of another user"


def _look_at_models(workspace: Workspace) -> Iterator[tuple[str, str]]:
    aliases = read_aliases(workspace)
    for alias, number in aliases.items():
        damage = find_damage(workspace, read_version(workspace, number))
        fact = f"{alias} v{number} is whole." if damage is None else damage.problem
        yield fact, "" if damage is None else damage.remedy
    if not aliases:
        yield "None answers yet.", ""


def _look_at_weights(workspace: Workspace) -> Iterator[tuple[str, str]]:
    weights = find_weights(workspace)
    yield f"{weights.label}, from {weights.origin}.", ""


def _look_at_device(_workspace: Workspace) -> Iterator[tuple[str, str]]:
    device = find_device()
    yield f"{device.name} ({device.kind}): {device.reason}.", ""


def _look_at_removed(workspace: Workspace) -> Iterator[tuple[str, str]]:
    found = {name: next(workspace.root.glob(name), None) for name in _REMOVED}
    names = [f"{name}/" if one.is_dir() else name for name, one in found.items() if one]
    if names:
        yield f"Left alone, of features that were removed: {', '.join(names)}.", ""


LOOKS: dict[str, _Look] = {
    "workspace": _look_at_workspace,
    "removed features": _look_at_removed,
    "disk": _look_at_disk,
    "index": _look_at_index,
    "scheduler": _look_at_scheduler,
    "runs": _look_at_runs,
    "locks": _look_at_locks,
    "models": _look_at_models,
    "weights": _look_at_weights,
    "device": _look_at_device,
    "versions": _look_at_versions,
}
