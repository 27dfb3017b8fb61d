"""`evaluate`: how good a run is on one split: figures with intervals, each class, baselines."""

import math
from argparse import Namespace
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from core.cli.choosing import RUN, SPLIT, choose_run, count_opening, describe_openings
from core.cli.command import command, flag
from core.cli.outcome import Outcome, ProgressLine, format_table
from core.errors import PetalscopeError, RunUnfinished
from core.evaluation.agreement import AVERAGED, estimate_agreement
from core.evaluation.baselines import NAMES, Beside, compare_baselines, describe_worth
from core.evaluation.confusion import count_confusions, most_confused_pairs
from core.evaluation.cross_validation import FEW, CrossValidation, replace_recalls
from core.evaluation.intervals import Estimate
from core.evaluation.metrics import Evaluation, evaluate_scores
from core.evaluation.ranking import Ranking, rank_classes
from core.formats import interval, percent
from core.prediction.nearest import predict_baselines, read_cross_validation
from core.runs.result import RunResult, read_result
from core.runs.store import Opening, RunRecord
from core.runs.training.cross_validating import cross_validate, say_unfit
from core.workspace import Workspace
from data.manifest import read_dataset

_PAIRS = 10


@dataclass(frozen=True, kw_only=True)
class _Evaluated:
    """All that is said of a run over one split."""

    run: RunRecord
    split: str
    evaluation: Evaluation
    figures: dict[str, Estimate]
    ranking: Ranking
    pairs: pd.DataFrame
    besides: list[Beside]
    """Empty where the baselines could not be asked."""
    problem: str
    """Why they could not."""
    openings: list[Opening]
    """Of the test split; empty for another."""
    warning: str
    """That some classes have few photos; empty if not."""
    left_out: CrossValidation | None
    """Of its head, by heads that left photos out; None where it was not done."""
    unfit: str
    """Why it cannot be, where it was asked for."""


@command(
    RUN,
    SPLIT,
    flag(
        "--cross-validate",
        "train heads like this run's that leave a fifth of its photos out each, to judge them all; "
        "few photos have that already",
    ),
)
def evaluate(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Evaluate a run on one split."""
    record = choose_run(workspace, given.run)
    result = read_result(workspace, record.id)
    split: str = given.split
    photos = result.photo_numbers(split)
    if not len(photos):
        raise RunUnfinished(
            f"{record.name} has no photos in its {split} split.", "Choose another split."
        )
    labels, scores = result.labels[photos], result.scores[photos]
    matrix = count_confusions(labels, scores.argmax(axis=1), len(result.classes))
    if given.cross_validate:
        cross_validate(workspace, record.id, partial(progress.advance, "training heads"))
    besides, problem = _ask_baselines(workspace, record, result, split)
    found = _Evaluated(
        run=record,
        split=split,
        evaluation=evaluate_scores(scores, labels, result.classes),
        figures=estimate_agreement(scores, labels, result.classes),
        ranking=rank_classes(scores, labels, result.classes),
        pairs=most_confused_pairs(matrix, result.classes, top=_PAIRS),
        besides=besides,
        problem=problem,
        openings=count_opening(workspace, record, split),
        warning="" if split == "train" else result.warn_of_few(split),
        left_out=read_cross_validation(workspace, record.id, result),
        unfit=say_unfit(record, result) if given.cross_validate else "",
    )
    return Outcome(_describe(found), _document(found, result, matrix))


def _ask_baselines(
    workspace: Workspace, run: RunRecord, result: RunResult, split: str
) -> tuple[list[Beside], str]:
    """Compare the run with its baselines; without them the metrics are shown, and why."""
    photos = result.photo_numbers(split)
    try:
        dataset = read_dataset(workspace, result.dataset_id)
        answers = predict_baselines(workspace, run, result, dataset, split)
    except PetalscopeError as error:
        return [], error.problem
    predictions = result.scores[photos].argmax(axis=1)
    return compare_baselines(result.labels[photos], predictions, answers, result.classes), ""


def _document(found: _Evaluated, result: RunResult, matrix: np.ndarray) -> dict[str, Any]:
    return {
        "run": found.run.id,
        "dataset": result.dataset_id,
        "split": found.split,
        "best_epoch": result.best_epoch,
        **vars(found.evaluation),
        "figures": found.figures,
        "areas": {name: getattr(found.ranking, name) for name in ("macro", "micro", "per_class")},
        "baselines": [_document_beside(beside) for beside in found.besides],
        "test_openings": len(found.openings),
        "warning": found.warning,
        "cross_validation": found.left_out and vars(found.left_out),
        "most_confused": found.pairs,
        "confusion": {"rows": "true", "columns": "predicted", "counts": matrix},
    }


def _document_beside(beside: Beside) -> dict[str, Any]:
    return {
        "name": beside.name,
        "accuracy": beside.accuracy,
        "difference": beside.compared.difference,
        "difference_low": beside.interval[0],
        "difference_high": beside.interval[1],
        "p_value": beside.compared.p_value,
        "p_value_adjusted": beside.p_value,
        "verdict": beside.compared.judge(beside.p_value),
    }


def _describe(found: _Evaluated) -> str:
    """Describe all of it in paragraphs."""
    parts = [
        f"{found.run.name} · {found.run.id} · {found.split} split · epoch {found.run.best_epoch}",
        _describe_headline(found.evaluation),
        f"Warning: {found.warning}" if found.warning else "",
        found.unfit,
        _describe_left_out(found.left_out) if found.left_out and found.split != "train" else "",
        _describe_figures(found),
        _describe_classes(found),
        _describe_pairs(found.pairs),
        _describe_baselines(found),
        describe_openings(found.openings),
    ]
    return "\n\n".join(part for part in parts if part)


def _describe_headline(evaluation: Evaluation) -> str:
    n = evaluation.n
    top_k = f"top-{evaluation.top_k} {percent(evaluation.top_k_accuracy, n)}; "
    return (
        f"accuracy {percent(evaluation.accuracy, n)}, "
        f"{interval(evaluation.accuracy_low, evaluation.accuracy_high, n)}; "
        f"{'' if evaluation.top_k == 1 else top_k}loss {evaluation.loss:.3f}"
    )


def _describe_figures(found: _Evaluated) -> str:
    figures, ranking = found.figures, found.ranking
    shares = [("balanced (mean per class)", figures["balanced_accuracy"])]
    shares += [
        (f"{kind} {'F1' if name == 'f1' else name}", figures[f"{kind}_{name}"])
        for kind in ("macro", "weighted")
        for name in AVERAGED
    ]
    shares += [
        ("ROC area, macro", ranking.macro["roc"]),
        ("ROC area, micro", ranking.micro["roc"]),
        ("precision-recall area, macro", ranking.macro["precision_recall"]),
        ("precision-recall area, micro", ranking.micro["precision_recall"]),
    ]
    rows = [(name, *_say_share(estimate)) for name, estimate in shares]
    numbers = (("Cohen's kappa", "cohen_kappa"), ("Matthews", "matthews"), ("loss", "loss"))
    rows += [(label, *_say_number(figures[name])) for label, name in numbers]
    return format_table(("over all classes", "value", "95 % interval", "by"), rows)


def _say_share(estimate: Estimate) -> tuple[str, str, str]:
    n = estimate.n
    if math.isnan(estimate.low):
        return percent(estimate.value, n), "–", estimate.reason
    ends = f"{percent(estimate.low, n)} to {percent(estimate.high, n)}"
    return percent(estimate.value, n), ends, estimate.method


def _say_number(estimate: Estimate) -> tuple[str, str, str]:
    value = "–" if math.isnan(estimate.value) else f"{estimate.value:.3f}"
    if math.isnan(estimate.low):
        return value, "–", estimate.reason
    return value, f"{estimate.low:.3f} to {estimate.high:.3f}", estimate.method


def _describe_classes(found: _Evaluated) -> str:
    areas = found.ranking.per_class["roc_auc"]
    left_out = found.left_out if found.split == "validation" else None
    table = replace_recalls(found.evaluation.per_class, left_out)
    rows = [
        (
            row["class"],
            f"{row['support']:,}",
            percent(row["precision"], row["predicted"]),
            percent(row["recall"], row["recall_n"] or row["support"])
            + " *" * (row["recall_n"] > 0),
            percent(row["f1"], row["support"]),
            percent(area, found.evaluation.n),
        )
        for row, area in zip(table.to_dict("records"), areas, strict=True)
    ]
    said = f"\n*: cross-validated, as {FEW} photos or fewer tell no recall"
    headings = ("class", "photos", "precision", "recall", "F1", "ROC area")
    return format_table(headings, rows) + said * bool((table["recall_n"] > 0).any())


def _describe_left_out(found: CrossValidation) -> str:
    rows = [
        (
            row["class"],
            f"{row['support']:,}",
            percent(row["recall"], row["support"]),
            f"{percent(row['recall_low'], row['support'])} to "
            f"{percent(row['recall_high'], row['support'])}",
        )
        for row in found.per_class.to_dict("records")
    ]
    headings = ("class", "photos", "recall, cross-validated", "95 % interval")
    return f"{found.figure}: {found.method}\n{format_table(headings, rows)}"


def _describe_pairs(pairs: pd.DataFrame) -> str:
    if pairs.empty:
        return "No photo was confused."
    rows = [
        (
            row["true"],
            row["predicted"],
            f"{row['count']:,}",
            percent(row["row_share"], row["support"]),
        )
        for row in pairs.to_dict("records")
    ]
    table = format_table(("true", "predicted", "photos", "of the class"), rows)
    return f"Most confused\n{table}"


def _describe_baselines(found: _Evaluated) -> str:
    if not found.besides:
        return f"Baselines could not be asked: {found.problem}"
    n = found.evaluation.n
    rows = [
        (
            NAMES[beside.name],
            percent(beside.accuracy.value, n),
            f"{percent(beside.accuracy.low, n)} to {percent(beside.accuracy.high, n)}",
        )
        for beside in found.besides
    ]
    # A run learnt from its train photos; the rules never see the photo itself: no fair question.
    judged = describe_worth(found.besides) if found.split != "train" else []
    said = [f"{worth.verdict} {worth.facts}" for worth in judged]
    table = format_table(("baseline", "accuracy", "95 % interval"), rows)
    return "\n".join([table, *said])
