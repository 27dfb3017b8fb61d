"""`evaluate`: how good a run is on one split: figures with intervals, each class, baselines."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import pandas as pd

from core.cli.choosing import RUN_HELP, choose_run
from core.cli.evaluating_text import Evaluated, describe_evaluation
from core.cli.openings import count_opening
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.errors import PetalscopeError, RunUnfinished
from core.evaluation.agreement import estimate_agreement
from core.evaluation.baselines import Beside, compare_baselines
from core.evaluation.confusion import count_confusions, most_confused_pairs
from core.evaluation.intervals import Estimate
from core.evaluation.metrics import Evaluation, evaluate_scores
from core.evaluation.ranking import rank_classes
from core.prediction.nearest import predict_baselines
from core.runs.result import RunResult, read_result
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.manifest import read_dataset
from data.splits import SPLITS

_PAIRS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument(
        "--split",
        choices=SPLITS,
        default="validation",
        help="photos to judge by (default: validation; keep test for the very end: it is counted)",
    )


def run(workspace: Workspace, arguments: argparse.Namespace, _progress: ProgressLine) -> Outcome:
    record = choose_run(workspace, arguments.run)
    result = read_result(workspace, record.id)
    split: str = arguments.split
    photos = result.photo_numbers(split)
    if not len(photos):
        raise RunUnfinished(
            f"{record.name} has no photos in its {split} split.", "Choose another split."
        )
    labels, scores = result.labels[photos], result.scores[photos]
    matrix = count_confusions(labels, scores.argmax(axis=1), len(result.classes))
    besides, problem = _ask_baselines(workspace, record, result, split)
    found = Evaluated(
        run=record,
        split=split,
        evaluation=evaluate_scores(scores, labels, result.classes),
        figures=estimate_agreement(scores, labels, result.classes),
        ranking=rank_classes(scores, labels, result.classes),
        pairs=most_confused_pairs(matrix, result.classes, top=_PAIRS),
        besides=besides,
        problem=problem,
        openings=count_opening(workspace, record, split),
    )
    return Outcome(text=describe_evaluation(found), document=_document(found, result, matrix))


def _ask_baselines(
    workspace: Workspace, run: RunRecord, result: RunResult, split: str
) -> tuple[list[Beside], str]:
    """Returns the run beside its baselines; else none, and why: the metrics stand without them."""
    photos = result.photo_numbers(split)
    try:
        dataset = read_dataset(workspace, result.dataset_id)
        answers = predict_baselines(workspace, run, result, dataset, split)
    except PetalscopeError as error:
        return [], error.problem
    predictions = result.scores[photos].argmax(axis=1)
    return compare_baselines(result.labels[photos], predictions, answers, result.classes), ""


def _document(found: Evaluated, result: RunResult, matrix: np.ndarray) -> dict[str, Any]:
    ranking = found.ranking
    return {
        "run": found.run.id,
        "dataset": result.dataset_id,
        "split": found.split,
        "best_epoch": result.best_epoch,
        **_document_evaluation(found.evaluation),
        "figures": _document_estimates(found.figures),
        "areas": {
            "macro": _document_estimates(ranking.macro),
            "micro": _document_estimates(ranking.micro),
            "per_class": ranking.per_class.to_dict("records"),
        },
        "baselines": [_document_beside(beside) for beside in found.besides],
        "test_openings": len(found.openings),
        "most_confused": found.pairs.to_dict("records"),
        "confusion": {"rows": "true", "columns": "predicted", "counts": matrix},
    }


def _document_evaluation(evaluation: Evaluation) -> dict[str, Any]:
    values = {field.name: getattr(evaluation, field.name) for field in fields(evaluation)}
    return {
        name: value.to_dict("records") if isinstance(value, pd.DataFrame) else value
        for name, value in values.items()
    }


def _document_estimates(estimates: Mapping[Any, Estimate]) -> dict[str, Any]:
    return {name: asdict(estimate) for name, estimate in estimates.items()}


def _document_beside(beside: Beside) -> dict[str, Any]:
    return {
        "name": beside.name,
        "accuracy": asdict(beside.accuracy),
        "difference": beside.compared.difference,
        "difference_low": beside.compared.interval[0],
        "difference_high": beside.compared.interval[1],
        "p_value_adjusted": beside.p_value,
        "verdict": beside.compared.judge(beside.p_value),
    }
