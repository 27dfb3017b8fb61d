"""`order`: which photos to label next."""

import os
from argparse import Namespace
from pathlib import Path

import numpy as np

from core.cli.choosing import DATASET_HELP, choose_dataset
from core.cli.command import command, number, option
from core.cli.outcome import Outcome, ProgressLine, format_table, pick
from core.datasets.edits.tray import list_edits
from core.datasets.quality.making import make_analysis
from core.datasets.quality.store import list_parameters
from core.errors import DatasetMissing
from core.exact.ordering import choose_next, measure_right, read_basis, read_labels
from core.formats import count, percent, span
from core.instant.herding import MOST, REPEATS, STRATEGIES, Replay
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import read_dataset
from data.sources.found import SourceRequest


@command(
    option(
        "photos DATASET|FOLDER",
        f"{DATASET_HELP}; or a folder or archive of photos without labels: they are imported",
    ),
    option(
        "--by",
        "coverage of all photos weighted by how unsure a head is, that uncertainty alone, or "
        "chance",
        choices=STRATEGIES,
        default="herding",
    ),
    option("--limit", "how many photos", number(int, 1), default=20),
    option(
        "--weights",
        "what the features are by; “starter” saw drawings only, “random” never saw a photo",
        choices=("pretrained", "starter", "random"),
        default="pretrained",
    ),
)
def order(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Say which photos to label next; where labels are known, what each order was worth."""
    dataset = _find_dataset(workspace, given.photos, progress)
    make_analysis(
        workspace, list_parameters(workspace, dataset.id, given.weights, "order"), progress.advance
    )
    basis = read_basis(workspace, dataset.id, given.weights)
    assert basis is not None  # made just now
    labels = read_labels(dataset, list_edits(workspace, dataset.id))
    chosen = choose_next(labels, basis.rows, by=given.by, most=given.limit, among=MOST)
    rows = dataset.manifest.iloc[chosen]
    right, n = measure_right(labels, basis.rows) if labels.waiting else (0, 0)
    head = (
        f"{dataset.name} · {dataset.id} · {count(len(dataset), 'photo')}, {labels.labelled:,} "
        f"labelled in {count(len(labels.classes), 'class')}; features: {basis.label}"
    )
    judged = f"Right on {right:,} of {count(n, 'validation photo')} labelled so far." if n else ""
    listed = [(place, *row) for place, row in enumerate(rows[["path", "split"]].values, 1)]
    table = format_table(("next", "photo", "split"), listed) if listed else "No photo is waiting."
    replay = _describe(basis.replay) if basis.replay else ""
    return Outcome(
        "\n\n".join(filter(None, [head, judged, table if labels.waiting else "", replay])),
        {
            "dataset": dataset.id,
            "photos": len(dataset),
            "labelled": labels.labelled,
            "classes": labels.classes,
            "by": given.by,
            "features": basis.label,
            "right": right,
            "judged": n,
            "next": rows.assign(photo=chosen)[["photo", "path", "split"]],
            "replay": _document(basis.replay) if basis.replay else None,
        },
    )


def _find_dataset(workspace: Workspace, text: str, progress: ProgressLine) -> Dataset:
    """Return the dataset that is meant; of a path that of its photos, imported where it is not."""
    path = Path(os.path.expanduser(text))  # noqa: PTH111  Path.expanduser may raise
    try:
        return read_dataset(workspace, choose_dataset(workspace, text))
    except DatasetMissing:
        if not path.exists():
            raise
    request = SourceRequest(kind="unlabelled", path=str(path.absolute()))
    return import_source(workspace, request, on_progress=progress.report)


def _describe(replay: Replay) -> str:
    n, found = replay.judged, replay.accuracies  # (strategies, repeats, sizes)
    rows = [
        (size, *(f"{percent(one.mean(), n)} ({span(one.min(), one.max(), n)})" for one in repeats))
        for size, repeats in zip(replay.sizes.tolist(), np.moveaxis(found, -1, 0), strict=True)
    ]
    return (
        f"Its labels given again, from none: accuracy on {count(replay.judged, 'validation photo')}"
        f" by the number of labels; mean of {REPEATS} repeats, each with {replay.pool:,} train "
        f"photos to choose from (lowest to highest)\n"
        f"{format_table(('labels', *STRATEGIES), rows)}"
    )


def _document(replay: Replay) -> dict[str, object]:
    curves = dict(zip(STRATEGIES, replay.accuracies, strict=True))
    return {"labels": replay.sizes, **pick(replay, "judged", "pool"), "accuracies": curves}
