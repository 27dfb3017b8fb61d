"""`calibrate`: when a run should answer, chosen on its validation photos, and kept on request."""

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.cli.choosing import RUN_HELP, choose_run
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.errors import FeaturesMissing
from core.evaluation.calibration import cross_fit_scores, measure_calibration, temper_scores
from core.evaluation.coverage import measure_point, measure_separation
from core.formats import count, interval, moment, percent
from core.prediction.deciding import (
    DecisionRule,
    delete_rule,
    is_rule_stale,
    list_answered,
    read_rule,
    save_rule,
)
from core.prediction.predictor import open_predictor
from core.prediction.rules import (
    RunDistances,
    answer_drawn,
    answer_photos,
    read_distances,
    suggest_rule,
)
from core.runs.result import RunResult, read_result
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.unlike import read_own_photos


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument(
        "--right",
        type=_read_share,
        default=0.95,
        metavar="SHARE",
        help="of the validation answers, so many should be right (default: 0.95)",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="SCORE",
        help="answer from this score on instead, 0 to 1",
    )
    parser.add_argument(
        "--unlike",
        type=Path,
        metavar="FOLDER",
        help="photos that show none of the classes: how many would be refused",
    )
    parser.add_argument("--keep", action="store_true", help="keep the rule with the run")
    parser.add_argument("--forget", action="store_true", help="forget the rule that is kept")


def run(workspace: Workspace, arguments: argparse.Namespace, _progress: ProgressLine) -> Outcome:
    record = choose_run(workspace, arguments.run)
    if arguments.forget:
        delete_rule(workspace, record.id)
        return Outcome(
            text=f"{record.name} answers every photo from now on.", document={"run": record.id}
        )
    result = read_result(workspace, record.id)
    known, problem = _find_distances(workspace, record, result)
    rule = suggest_rule(result, known.distances if known else None, arguments.right)
    if arguments.threshold is not None:
        rule = replace(rule, threshold=arguments.threshold)
    kept = read_rule(workspace, record.id)
    document: dict[str, Any] = {"run": record.id, "kept": arguments.keep, "rule": asdict(rule)}
    lines = [f"{record.name} · {record.id} · chosen on {count(rule.n, 'validation photo')}"]
    lines += _judge_scores(result, rule, document)
    lines += [problem] if problem else []
    if known is not None:
        lines += _judge_unlike(workspace, record, known, rule, arguments.unlike, document)
    if arguments.keep:
        save_rule(workspace, record.id, rule)
    lines.append(_say_kept(workspace, record, kept, keep=arguments.keep))
    return Outcome(text="\n".join(lines), document=document)


def _read_share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return share


def _find_distances(
    workspace: Workspace, record: RunRecord, result: RunResult
) -> tuple[RunDistances | None, str]:
    try:
        return read_distances(workspace, record.id, result), ""
    except FeaturesMissing as error:
        return None, f"{error.problem} {error.remedy}"


def _judge_scores(result: RunResult, rule: DecisionRule, document: dict[str, Any]) -> list[str]:
    photos = result.photo_numbers("validation")
    scores, labels = result.scores[photos], result.labels[photos]
    before = measure_calibration(scores, labels)
    lines = [f"calibration error {100 * before.error:.1f} points, loss {before.loss:.3f}"]
    if rule.temperature != 1:
        after = measure_calibration(cross_fit_scores(scores, labels), labels)
        lines[0] += (
            f"; at temperature {rule.temperature:.2f}, cross-fitted: "
            f"{100 * after.error:.1f} points, {after.loss:.3f}"
        )
    tempered = temper_scores(scores, rule.temperature)
    answered = list_answered(rule, tempered, result.classes)
    point = measure_point(answered, tempered.argmax(axis=1) == labels)
    document["validation"] = {
        "n": point.n,
        "answered": point.answered,
        "wrong": point.wrong,
        "accuracy_of_answers": point.accuracy if point.answered else None,
    }
    lines.append(
        f"answers from {percent(rule.threshold, 100)} on: {point.answered:,} of {point.n:,}, "
        + (
            f"{percent(point.accuracy, point.answered)} right, "
            f"{interval(point.accuracy_low, point.accuracy_high, point.answered)}"
            if point.answered
            else "none"
        )
    )
    return lines


def _judge_unlike(
    workspace: Workspace,
    record: RunRecord,
    known: RunDistances,
    rule: DecisionRule,
    folder: Path | None,
    document: dict[str, Any],
) -> list[str]:
    if rule.unlike_limit is None:
        return [f"no limit of distance: {count(rule.n, 'validation photo')} are too few"]
    predictor = open_predictor(workspace, record.id)
    sets = {"drawn": answer_drawn(workspace, record.id, predictor, known.model).distances}
    refused: list[str] = []
    if folder is not None:
        folder = folder.expanduser()
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        own = read_own_photos((path.name, path.read_bytes()) for path in files)
        refused = [f"  {name}: {problem}" for name, problem in own.refused.items()]
        if own.names:
            answers = answer_photos(predictor, known.model, own.photos, own.names)
            sets[folder.name] = answers.distances
        else:
            refused.append(f"  {folder}: no photo that can be read")
    result = read_result(workspace, record.id)
    like = known.distances[result.photo_numbers("validation")]
    lines = [f"refuses photos farther than {rule.unlike_limit:.2f}, which keeps 95 % of validation"]
    for name, distances in sets.items():
        separation = measure_separation(like, distances)
        found = float(np.mean(distances > rule.unlike_limit)) if len(distances) else float("nan")
        lines.append(
            f"  {name}: {percent(found, len(distances))} of {len(distances):,} refused, area under "
            f"the ROC {separation.area:.3f} ({separation.area_low:.3f} to "
            f"{separation.area_high:.3f})"
        )
        document.setdefault("unlike", {})[name] = {"refused": found, **asdict(separation)}
    return lines + refused


def _say_kept(
    workspace: Workspace, record: RunRecord, kept: DecisionRule | None, *, keep: bool
) -> str:
    if keep:
        return "Kept with the run: prediction answers by it from now on."
    if kept is not None:
        return f"Another rule is kept since {moment(kept.made)}; --keep replaces it."
    if is_rule_stale(workspace, record.id):
        return "The rule that is kept was made for another result and is not used."
    return "Nothing is kept: the run answers every photo. --keep keeps this rule."
