"""`weights` and `features`: list and download weights, and compute features before training."""

import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict

from core.cli.choosing import DATASET, read_chosen
from core.cli.command import command, flag
from core.cli.following import PhaseProgress
from core.cli.outcome import Outcome, ProgressLine, tabulate
from core.cli.runs import BACKBONE
from core.config import read_framing
from core.formats import size
from core.runs.training.preparing import Preparation, delete_views, prepare_features
from core.workspace import Workspace
from models.catalogue import CATALOGUE
from models.devices import find_device
from models.weights import download_weights, find_weights, list_weights

weights = command(
    flag("--download", "download the ImageNet weights (94 MB); resumes after an interruption"),
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
