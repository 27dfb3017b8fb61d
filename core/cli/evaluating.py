"""`evaluate`: the accuracy of a run on a split, with intervals and baselines."""

from argparse import Namespace
from typing import Any

import numpy as np

from core.cli.choosing import RUN, SPLIT, WHO
from core.cli.command import command
from core.cli.outcome import Outcome, ProgressLine, format_table, pick
from core.errors import PetalscopeError, RunUnfinished
from core.evaluation.agreement import estimate_agreement
from core.evaluation.baselines import Beside, describe_worth
from core.evaluation.confusion import count_confusions, most_confused_pairs
from core.evaluation.metrics import evaluate_scores
from core.evaluation.ranking import rank_classes
from core.exact.left_out import METHOD, describe_left_out, leave_out
from core.formats import interval, percent
from core.prediction.deciding import say_answers
from core.prediction.nearest import compare_with_baselines
from core.prediction.rules import find_rule, measure_rule
from core.reporting import tables
from core.runs.choosing import choose_run, count_opening, describe_openings
from core.runs.result import RunResult, read_result
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.manifest import read_dataset

_PAIRS = 10
_FIGURES = ("over all classes", "value", "95 % interval", "method")
_CLASSES = ("class", "photos", "predicted", *("precision", "95 %", "recall", "95 %", "F1", "95 %"))
_PAIRED = ("true", "predicted", "photos", "share of the class", "n")
_BASELINES = ("baseline", "accuracy", "95 % interval", "the run, compared with it", "p")


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
    baselines, problem = _compare(workspace, run, result, split)
    openings = count_opening(workspace, run, split, WHO)
    warning = "" if split == "train" else result.warn_of_few(split)
    few = warning and split == "validation"
    tuned = run.recipe.trained_stages > 0 or run.recipe.is_added
    left_out = leave_out(workspace, result, tuned=tuned) if few else None
    document: dict[str, Any] = {"run": run.id, "dataset": result.dataset_id, "split": split}
    document |= {"best_epoch": result.best_epoch, **_measure(result, photos)}
    document |= {"baselines": [_describe_baseline(one) for one in baselines]}
    document |= {"test_openings": len(openings), "warning": warning}
    document |= {"leave_one_out": left_out and {"accuracy": left_out}}
    point = measure_rule(workspace, run.id, result, find_rule(workspace, run.id, result))
    document |= {"answers": point._asdict()}
    # On training photos the comparison is unfair: the run learned from them, the baselines did not.
    judged = describe_worth(baselines) if baselines and split != "train" else []
    parts = [
        " · ".join(filter(None, (run.name, run.id, f"{split} split", run.epoch_words))),
        *_describe(document),
        f"{describe_left_out(left_out)}. {METHOD}" if left_out else "",
        format_table(_BASELINES, tables.tabulate_baselines(baselines)) if baselines else "",
        *(f"{worth.verdict} {worth.facts}" for worth in judged),
        f"No baselines: {problem}" if problem else "",
        say_answers(point) if result.scored != "none" else "",
        describe_openings(openings),
    ]
    return Outcome(document, parts)


def _measure(result: RunResult, photos: np.ndarray) -> dict[str, Any]:
    """Return the figures of some photos, (m,) int, and their confusions."""
    labels, scores, classes = result.labels[photos], result.scores[photos], result.classes
    matrix = count_confusions(labels, scores.argmax(axis=1), len(classes))
    areas = rank_classes(scores, labels, classes) if result.scored == "all" else None
    return {
        **result.drop_unknown(vars(evaluate_scores(scores, labels, classes))),
        "figures": result.drop_unknown(estimate_agreement(scores, labels, classes)),
        "areas": areas and pick(areas, "macro", "micro", "per_class"),
        "most_confused": most_confused_pairs(matrix, classes, top=_PAIRS),
        "confusion": {"rows": "true", "columns": "predicted", "counts": matrix},
    }


def _describe(found: dict[str, Any]) -> list[str]:
    n, figures, pairs = found["n"], found["figures"], found["most_confused"]
    for kind in ("macro", "micro") if found["areas"] else ():
        figures = figures | {f"ROC area, {kind}": found["areas"][kind]["roc"]}
    accuracy = interval(found["accuracy_low"], found["accuracy_high"], n)
    return [
        f"accuracy {percent(found['accuracy'], n)}, {accuracy}",
        f"Warning: {found['warning']}" if found["warning"] else "",
        format_table(_FIGURES, tables.tabulate_figures(figures, found["top_k"])),
        format_table(_CLASSES, tables.tabulate_classes(found["per_class"])),
        format_table(_PAIRED, tables.tabulate_pairs(pairs))
        if len(pairs)
        else "No photo was confused.",
    ]


def _compare(
    workspace: Workspace, run: RunRecord, result: RunResult, split: str
) -> tuple[list[Beside], str]:
    """Return the comparison with baselines, or the problem that prevents it."""
    try:
        dataset = read_dataset(workspace, result.dataset_id)
        return compare_with_baselines(workspace, run, result, dataset, split), ""
    except PetalscopeError as error:
        return [], error.problem


def _describe_baseline(beside: Beside) -> dict[str, Any]:
    """Return a baseline as JSON output shows it."""
    low, high = beside.compared.interval
    return {
        **pick(beside, "name", "accuracy"),
        "difference": beside.compared.difference,
        "difference_low": low,
        "difference_high": high,
        "p_value": beside.compared.p_value,
        "p_value_adjusted": beside.p_value,
        "verdict": beside.compared.judge(beside.p_value),
    }
