"""`weights` and `features`: which ResNet-50 weights are used, and features ahead of training."""

import time
from argparse import Namespace

from core.cli.choosing import DATASET, choose_dataset
from core.cli.command import command, flag
from core.cli.following import PhaseProgress
from core.cli.outcome import Outcome, ProgressLine
from core.cli.recipes import BACKBONE
from core.formats import count, duration, size
from core.runs.training.preparing import Preparation, delete_views, prepare_features
from core.workspace import Workspace
from data.manifest import read_dataset
from models.devices import find_device
from models.weights import Weights, download_weights, find_weights


@command(
    flag(
        "--download",
        "download the ImageNet weights into the workspace (94 MB; goes on where it stopped)",
    )
)
def weights(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Say which ResNet-50 weights are used and where they come from, or download them."""

    def report(done: int, total: int) -> None:
        progress.advance("downloading, in MB", done // 10**6, total // 10**6)

    if given.download:
        found = download_weights(workspace, on_progress=report)
    else:
        found = find_weights(workspace)
    return Outcome(_describe(found), {**vars(found), "label": found.label})


def _describe(found: Weights) -> str:
    lines = [f"{found.label}, from {found.origin}"]
    if found.file is not None:
        lines.append(f"{found.file} ({size(found.file.stat().st_size)})")
    lines.append(f"digest {found.digest}")
    if not found.official:
        lines.append("These are not the official ImageNet weights of Keras.")
    return "\n".join(lines)


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
    dataset = read_dataset(workspace, choose_dataset(workspace, given.dataset))
    if given.drop_views:
        freed = delete_views(workspace, dataset.id)
        text = f"views of {dataset.name} removed: {size(freed)}"
        return Outcome(text, {"dataset": dataset.id, "bytes": freed})
    found = find_weights(workspace, given.weights)
    start = time.perf_counter()
    by = Preparation(workspace=workspace, device=find_device(), listener=PhaseProgress(progress))
    made = prepare_features(by, dataset, found, given.preprocessing, given.framing)
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
