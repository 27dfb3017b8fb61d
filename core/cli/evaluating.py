"""`evaluate`: how good a run is on a split."""

import math
from argparse import Namespace
from typing import Any

import pandas as pd

from core.cli.choosing import RUN, SPLIT, choose_run, count_opening, describe_openings
from core.cli.command import command
from core.cli.outcome import Outcome, ProgressLine, format_table, pick
from core.errors import PetalscopeError, RunUnfinished
from core.evaluation.agreement import AVERAGED, estimate_agreement
from core.evaluation.baselines import NAMES, Beside, describe_worth
from core.evaluation.confusion import count_confusions, most_confused_pairs
from core.evaluation.intervals import Estimate
from core.evaluation.metrics import Evaluation, evaluate_scores
from core.evaluation.ranking import Kind, Ranking, rank_classes
from core.exact.left_out import METHOD, LeftOut, leave_out
from core.formats import interval, percent, span
from core.prediction.nearest import compare_with_baselines
from core.runs.result import RunResult, read_result
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.manifest import read_dataset

_PAIRS = 10
_AREAS: dict[Kind, str] = {"roc": "ROC", "precision_recall": "precision-recall"}


@command(RUN, SPLIT)
def evaluate(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Evaluate a run on one split."""
    run, split = choose_run(workspace, given.run), given.split
    result = read_result(workspace, run.id)
    photos = result.photo_numbers(split)
    if not len(photos):
        raise RunUnfinished(
            f"{run.name} has no photos in its {split} split.", "Choose another split."
        )
    labels, scores = result.labels[photos], result.scores[photos]
    matrix = count_confusions(labels, scores.argmax(axis=1), len(result.classes))
    besides, problem = _ask_baselines(workspace, run, result, split)
    found = evaluate_scores(scores, labels, result.classes)
    figures = estimate_agreement(scores, labels, result.classes)
    ranking = rank_classes(scores, labels, result.classes)
    pairs = most_confused_pairs(matrix, result.classes, top=_PAIRS)
    openings = count_opening(workspace, run, split)
    warning = "" if split == "train" else result.warn_of_few(split)
    tuned, few = run.recipe.trained_stages > 0, warning and split == "validation"
    left_out = leave_out(workspace, result, tuned=tuned) if few else None
    parts = [
        f"{run.name} · {run.id} · {split} split · epoch {run.best_epoch}",
        _describe_headline(found),
        f"Warning: {warning}" if warning else "",
        _describe_left_out(left_out) if left_out else "",
        _describe_figures(figures, ranking),
        _describe_classes(found, ranking),
        _describe_pairs(pairs),
        _describe_baselines(besides, found.n, split) or f"Baselines could not be asked: {problem}",
        describe_openings(openings),
    ]
    document = {"run": run.id, "dataset": result.dataset_id, "split": split}
    document |= {"best_epoch": result.best_epoch, **vars(found), "figures": figures}
    document |= {"areas": pick(ranking, "macro", "micro", "per_class")}
    document |= {"baselines": [_document_beside(one) for one in besides]}
    document |= {"test_openings": len(openings), "warning": warning}
    document |= {"leave_one_out": left_out and vars(left_out), "most_confused": pairs}
    document |= {"confusion": {"rows": "true", "columns": "predicted", "counts": matrix}}
    return Outcome("\n\n".join(filter(None, parts)), document)


def _ask_baselines(
    workspace: Workspace, run: RunRecord, result: RunResult, split: str
) -> tuple[list[Beside], str]:
    """Compare the run with its baselines; without them the metrics are shown, and why."""
    try:
        dataset = read_dataset(workspace, result.dataset_id)
        return compare_with_baselines(workspace, run, result, dataset, split), ""
    except PetalscopeError as error:
        return [], error.problem


def _document_beside(beside: Beside) -> dict[str, Any]:
    low, high = beside.interval
    return {
        **pick(beside, "name", "accuracy"),
        "difference": beside.compared.difference,
        "difference_low": low,
        "difference_high": high,
        "p_value": beside.compared.p_value,
        "p_value_adjusted": beside.p_value,
        "verdict": beside.compared.judge(beside.p_value),
    }


def _describe_headline(evaluation: Evaluation) -> str:
    n = evaluation.n
    top_k = f"top-{evaluation.top_k} {percent(evaluation.top_k_accuracy, n)}; "
    return (
        f"accuracy {percent(evaluation.accuracy, n)}, "
        f"{interval(evaluation.accuracy_low, evaluation.accuracy_high, n)}; "
        f"{'' if evaluation.top_k == 1 else top_k}loss {evaluation.loss:.3f}"
    )


def _describe_figures(figures: dict[str, Estimate], ranking: Ranking) -> str:
    shares = {"balanced (mean per class)": figures["balanced_accuracy"]}
    for kind in ("macro", "weighted"):
        for name in AVERAGED:
            shares[f"{kind} {'F1' if name == 'f1' else name}"] = figures[f"{kind}_{name}"]
    for area, words in _AREAS.items():
        shares[f"{words} area, macro"] = ranking.macro[area]
        shares[f"{words} area, micro"] = ranking.micro[area]
    rows = [(name, *_say_share(estimate)) for name, estimate in shares.items()]
    numbers = {"Cohen's kappa": "cohen_kappa", "Matthews": "matthews", "loss": "loss"}
    rows += [(label, *_say_number(figures[name])) for label, name in numbers.items()]
    return format_table(("over all classes", "value", "95 % interval", "by"), rows)


def _say_share(one: Estimate) -> tuple[str, str, str]:
    known = not math.isnan(one.low)
    ends = (span(one.low, one.high, one.n), one.method) if known else ("–", one.reason)
    return percent(one.value, one.n), *ends


def _say_number(one: Estimate) -> tuple[str, str, str]:
    known = not math.isnan(one.low)
    ends = (f"{one.low:.3f} to {one.high:.3f}", one.method) if known else ("–", one.reason)
    return "–" if math.isnan(one.value) else f"{one.value:.3f}", *ends


def _describe_classes(found: Evaluation, ranking: Ranking) -> str:
    rows = [
        (
            row["class"],
            row["support"],
            percent(row["precision"], row["predicted"]),
            percent(row["recall"], row["support"]),
            percent(row["f1"], row["support"]),
            percent(area, found.n),
        )
        for row, area in zip(
            found.per_class.to_dict("records"), ranking.per_class["roc_auc"], strict=True
        )
    ]
    headings = ("class", "photos", "precision", "recall", "F1", "ROC area")
    return format_table(headings, rows)


def _describe_left_out(found: LeftOut) -> str:
    rows = [
        (name, n, percent(recall, n), span(low, high, n))
        for name, n, recall, low, high in found.per_class.itertuples(index=False)
    ]
    headings = ("class", "photos", "leave-one-out recall", "95 % interval")
    return f"{found.figure}. {METHOD}\n{format_table(headings, rows)}"


def _describe_pairs(pairs: pd.DataFrame) -> str:
    if pairs.empty:
        return "No photo was confused."
    rows = [
        (true, predicted, photos, percent(share, support))
        for true, predicted, photos, share, support in pairs.itertuples(index=False)
    ]
    table = format_table(("true", "predicted", "photos", "of the class"), rows)
    return f"Most confused\n{table}"


def _describe_baselines(besides: list[Beside], n: int, split: str) -> str:
    """Describe the baselines; "" where they could not be asked."""
    if not besides:
        return ""
    rows = [
        (
            NAMES[one.name],
            percent(one.accuracy.value, n),
            span(one.accuracy.low, one.accuracy.high, n),
        )
        for one in besides
    ]
    # A run learnt from its train photos; the rules never see the photo itself: no fair question.
    judged = describe_worth(besides) if split != "train" else []
    table = format_table(("baseline", "accuracy", "95 % interval"), rows)
    return "\n".join([table, *(f"{worth.verdict} {worth.facts}" for worth in judged)])
