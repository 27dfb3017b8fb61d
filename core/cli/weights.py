"""`weights` and `features`: which weights there are, fetching them, features ahead of training."""

import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict

from core.cli.choosing import DATASET, read_chosen
from core.cli.command import command, flag
from core.cli.following import PhaseProgress
from core.cli.outcome import Outcome, ProgressLine, format_table
from core.cli.runs import BACKBONE
from core.config import FRAMING, read_framing
from core.formats import count, duration, size
from core.runs.recipe.photos import warn_of_enlarging
from core.runs.training.preparing import Preparation, delete_views, prepare_features
from core.workspace import Workspace
from models.catalogue import CATALOGUE
from models.devices import find_device
from models.downloads import download_weights
from models.weights import Weights, find_weights, list_weights

weights = command(
    flag(
        "--download",
        "download the ImageNet weights into the workspace (94 MB; goes on where it stopped)",
    ),
    default="show",
)


@weights.action("show", "say which weights are used where none are named, and where they are from")
def _show(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    if given.download:
        return _describe(download_weights(workspace, _report(progress)))
    return _describe(find_weights(workspace))


@weights.action("list", "list the weights that can be had, and which are on this machine")
def _list(workspace: Workspace, _given: Namespace, _progress: ProgressLine) -> Outcome:
    here = {found.name: found.label for found in list_weights(workspace)}
    rows, documents = [], []
    for name, entry in CATALOGUE.items():
        bytes_said = size(entry.size_bytes) if entry.size_bytes else ""
        where = "here" if name in here else "--download"
        rows.append((name, entry.title, entry.licence, bytes_said, where))
        documents.append({**asdict(entry), "here": name in here, "label": here.get(name)})
    headings = ("name", "weights", "licence", "size", "")
    return Outcome(format_table(headings, rows), {"weights": documents})


def _report(progress: ProgressLine) -> Callable[[int, int], None]:
    return lambda done, total: progress.advance("downloading, in MB", done // 10**6, total // 10**6)


def _describe(found: Weights) -> Outcome:
    lines = [f"{found.label}, from {found.origin}"]
    if found.file is not None:
        lines.append(f"{found.file} ({size(found.file.stat().st_size)})")
    lines.append(f"digest {found.digest}")
    if not found.official:
        lines.append("These are not the official weights.")
    return Outcome("\n".join(lines), {**vars(found), "kind": found.name, "label": found.label})


@command(
    DATASET,
    *BACKBONE,
    flag(
        "--drop-views",
        "instead remove the dataset's augmented views, activations, whole photos and last maps, "
        "which runs and Grad-CAM keep; whatever needs them makes them again",
    ),
)
def features(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Compute the features of a dataset, or give back the room that views and activations take."""
    dataset = read_chosen(workspace, given)
    if given.drop_views:
        freed = delete_views(workspace, dataset.id)
        text = f"views of {dataset.name} removed: {size(freed)}"
        return Outcome(text, {"dataset": dataset.id, "bytes": freed})
    framing = read_framing(vars(given))
    if framing != FRAMING and (words := warn_of_enlarging(dataset, framing)):
        progress.note(words)
    found = find_weights(workspace, given.weights)
    start = time.perf_counter()
    by = Preparation(workspace=workspace, device=find_device(), listener=PhaseProgress(progress))
    made = prepare_features(by, dataset, found, given.preprocessing, framing)
    seconds = time.perf_counter() - start
    return Outcome(
        f"{count(len(dataset), 'photo')} of {dataset.name}, weights {found.label}: "
        f"features {made.features_id} in {duration(seconds)}",
        {
            "dataset": dataset.id,
            "weights": found.label,
            "backbone": made.backbone_id,
            "features": made.features_id,
            "file": workspace.features_file(made.features_id),
            "photos": len(dataset),
            "seconds": seconds,
        },
    )
