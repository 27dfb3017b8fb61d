"""`quality`: what is wrong with a dataset: issues, duplicates, leaks, doubtful labels."""

from argparse import Namespace
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from core.cli.choosing import DATASET, read_chosen, read_run_of
from core.cli.command import command, option
from core.cli.outcome import Outcome, ProgressLine, format_table, pick
from core.datasets.quality.leakage import (
    Comparison,
    evaluate_without,
    list_leaking_photos,
    list_leaks,
)
from core.datasets.quality.making import make_analysis
from core.datasets.quality.store import QualityResult, list_parameters, read_quality
from core.formats import count, percent
from core.runs.result import RunResult
from core.workspace import Workspace
from data.dataset import Dataset
from data.findings import ISSUES, MEASURED, Thresholds, find_issues, list_worst, measure_issue

_WORST = 3
_SHOWN = 10


@command(
    DATASET,
    option(
        "--weights",
        "what the features are by; “starter” saw drawings only, “random” never saw a photo, and "
        "its label suspects are mostly wrong",
        choices=("pretrained", "starter", "random"),
        default="pretrained",
    ),
    option("--run RUN", "also the metrics of this run without the photos that leak"),
)
def quality(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Say what is wrong with a dataset: issues, duplicates, leaks, doubtful labels."""
    dataset = read_chosen(workspace, given)
    result = read_run_of(workspace, dataset.id, given.run) if given.run else None
    parameters = list_parameters(workspace, dataset.id, given.weights)
    made = make_analysis(workspace, parameters, progress.advance)
    found = read_quality(workspace, dataset.id, identifier=made)
    assert found is not None
    issues = find_issues(dataset.manifest, pairs=found.pairs)
    splits = dataset.splits if result is None else result.splits
    leaks = list_leaks(found.pairs, dataset.labels, splits)
    compared = {} if result is None else _compare(result, found.pairs)
    parts = [
        f"{dataset.name} · {dataset.id} · {count(len(dataset), 'photo')}, "
        f"{len(dataset.set_aside):,} set aside · features: {found.features_label}",
        _describe_issues(dataset, issues, found),
        _describe_pairs(dataset, found.pairs, leaks),
        _describe_suspects(dataset, found),
        *([_describe_run(result.dataset_id, compared)] if result else []),
    ]
    document = _make_document(dataset, found, issues, leaks)
    document["run"] = {split: _describe_compared(dataset, one) for split, one in compared.items()}
    return Outcome("\n\n".join(parts), document)


def _compare(result: RunResult, pairs: pd.DataFrame) -> dict[str, Comparison]:
    """Measure validation and test with and without the photos that leak."""
    return {
        split: evaluate_without(
            result.scores,
            result.labels,
            result.classes,
            photos,
            list_leaking_photos(pairs, result.splits, split),
        )
        for split in ("validation", "test")
        if len(photos := result.photo_numbers(split))
    }


def _describe_issues(dataset: Dataset, issues: pd.DataFrame, quality: QualityResult) -> str:
    thresholds, paths = asdict(Thresholds()), dataset.manifest["path"].to_numpy()
    rows = []
    for measured in MEASURED:
        flagged = issues[measured.name].to_numpy()
        order = list_worst(dataset.manifest, measured.name)
        values = measure_issue(dataset.manifest, measured.name)
        worst = [f"{paths[one]} ({values[one]:.2f})" for one in order[flagged[order]][:_WORST]]
        limit = f"{'<' if measured.worse == 'low' else '>'} {thresholds[measured.name]:g}"
        rows.append((measured.name.replace("_", " "), int(flagged.sum()), limit, ", ".join(worst)))
    outliers = quality.photos[quality.photos["outlier"]]
    worst_first = outliers["outlier_score"].sort_values(ascending=False, kind="stable")
    worst = [f"{paths[photo]} ({score:.1f})" for photo, score in worst_first.head(_WORST).items()]
    limit = f"> {quality.facts['outlier_limit']:g}"
    unreadable = dataset.set_aside["path"]
    rows += [
        ("duplicate", int(issues["duplicate"].sum()), "", "see below"),
        ("outlier", len(outliers), limit, ", ".join(worst)),
        ("unreadable", len(unreadable), "", ", ".join(unreadable.head(_WORST))),
    ]
    return format_table(("issue", "photos", "limit", "worst"), rows)


def _describe_pairs(dataset: Dataset, pairs: pd.DataFrame, leaks: pd.DataFrame) -> str:
    exact, across = pairs[pairs["kind"] == "exact"], pairs[pairs["across_classes"]]
    head = (
        f"{count(len(pairs), 'pair')} of photos that are there twice: {len(exact):,} exact, "
        f"{len(pairs) - len(exact):,} near; {len(across):,} across classes, "
        f"{len(leaks):,} across splits"
    )
    shown = pd.concat([across, leaks, exact, pairs])
    shown = shown.drop_duplicates(["a", "b"]).head(_SHOWN)
    if shown.empty:
        return head
    paths = dataset.manifest["path"].to_numpy()
    rows = [
        [
            row["kind"],
            row["splits"],
            "two classes" if row["across_classes"] else "",
            f"{row['difference']:.1f}",
            f"{paths[row['a']]} = {paths[row['b']]}",
        ]
        for row in shown.to_dict("records")
    ]
    return f"{head}\n{format_table(('kind', 'splits', 'classes', 'difference', 'pair'), rows)}"


def _describe_suspects(dataset: Dataset, quality: QualityResult) -> str:
    suspects = quality.photos[quality.photos["suspect"]].sort_values("label_score", kind="stable")
    head = f"{count(len(suspects), 'label')} to doubt, the most doubtful first"
    if suspects.empty:
        return "No label is doubtful."
    manifest = dataset.manifest
    rows = [
        [
            str(manifest["class"].iat[photo]),
            row["suggested"],
            f"{row['suggested_score']:.2f}",
            str(manifest["path"].iat[photo]),
        ]
        for photo, row in suspects.head(_SHOWN).to_dict("index").items()
    ]
    return f"{head}\n{format_table(('given', 'suggested', 'score', 'photo'), rows)}"


def _describe_run(dataset_id: str, compared: dict[str, Comparison]) -> str:
    if not compared:
        return f"The run has no validation and no test photos of {dataset_id}."
    rows = [
        (
            split,
            one.with_all.n,
            percent(one.with_all.accuracy, one.with_all.n),
            len(one.leaking),
            percent(one.without.accuracy, one.without.n),
        )
        for split, one in compared.items()
    ]
    headings = ("split", "photos", "accuracy", "with a twin in train", "accuracy without them")
    return format_table(headings, rows)


def _make_document(
    dataset: Dataset, quality: QualityResult, issues: pd.DataFrame, leaks: pd.DataFrame
) -> dict[str, Any]:
    paths = dataset.manifest["path"].to_numpy()
    photos = quality.photos.assign(photo=np.arange(len(dataset)), path=paths)
    photos["class"] = dataset.manifest["class"]
    suspects = photos[photos["suspect"]].sort_values("label_score", kind="stable")
    outliers = photos[photos["outlier"]].sort_values("outlier_score", ascending=False)
    return {
        "dataset": dataset.id,
        "analysis": quality.id,
        "weights": quality.features_label,
        **quality.facts,
        "photos": len(dataset),
        "thresholds": asdict(Thresholds()),
        "issues": {issue: paths[issues[issue].to_numpy()] for issue in ISSUES},
        "unreadable": dataset.set_aside,
        "pairs": _name_pairs(quality.pairs, paths),
        "leaks": _name_pairs(leaks, paths),
        "suspects": suspects.drop(columns=["suspect", "outlier"]),
        "outliers": outliers[["photo", "path", "class", "outlier_score"]],
    }


def _describe_compared(dataset: Dataset, compared: Comparison) -> dict[str, Any]:
    return {
        "leaking": dataset.manifest["path"].to_numpy()[compared.leaking],
        "with_all": pick(compared.with_all, "n", "accuracy"),
        "without": pick(compared.without, "n", "accuracy"),
    }


def _name_pairs(pairs: pd.DataFrame, paths: np.ndarray) -> pd.DataFrame:
    return pairs.assign(path_a=paths[pairs["a"]], path_b=paths[pairs["b"]])
