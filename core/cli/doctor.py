"""`doctor`: check a workspace and this machine, changing nothing. `weights`: list and download."""

import os
import shutil
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from importlib import metadata

import psutil
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from core.cli.command import command, flag
from core.cli.outcome import Outcome, ProgressLine, tabulate
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
from models.catalogue import CATALOGUE
from models.devices import find_device
from models.weights import download_weights, find_weights, list_weights

_LEAST_FREE = 2**30
_OLD_COPY_S = 2 * 86400.0


@command()
def doctor(workspace: Workspace, _given: Namespace, progress: ProgressLine) -> Outcome:
    """Check everything; the exit code is 1 if there is a problem."""
    findings, lines = [], []
    for name, check in CHECKS.items():
        progress.note(f"Checking {name}")
        for fact, remedy in _check(check, workspace):
            findings.append({"name": name, "fact": fact, "remedy": remedy})
            lines.append(f"{'WRONG' if remedy else 'ok   '}  {name}: {fact}")
            lines.append(f"       {remedy}" if remedy else "")
    wrong = sum(bool(one["remedy"]) for one in findings)
    lines.append(f"{count(wrong, 'problem')} found." if wrong else "No problems found.")
    return Outcome({"well": not wrong, "findings": findings}, lines, exit_code=int(bool(wrong)))


_Check = Callable[[Workspace], Iterator[tuple[str, str]]]
"""Yields facts, each with its remedy, or "" if there is no problem."""


def _check(check: _Check, workspace: Workspace) -> list[tuple[str, str]]:
    """Return the findings of a check; an expected error is a finding, too."""
    try:
        return list(check(workspace))
    except DatabaseUnusable:
        return [("Unknown, because the index cannot be read.", "See the check of the index.")]
    except PetalscopeError as error:
        return [(error.problem, error.remedy)]
    except OSError as error:
        if (known := describe_os_error(error)) is None:
            raise
        return [(known.problem, known.remedy)]


def _check_workspace(workspace: Workspace) -> Iterator[tuple[str, str]]:
    fact = f"{workspace.root} is readable, with {count(len(list_datasets(workspace)), 'dataset')}"
    if workspace.read_only:
        yield (
            f"{fact}, but cannot be written.",
            f"Give this user ({os.geteuid()}) write access, or choose another workspace.",
        )
        return
    probe = workspace.temporary / f".doctor-{os.getpid()}"
    try:
        probe.write_bytes(b"1")
    finally:
        probe.unlink(missing_ok=True)
    yield f"{fact}, and can be written.", ""


def _check_disk(workspace: Workspace) -> Iterator[tuple[str, str]]:
    usage = shutil.disk_usage(workspace.root)
    remedy = "" if usage.free >= _LEAST_FREE else "Delete runs or datasets that you do not need."
    yield f"{size(usage.free)} of {size(usage.total)} is free.", remedy


def _check_index(workspace: Workspace) -> Iterator[tuple[str, str]]:
    fault, file = find_fault(workspace), workspace.database_file
    remedy = "Rebuild it from its copies and folders: python -m core repair" if fault else ""
    bytes_ = size(file.stat().st_size) if file.exists() else "not created yet"
    yield fault or f"It is intact, {bytes_}.", remedy
    if not (copies := list_copies(workspace)):
        yield "No copy yet: the scheduler makes a copy every hour.", ""
        return
    copied = copies[0].stat().st_mtime
    is_late = file.exists() and file.stat().st_mtime - copied > _OLD_COPY_S
    age = duration(max(0.0, time.time() - copied))
    yield (
        f"The newest of {count(len(copies), 'copy')} is {age} old.",
        "See the end of scheduler.log; is the disk almost full?" if is_late else "",
    )


def _check_versions(_workspace: Workspace) -> Iterator[tuple[str, str]]:
    pins = PROJECT_ROOT / "requirements.txt"
    lines = pins.read_text().splitlines() if pins.exists() else metadata.requires("petalscope")
    wanted = [Requirement(line) for line in lines or [] if line.strip() and line[0] != "#"]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    there = {canonicalize_name(one.name): one.version for one in metadata.distributions()}
    others = [
        f"{one.name} is {version}, not {one.specifier}"
        for one in wanted
        for version in [there.get(canonicalize_name(one.name), "missing")]
        if version == "missing" or not one.specifier.contains(version, prereleases=True)
    ]
    remedy = "pip install -r requirements.txt, in a separate environment" if others else ""
    yield "; ".join(others) or f"All {len(wanted)} packages have the required versions.", remedy


def _check_scheduler(workspace: Workspace) -> Iterator[tuple[str, str]]:
    waiting = [run for run in read_active(workspace) if not run.is_going]
    wait = f"{count(len(waiting), 'run')} queued"
    pid: int | None = read_json(workspace.scheduler_pid).get("pid")
    if is_locked(workspace.scheduler_lock):
        alive = pid is not None and psutil.pid_exists(pid)
        yield f"{f'Running as process {pid}' if alive else 'Starting or ending'}; {wait}.", ""
        return
    killed = f" Process {pid} was killed." if pid is not None else ""
    remedy = "Start it: python -m core runs. To supervise it, see docs/operation.md."
    yield f"Not running; {wait}.{killed}", remedy if waiting else ""


def _check_runs(workspace: Workspace) -> Iterator[tuple[str, str]]:
    running = [run for run in read_active(workspace) if run.is_going]
    timeout = read_settings().heartbeat_timeout_s
    for run in running:
        if run.pid is not None and not is_held(workspace, run.id):
            yield (
                f"“{run.name}” ({run.id}) has lost its worker.",
                "The scheduler queues it again. If none is running: python -m core runs",
            )
        elif run.heartbeat and (datetime.now(UTC) - run.heartbeat).total_seconds() > timeout:
            yield (
                f"The worker of “{run.name}” ({run.id}) last reported at {run.heartbeat:%H:%M}.",
                "The scheduler ends it. If the clock was changed, nothing is wrong.",
            )
    yield f"{count(len(running), 'run')} in progress.", ""


def _check_models(workspace: Workspace) -> Iterator[tuple[str, str]]:
    aliases = read_aliases(workspace)
    for alias, number in aliases.items():
        damage = find_damage(workspace, read_version(workspace, number))
        yield (damage.problem, damage.remedy) if damage else (f"{alias} v{number} is intact.", "")
    if not aliases:
        yield "No champion yet.", ""


def _check_weights(workspace: Workspace) -> Iterator[tuple[str, str]]:
    weights = find_weights(workspace)
    yield f"{weights.label}, from {weights.origin}.", ""


def _check_device(_workspace: Workspace) -> Iterator[tuple[str, str]]:
    device = find_device()
    yield f"{device.name} ({device.kind}): {device.reason}.", ""


CHECKS: dict[str, _Check] = {
    "workspace": _check_workspace,
    "disk": _check_disk,
    "index": _check_index,
    "scheduler": _check_scheduler,
    "runs": _check_runs,
    "models": _check_models,
    "weights": _check_weights,
    "device": _check_device,
    "versions": _check_versions,
}


weights = command(
    flag("--download", "download the ImageNet weights (95 MB); resumes after an interruption"),
    default="show",
)


@weights.action("show", "show which weights are used by default and where they come from")
def _show(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    if given.download:
        tell = partial(progress.advance, "downloading, in MB")
        found = download_weights(workspace, lambda done, total: tell(done // 10**6, total // 10**6))
    else:
        found = find_weights(workspace)
    return Outcome({**vars(found), "kind": found.name, "label": found.label})


@weights.action("list", "list all weights and whether they are on this machine")
def _list(workspace: Workspace, _given: Namespace, _progress: ProgressLine) -> Outcome:
    labels = {found.name: found.label for found in list_weights(workspace)}
    rows = [
        {**asdict(entry), "here": name in labels, "label": labels.get(name)}
        for name, entry in CATALOGUE.items()
    ]
    table = tabulate(
        rows,
        "name title licence",
        size=lambda row: size(row["size_bytes"]) if row["size_bytes"] else "",
        on_this_machine="here",
    )
    return Outcome({"weights": rows}, (table,))
