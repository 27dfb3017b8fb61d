"""`forecast`, `dial`, `order`: what more photos or wrong labels do, and what to label next."""

import os
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.cli.choosing import DATASET, DATASET_HELP, choose_dataset, read_chosen
from core.cli.command import command, number, option
from core.cli.outcome import Outcome, ProgressLine, format_table, pick
from core.datasets.edits.tray import list_edits
from core.datasets.quality.making import make_analysis
from core.datasets.quality.store import list_parameters
from core.errors import DatasetMissing
from core.evaluation.intervals import wilson_interval
from core.exact.dials import WAYS, Setting, prepare_dials
from core.exact.forecasting import foresee_more, prepare_forecasts, say_more
from core.exact.ordering import choose_next, measure_right, read_basis, read_labels
from core.exact.store import find_judged_source
from core.formats import count, interval, percent, points, span
from core.instant.herding import MOST, REPEATS, STRATEGIES, Replay
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import read_dataset
from data.sources.found import SourceRequest


@command(
    DATASET,
    option("--more", "photos more, of the whole and of each class", number(int, 1), default=50),
    option("--next", "new photos to share out over the classes", number(int, 1), default=100),
)
def forecast(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Say what more photos would bring, of all classes and of each, and which to get next."""
    dataset = read_chosen(workspace, given)
    source = find_judged_source(workspace, dataset)
    found = prepare_forecasts(workspace, source, progress.advance)
    dealt = found.share_out(given.next)
    table = found.list_classes(dataset.classes, given.more, dealt)
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    document = {
        "dataset": dataset.id,
        "features": source.label,
        **pick(found.whole, "photos", "judged"),
        "repeats": found.facts["repeats"],
        "accuracy": found.whole.now,
        "more": given.more,
        "reason": found.whole.reason,
        "foreseen": foresee_more(found.whole, given.more),
        "next": given.next,
        "next_gain": found.foresee_shared(dealt),
        "classes": records,
    }
    parts = [
        f"{dataset.name} · {dataset.id} · {count(found.whole.photos, 'training photo')}, judged by "
        f"{count(found.whole.judged, 'validation photo')} · features: {source.label}",
        say_more(found.whole, given.more, "accuracy"),
        _describe_classes(records, given.more),
    ]
    if dealt.any():
        gain = points(document["next_gain"], found.whole.judged)
        bought = sorted((one for one in records if one["next"]), key=lambda one: -one["next"])
        listed = ", ".join(f"{one['class']} {one['next']}" for one in bought)
        parts.append(f"the next {int(dealt.sum()):,} photos: {listed} (about {gain} of accuracy)")
    return Outcome("\n\n".join(parts), document)


@command(
    DATASET,
    option("--wrong", "share of wrong labels", number(float, 0, 1), default=0.0),
    option("--way", "how labels go wrong", choices=tuple(WAYS), default="random"),
    option("--share", "share of the training photos", number(float, 0, 1), default=1.0),
    option("--ridge", "what λ is multiplied by", number(float, 1e-6, 1e6), default=1.0),
)
def dial(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Say what wrong labels, fewer photos or another λ would do, and what shuffled labels do."""
    dataset = read_chosen(workspace, given)
    source = find_judged_source(workspace, dataset)
    dials = prepare_dials(workspace, source, progress.advance)
    setting = Setting(wrong=given.wrong, way=given.way, times=given.ridge)
    sizes, predicted = dials.sizes, dials.predict(setting)
    now = dials.measure(predicted)
    place = min(range(len(sizes)), key=lambda one: abs(sizes[one] - given.share * sizes[-1]))
    right, n = round(float(now[place]) * len(dials.judged)), len(dials.judged)
    low, high = wilson_interval(right, n)
    rows = [
        (size, percent(plain, n), percent(turned, n))
        for size, plain, turned in zip(sizes, dials.plain, now, strict=True)
    ]
    text = (
        f"{dataset.name} · {dataset.id} · features: {source.label}\n\n"
        f"{sizes[place]:,} photos, {percent(given.wrong, 1)} wrong labels ({WAYS[given.way]}), "
        f"λ × {given.ridge:g}: accuracy {percent(right / n, n)} ({interval(low, high, n)})\n\n"
        f"{format_table(('photos', 'nothing turned', 'as the dials stand'), rows)}\n\n"
        f"{dials.say_learnable()}"
    )
    document = {
        "dataset": dataset.id,
        "features": source.label,
        **asdict(setting),
        "photos": sizes[place],
        "accuracy": right / n,
        "low": low,
        "high": high,
        "judged": n,
        "sizes": sizes,
        "accuracies": now,
        "nothing_turned": dials.plain,
        "matrix": dials.confuse(predicted[place]),
        "classes": list(dataset.classes),
        "shuffled": dials.shuffled,
    }
    return Outcome(text, document)


def _describe_classes(records: list[dict[str, Any]], more: int) -> str:
    rows = []
    for one in records:
        n, seen = one["judged"], one["foreseen"] is not None
        recall = None if one["recall"] is None else percent(one["recall"], n)
        foreseen = percent(one["foreseen"], n) if seen else None
        ends = span(one["low"], one["high"], n) if seen else one["reason"]
        rows.append((one["class"], one["photos"], n, recall, foreseen, ends))
    return format_table(("class", "photos", "n", "recall", f"+{more:,}", "80 % interval"), rows)


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
