"""What `evaluate` prints for people."""

import math
from dataclasses import dataclass

import pandas as pd

from core.cli.openings import describe_openings
from core.cli.tables import format_table
from core.evaluation.agreement import AVERAGED
from core.evaluation.baselines import NAMES, Beside, describe_worth
from core.evaluation.intervals import Estimate
from core.evaluation.metrics import Evaluation
from core.evaluation.ranking import Ranking
from core.formats import interval, percent
from core.runs.store import RunRecord
from core.runs.test_views import Opening


@dataclass(frozen=True, kw_only=True)
class Evaluated:
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


def describe_evaluation(found: Evaluated) -> str:
    """Returns the whole answer, in paragraphs."""
    parts = [
        f"{found.run.name} · {found.run.id} · {found.split} split · epoch {found.run.best_epoch}",
        _describe_headline(found.evaluation),
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


def _describe_figures(found: Evaluated) -> str:
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
        return percent(estimate.value, n), "–", ""
    ends = f"{percent(estimate.low, n)} to {percent(estimate.high, n)}"
    return percent(estimate.value, n), ends, estimate.method


def _say_number(estimate: Estimate) -> tuple[str, str, str]:
    value = "–" if math.isnan(estimate.value) else f"{estimate.value:.3f}"
    if math.isnan(estimate.low):
        return value, "–", ""
    return value, f"{estimate.low:.3f} to {estimate.high:.3f}", estimate.method


def _describe_classes(found: Evaluated) -> str:
    areas = found.ranking.per_class["roc_auc"]
    rows = [
        (
            row["class"],
            f"{row['support']:,}",
            percent(row["precision"], row["predicted"]),
            percent(row["recall"], row["support"]),
            percent(row["f1"], row["support"]),
            percent(area, found.evaluation.n),
        )
        for row, area in zip(found.evaluation.per_class.to_dict("records"), areas, strict=True)
    ]
    return format_table(("class", "photos", "precision", "recall", "F1", "ROC area"), rows)


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


def _describe_baselines(found: Evaluated) -> str:
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
