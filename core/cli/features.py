"""`features`: the features of a dataset, ahead of training, so that training starts at once.

And the room that augmented views and activations take, given back.
"""

import argparse
import time

from core.cli.choosing import DATASET_HELP, choose_dataset
from core.cli.following import PhaseProgress
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.cli.recipes import add_backbone_options
from core.formats import count, duration, size
from core.runs.training.feature_store import delete_views
from core.runs.training.preparing import Preparation, prepare_features
from core.workspace import Workspace
from data.manifest import read_dataset
from models.devices import find_device
from models.weights import find_weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help=DATASET_HELP)
    add_backbone_options(parser)
    parser.add_argument(
        "--drop-views",
        action="store_true",
        help="instead remove the dataset's augmented views, activations and last maps, which runs "
        "and Grad-CAM keep; whatever needs them makes them again",
    )


def run(workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    dataset = read_dataset(workspace, choose_dataset(workspace, arguments.dataset))
    if arguments.drop_views:
        freed = delete_views(workspace, dataset.id)
        return Outcome(
            text=f"views of {dataset.name} removed: {size(freed)}",
            document={"dataset": dataset.id, "bytes": freed},
        )
    weights = find_weights(workspace, arguments.weights)
    start = time.perf_counter()
    by = Preparation(workspace=workspace, device=find_device(), listener=PhaseProgress(progress))
    features = prepare_features(by, dataset, weights, arguments.preprocessing)
    seconds = time.perf_counter() - start
    return Outcome(
        text=f"{count(len(dataset), 'photo')} of {dataset.name}, weights {weights.label}: "
        f"features {features.features_id} in {duration(seconds)}",
        document={
            "dataset": dataset.id,
            "weights": weights.label,
            "backbone": features.backbone_id,
            "features": features.features_id,
            "file": workspace.features_file(features.features_id),
            "photos": len(dataset),
            "seconds": seconds,
        },
    )
