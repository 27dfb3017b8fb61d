"""`whatif` and `why`: what the exact head says of edits and of an answer."""

from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from core.cli.choosing import (
    DATASET,
    RUN,
    choose_run,
    count_opening,
    describe_openings,
    read_chosen,
)
from core.cli.command import command, option
from core.cli.edits import PHOTO_HELP, find_photo
from core.cli.outcome import Outcome, ProgressLine, format_table, pick
from core.datasets.edits.tray import list_edits, resolve_edits
from core.exact.store import (
    find_run_source,
    find_source,
    measure_agreement,
    prepare_head,
)
from core.exact.whatif import WhatIf, describe_foretold, foretell, read_foretold, say_verdict
from core.exact.why import ONE_CLASS, Why, ask_why
from core.formats import count, percent, points
from core.runs.result import read_result
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset

_KINDS = ("gained", "lost", "turned")


@command(DATASET)
def whatif(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Foretell what the tray of a dataset would do."""
    dataset = read_chosen(workspace, given)
    changes = resolve_edits(dataset, list_edits(workspace, dataset.id))
    told = read_foretold(workspace, dataset)
    document: dict[str, Any] = {
        "dataset": dataset.id,
        "changed": len(changes),
        "foretold": told,
        "whatif": None,
    }
    lines = [describe_foretold(workspace, dataset)] if told else []
    if changes.empty:
        lines.append(f"No edits of {dataset.name} wait: there is nothing to foretell.")
        return Outcome("\n".join(lines), document)
    source = find_source(workspace, dataset)
    progress.advance("preparing the exact head", 0, 0)
    found = foretell(prepare_head(workspace, source), dataset, changes)
    lines.append(f"{count(len(changes), 'edited photo')}, by the exact head on “{source.label}”:")
    lines.append(_describe(found))
    document["whatif"] = _document(dataset, found) | {"engine": source.label}
    return Outcome("\n".join(lines), document)


def _describe(found: WhatIf) -> str:
    compared, n = found.comparison, found.comparison.n
    if not n:
        return "No photo stays in validation: there is nothing to judge by."
    head = (
        f"accuracy {percent(compared.accuracy_a, n)} → {percent(compared.accuracy_b, n)}, "
        f"{points(compared.difference, n)} on {count(n, 'validation photo')}; "
        f"{compared.gained} gained, {compared.lost} lost\n{say_verdict(compared)}"
    )
    classes = compared.per_class
    changed = classes[(classes["gained"] + classes["lost"]) > 0]
    if changed.empty:
        return head
    rows = changed[["class", "support", "gained", "lost"]].astype(str).to_numpy()
    return f"{head}\n{format_table(('class', 'photos', 'gained', 'lost'), rows)}"


def _document(dataset: Dataset, found: WhatIf) -> dict[str, Any]:
    compared, paths = found.comparison, dataset.manifest["path"].to_numpy()
    return {
        "photos": compared.n,
        "accuracy_before": compared.accuracy_a,
        "accuracy_after": compared.accuracy_b,
        "difference": compared.difference,
        "interval": list(compared.interval),
        "p_value": compared.p_value,
        **{kind: paths[found.photos[found.find_photos(kind)]].tolist() for kind in _KINDS},
        "classes": compared.per_class,
        **pick(found, "cells", "entering", "leaving", "corrected"),
    }


@command(RUN, option("photo", PHOTO_HELP))
def why(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Say which training photos decide the exact head's answer to a photo of a run's dataset."""
    run = choose_run(workspace, given.run)
    result = read_result(workspace, run.id)
    dataset = read_dataset(workspace, result.dataset_id)
    photo = find_photo(dataset, given.photo)
    source = find_run_source(workspace, dataset, run.id, result)
    progress.advance("preparing the exact head", 0, 0)
    head = prepare_head(workspace, source)
    found = ask_why(head, dataset, result, photo)
    named = {"run": run.id, "dataset": dataset.id, "split": str(result.splits[photo])}
    if found is None:
        return Outcome(ONE_CLASS, {**named, "photo": given.photo, "answer": None})
    openings = count_opening(workspace, run, named["split"])
    same, n = measure_agreement(head, result)
    engine = f"By the exact head on the features “{source.label}”"
    if n:
        share = f"{percent(same / n, n)} of {count(n, 'validation photo')}"
        engine += f", which answers like {run.name} on {share}"
    lines = [
        f"{dataset.manifest['path'].iat[photo]} · {named['split']}",
        f"{found.say_answer()} {found.say_set()}",
        *found.say_limits(run.name),
        f"{engine}.",
        *filter(None, [describe_openings(openings)]),
        *_describe_sides(found),
    ]
    document = {**named, **found.document(), "engine": source.label}
    return Outcome("\n".join(lines), {**document, "agreeing": same, "validation_photos": n})


def _describe_sides(found: Why) -> Iterator[str]:
    classes, manifest, flip = found.dataset.classes, found.dataset.manifest, found.reasons.flip
    lead = f"lead of {classes[found.reasons.rival]} without it"
    for side, (photos, effects) in found.sides.items():
        rows = [
            (
                f"{effect:+.3f}",
                str(manifest["class"].iat[photo]),
                str(manifest["path"].iat[photo]),
                "in the set" if flip is not None and photo in flip else "",
            )
            for photo, effect in zip(photos, effects, strict=True)
        ]
        if rows:
            table = format_table((lead, "class", "photo", ""), rows)
            yield f"\nPull to {classes[side]}\n{table}"
