"""Commands for the workspace: weights and features, backup, restore, repair, scheduler."""

import os
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from core.cli.choosing import DATASET, read_chosen
from core.cli.command import command, flag, option
from core.cli.following import PhaseProgress
from core.cli.outcome import Outcome, ProgressLine, render, tabulate, to_plain
from core.cli.runs import BACKBONE
from core.config import read_framing
from core.formats import count, size
from core.runs.queue.starting import python_command, python_environment
from core.runs.repairing import make_copy, repair_index
from core.runs.training.preparing import Preparation, delete_views, prepare_features
from core.workspace import Workspace, restore_backup, write_backup
from models.catalogue import CATALOGUE
from models.devices import find_device
from models.weights import download_weights, find_weights, list_weights

_ROOMS_WITH_TABLES = ("core.monitoring.tables", "core.registry.events", "core.registry.store")
_ONLY_IN_INDEX = (
    "Names, notes and tags of runs, sweeps, versions, edits, views of test photos, the prediction "
    "log, feedback and alarms are stored only in the index: they were recovered as far as the "
    "damaged index and its newest copy could be read."
)


weights = command(
    flag("--download", "download the ImageNet weights (95 MB); resumes after an interruption"),
    default="show",
)


@weights.action("show", "show which weights are used by default and where they come from")
def _show(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    if given.download:
        found = download_weights(workspace, _report(progress))
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
    table = tabulate(rows, "name title licence", size=_say_size, on_this_machine="here")
    return Outcome({"weights": rows}, (table,))


def _say_size(entry: dict[str, int]) -> str:
    return size(entry["size_bytes"]) if entry["size_bytes"] else ""


def _report(progress: ProgressLine) -> Callable[[int, int], None]:
    return lambda done, total: progress.advance("downloading, in MB", done // 10**6, total // 10**6)


@command(
    DATASET,
    *BACKBONE,
    flag(
        "--drop-views",
        "instead delete the cached views, activations, resized photos and Grad-CAM maps of the "
        "dataset; they are computed again when they are needed",
    ),
)
def features(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Compute the features of a dataset, or delete its cached views and activations."""
    dataset = read_chosen(workspace, given)
    if given.drop_views:
        return Outcome({"dataset": dataset.id, "bytes": delete_views(workspace, dataset.id)})
    framing = read_framing(vars(given))
    found = find_weights(workspace, given.weights)
    start = time.perf_counter()
    by = Preparation(workspace=workspace, device=find_device(), listener=PhaseProgress(progress))
    made = prepare_features(by, dataset, found, given.preprocessing, framing)
    return Outcome(
        {
            "dataset": dataset.id,
            "weights": found.label,
            "backbone": made.backbone_id,
            "features": made.features_id,
            "file": workspace.features_file(made.features_id),
            "photos": len(dataset),
            "seconds": time.perf_counter() - start,
        },
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
