"""`compare`: in what runs differ, and whether the difference is real."""

from argparse import Namespace
from typing import Any

from core.cli.choosing import RUN_HELP, SPLIT, choose_run, count_opening
from core.cli.command import command, option
from core.cli.outcome import Outcome, ProgressLine, format_table
from core.errors import RecipeRefused, RunUnfinished
from core.evaluation.comparison import (
    Comparison,
    adjust_holm,
    compare_predictions,
    describe_verdict,
)
from core.formats import percent, say_p
from core.runs.common_photos import CommonPhotos, describe_left_out, find_common, match_results
from core.runs.recipe.words import Difference, list_differences
from core.runs.result import read_result
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.manifest import read_dataset

_COUNTS = ("gained", "lost", "both_right", "both_wrong")


@command(
    option("baseline", RUN_HELP),
    option("runs RUN", "compared with the baseline", nargs="+"),
    SPLIT,
)
def compare(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Compare runs with a baseline: what they gained and lost, and whether that is real."""
    chosen = [choose_run(workspace, text) for text in (given.baseline, *given.runs)]
    if len({one.id for one in chosen}) < len(chosen):
        raise RecipeRefused(
            "A run cannot be compared with itself.", "Name runs of different recipes."
        )
    baseline, *others = chosen
    compared = [_compare(workspace, baseline, one, given.split) for one in others]
    openings = {one.id: len(count_opening(workspace, one, given.split)) for one in chosen}
    differences = list_differences([one.recipe for one in chosen])
    p_values = adjust_holm([comparison.p_value for _, comparison in compared]).tolist()
    parts, rows = [_describe_recipes(chosen, differences)], []
    for one, (common, comparison), p_value in zip(others, compared, p_values, strict=True):
        parts.append(_describe(f"{baseline.name} → {one.name}", common, comparison, p_value))
        rows.append(_document(one, common, comparison, p_value))
    if len(others) > 1:
        adjusted = ", ".join(f"{p_value:.2g}" for p_value in p_values)
        parts.append(f"p, adjusted for {len(others)} comparisons (Holm): {adjusted}")
    return Outcome(
        "\n\n".join(parts),
        {
            "split": given.split,
            "baseline": baseline.id,
            "test_openings": openings,
            "recipe_differences": [
                {"setting": one.setting, "values": one.values} for one in differences
            ],
            "compared": rows,
        },
    )


def _compare(
    workspace: Workspace, baseline: RunRecord, other: RunRecord, split: str
) -> tuple[CommonPhotos, Comparison]:
    a, b = read_result(workspace, baseline.id), read_result(workspace, other.id)
    same = a.dataset_id == b.dataset_id
    datasets = (
        (None, None) if same else tuple(read_dataset(workspace, r.dataset_id) for r in (a, b))
    )
    matched = match_results(a, b, *datasets)
    common = find_common(a, b, matched, split)
    if not len(common):
        raise RunUnfinished(
            f"{baseline.name} and {other.name} have no {split} photo in common.",
            "Choose another split, or runs on versions of one dataset.",
        )
    answers = (common.labels, common.predictions_a, common.predictions_b)
    return common, compare_predictions(*answers, common.classes)


def _document(
    other: RunRecord, common: CommonPhotos, compared: Comparison, p_adjusted: float
) -> dict[str, Any]:
    return {
        "run": other.id,
        "n": compared.n,
        "accuracy_baseline": compared.accuracy_a,
        "accuracy": compared.accuracy_b,
        "difference": compared.difference,
        "difference_low": compared.adjust_interval(p_adjusted)[0],
        "difference_high": compared.adjust_interval(p_adjusted)[1],
        **{name: getattr(compared, name) for name in _COUNTS},
        "p_value": compared.p_value,
        "p_value_adjusted": p_adjusted,
        "photos_needed": compared.photos_needed,
        "verdict": compared.judge(p_adjusted),
        "left_out": {
            name: getattr(common, name) for name in ("elsewhere", "missing", "relabelled")
        },
        "per_class": compared.per_class,
    }


def _describe_recipes(chosen: list[RunRecord], differences: list[Difference]) -> str:
    if not differences:
        return "The recipes do not differ."
    headings = ("setting", *(one.name for one in chosen))
    return format_table(headings, [(one.setting, *one.values) for one in differences])


def _describe(names: str, common: CommonPhotos, compared: Comparison, p_value: float) -> str:
    n = compared.n
    accuracies = f"{percent(compared.accuracy_a, n)} → {percent(compared.accuracy_b, n)}"
    lines = [
        f"{names} · {common.split} split · n = {n:,}",
        f"accuracy {accuracies}; {compared.gained:,} gained, {compared.lost:,} lost",
        describe_verdict(compared, p_value),
        describe_left_out(common),
    ]
    if compared.gained + compared.lost:
        low, high = compared.adjust_interval(p_value)
        lines[1] += (
            f"; difference {100 * compared.difference:+.1f} points, "
            f"95 % interval {100 * low:+.1f} to {100 * high:+.1f}, {say_p(compared.p_value)}"
        )
    changed = compared.per_class[compared.per_class[["gained", "lost"]].sum(axis=1) > 0]
    rows = [
        [row["class"], f"{row['support']:,}", f"{row['gained']:,}", f"{row['lost']:,}"]
        for row in changed.sort_values("difference", kind="stable").to_dict("records")
    ]
    if rows:
        lines.append(format_table(("class", "photos", "gained", "lost"), rows))
    return "\n".join(line for line in lines if line)
