"""`weights` and `features`: which weights there are, fetching them, features ahead of training."""

import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from core.cli.choosing import DATASET, read_chosen
from core.cli.command import command, flag, option
from core.cli.following import PhaseProgress
from core.cli.outcome import Outcome, ProgressLine, format_table
from core.cli.runs import BACKBONE
from core.config import FRAMING, read_framing
from core.exact.backbones import list_sizes, list_subjects, make_contest, read_contest
from core.exact.contest import HEADINGS, describe_measured, tell_measured
from core.formats import count, duration, size
from core.runs.fetching import probe_weights
from core.runs.recipe.photos import warn_of_enlarging
from core.runs.training.preparing import Preparation, delete_views, prepare_features
from core.workspace import Workspace
from models.catalogue import DEFAULT, read_catalogue
from models.devices import find_device
from models.downloads import check_pickle, convert_weights, download_weights
from models.weights import Weights, accept_notice, find_weights, list_weights

weights = command(
    flag(
        "--download",
        "download the ImageNet weights into the workspace (94 MB; goes on where it stopped)",
    ),
    default="show",
)
_NAME = option("name", "which weights: a name of “weights list”", choices=tuple(read_catalogue()))


@weights.action("show", "say which weights are used where none are named, and where they are from")
def _show(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    if given.download:
        return _describe(download_weights(workspace, on_progress=_report(progress)))
    return _describe(find_weights(workspace))


@weights.action("list", "list the weights that can be had, and which are on this machine")
def _list(workspace: Workspace, _given: Namespace, _progress: ProgressLine) -> Outcome:
    here = {found.name: found.label for found in list_weights(workspace)}
    rows, documents = [], []
    for name, entry in read_catalogue().items():
        steps = "convert after download" if entry.is_pickle else "download"
        bytes_said = size(entry.size_bytes) if entry.size_bytes else ""
        rows.append(
            (name, entry.title, entry.licence, bytes_said, "here" if name in here else steps)
        )
        documents.append({**asdict(entry), "here": name in here, "label": here.get(name)})
    headings = ("name", "weights", "licence", "size", "")
    return Outcome(format_table(headings, rows), {"weights": documents})


@weights.action(
    "download",
    "download weights of the catalogue into the workspace, and check them",
    _NAME,
    flag("--accept-licence", "accept the notice that some of them have"),
    example="weights download bit-m",
)
def _download(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    if given.accept_licence:
        accept_notice(workspace, given.name)
    found = download_weights(workspace, _report(progress), given.name)
    probe_weights(workspace, found)
    return _describe(found)


@weights.action(
    "convert",
    "make weights of a pickle (.pth), which PyTorch opens in a process of its own",
    option("file", "the pickle", Path),
    option(
        "--name",
        "what they are: a name of “weights list” (default: the file's)",
        choices=tuple(read_catalogue()),
    ),
    option("--python", "a Python that has PyTorch (default: this one)", default=""),
    example="weights convert ~/Downloads/dino_resnet50_pretrain.pth --name dino",
)
def _convert(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    name = given.name or given.file.name.split(".")[0]
    check_pickle(given.file)
    convert_weights(workspace, given.file, name, given.python)
    found = find_weights(workspace, name)
    probe_weights(workspace, found)
    return _describe(found)


def _report(progress: ProgressLine) -> Callable[[int, int], None]:
    return lambda done, total: progress.advance("downloading, in MB", done // 10**6, total // 10**6)


def _describe(found: Weights) -> Outcome:
    lines = [f"{found.label}, from {found.origin}"]
    if found.file is not None:
        lines.append(f"{found.file} ({size(found.file.stat().st_size)})")
    lines.append(f"digest {found.digest}")
    if not found.official:
        lines.append("These are not the official weights of the catalogue.")
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


@weights.action(
    "compare",
    "say which weights on this machine are best for the training photos of a dataset",
    DATASET,
    flag("--all", "on all training photos; else, of many, on 1,000 drawn by class"),
    flag("--sizes", "also other sizes, crops and fits of the photos for the weights of --over"),
    option(
        "--over",
        "the weights that gains are counted over",
        choices=tuple(read_catalogue()),
        default=DEFAULT,
    ),
    example="weights compare latest",
)
def _compare(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    dataset = read_chosen(workspace, given)
    subjects = list_subjects(workspace)
    if given.sizes:
        subjects += list_sizes(dataset, given.over)[0]
    make_contest(workspace, dataset, subjects, progress.advance, whole=given.all)
    found = read_contest(workspace, dataset, given.over, whole=given.all)
    rows = [tell_measured(found, one) for one in found.measured]
    text = f"{found.say()}\n{found.describe_photos()}\n\n{format_table(HEADINGS, rows)}"
    documents = [describe_measured(found, one) for one in found.measured]
    facts = {"dataset": dataset.id, "photos": len(found.photos), "of": found.of}
    return Outcome(text, {**facts, "over": given.over, "said": found.say(), "weights": documents})
