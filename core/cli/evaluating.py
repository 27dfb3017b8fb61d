"""`evaluate`: how good a run is on one split: accuracy, each class, the most confused pairs."""

import argparse
from dataclasses import fields
from typing import Any

import pandas as pd

from core.cli.choosing import RUN_HELP, choose_run
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.cli.tables import format_table
from core.errors import RunUnfinished
from core.evaluation.confusion import count_confusions, most_confused_pairs
from core.evaluation.metrics import Evaluation, evaluate_scores
from core.formats import interval, percent
from core.runs.result import read_result
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.manifest import SPLITS

_PAIRS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument(
        "--split",
        choices=SPLITS,
        default="validation",
        help="photos to judge by (default: validation; keep test for the very end)",
    )


def run(workspace: Workspace, arguments: argparse.Namespace, _progress: ProgressLine) -> Outcome:
    record = choose_run(workspace, arguments.run)
    result = read_result(workspace, record.id)
    photos = result.photo_numbers(arguments.split)
    if not len(photos):
        raise RunUnfinished(
            f"{record.name} has no photos in its {arguments.split} split.", "Choose another split."
        )
    labels, scores = result.labels[photos], result.scores[photos]
    evaluation = evaluate_scores(scores, labels, result.classes)
    matrix = count_confusions(labels, scores.argmax(axis=1), len(result.classes))
    pairs = most_confused_pairs(matrix, result.classes, top=_PAIRS)
    return Outcome(
        text=_describe(record, arguments.split, evaluation, pairs),
        document={
            "run": record.id,
            "dataset": result.dataset_id,
            "split": arguments.split,
            "best_epoch": result.best_epoch,
            **_document(evaluation),
            "most_confused": pairs.to_dict("records"),
            "confusion": {"rows": "true", "columns": "predicted", "counts": matrix},
        },
    )


def _document(evaluation: Evaluation) -> dict[str, Any]:
    values = {field.name: getattr(evaluation, field.name) for field in fields(evaluation)}
    return {
        name: value.to_dict("records") if isinstance(value, pd.DataFrame) else value
        for name, value in values.items()
    }


def _describe(record: RunRecord, split: str, evaluation: Evaluation, pairs: pd.DataFrame) -> str:
    n = evaluation.n
    per_class = [
        [
            row["class"],
            f"{row['support']:,}",
            percent(row["precision"], row["predicted"]),
            percent(row["recall"], row["support"]),
            percent(row["f1"], row["support"]),
        ]
        for row in evaluation.per_class.to_dict("records")
    ]
    averages = [
        [row["average"], f"{n:,}", *(percent(row[m], n) for m in ("precision", "recall", "f1"))]
        for row in evaluation.averages.to_dict("records")
    ]
    confused = [
        [
            row["true"],
            row["predicted"],
            f"{row['count']:,}",
            percent(row["row_share"], row["support"]),
        ]
        for row in pairs.to_dict("records")
    ]
    top_k = f"top-{evaluation.top_k} {percent(evaluation.top_k_accuracy, n)}; "
    parts = [
        f"{record.name} · {record.id} · {split} split · epoch {record.best_epoch}",
        f"accuracy {percent(evaluation.accuracy, n)}, "
        f"{interval(evaluation.accuracy_low, evaluation.accuracy_high, n)}; "
        f"{'' if evaluation.top_k == 1 else top_k}loss {evaluation.loss:.3f}",
        format_table(("class", "photos", "precision", "recall", "F1"), per_class + averages),
        "Most confused" if confused else "No photo was confused.",
    ]
    if confused:
        headings = ("true", "predicted", "photos", "of the class")
        parts[-1] += "\n" + format_table(headings, confused)
    return "\n\n".join(parts)
