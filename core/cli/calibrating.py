"""`calibrate`: when a run should answer, chosen on its validation photos, and kept on request."""

from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.cli.choosing import RUN, choose_run
from core.cli.command import command, flag, number, option
from core.cli.outcome import Outcome, ProgressLine, pick
from core.errors import FeaturesMissing
from core.evaluation.calibration import cross_fit_scores, measure_calibration, temper_scores
from core.evaluation.coverage import measure_point, measure_separation
from core.formats import count, interval, moment, percent
from core.prediction.choosing import (
    RunDistances,
    find_limit_of_run,
    find_rule,
    read_distances,
    suggest_rule,
)
from core.prediction.deciding import (
    DecisionRule,
    choose_answers,
    delete_rule,
    describe_rule,
    is_rule_stale,
    save_rule,
)
from core.prediction.predictor import open_predictor
from core.prediction.rules import answer_drawn, answer_photos
from core.runs.result import RunResult, read_result
from core.workspace import Workspace
from data.unlike import read_own_photos


@command(
    RUN,
    option(
        "--right SHARE",
        "of the validation answers, so many should be right",
        number(float, 0, 1),
        default=0.95,
    ),
    option("--threshold SCORE", "answer from this score on instead, 0 to 1", float),
    option(
        "--unlike FOLDER", "photos that show none of the classes: how many would be refused", Path
    ),
    flag("--keep", "keep the rule with the run"),
    flag("--forget", "forget the rule, the default one too: every photo is answered"),
)
def calibrate(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Choose when a run should answer on its validation photos; keep that on request."""
    record = choose_run(workspace, given.run)
    if given.forget:
        delete_rule(workspace, record.id)
        return Outcome(f"{record.name} answers every photo from now on.", {"run": record.id})
    result = read_result(workspace, record.id)
    known, problem, limit, judged = None, "", None, 0
    try:
        known = read_distances(workspace, record.id, result)
    except FeaturesMissing as error:
        problem = f"{error.problem} {error.remedy}"
    else:
        limit, judged = find_limit_of_run(workspace, record.id, result)
    rule = suggest_rule(result, limit, given.right)
    if given.threshold is not None:
        rule = replace(rule, threshold=given.threshold)
    document: dict[str, Any] = {"run": record.id, "kept": given.keep, "rule": rule}
    lines = [f"{record.name} · {record.id} · chosen on {count(rule.n, 'validation photo')}"]
    said, document["validation"] = _judge_scores(result, rule)
    lines += said
    if known is None:
        lines.append(problem)
    elif rule.unlike_limit is None:
        lines.append(f"no limit of distance: {count(judged, 'photo')} are too few")
    else:
        said, document["unlike"] = _judge_unlike(workspace, record.id, known, rule, given.unlike)
        lines += said
    lines.append(_say_kept(workspace, record.id, result, keep=given.keep))
    if given.keep:
        save_rule(workspace, record.id, rule)
    return Outcome("\n".join(lines), document)


def _judge_scores(result: RunResult, rule: DecisionRule) -> tuple[list[str], dict[str, Any]]:
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
    answers, answered = choose_answers(rule, tempered, result.classes)
    point = measure_point(answered, answers == labels)
    document = pick(point, "n", "answered", "wrong")
    document["accuracy_of_answers"] = point.accuracy if (n := point.answered) else None
    ends = interval(point.accuracy_low, point.accuracy_high, n)
    right = f"{percent(point.accuracy, n)} right, {ends}" if n else "none"
    how = f"answers from {percent(rule.threshold, 100)} on"
    lines.append(f"{how}: {n:,} of {point.n:,}, {right}")
    return lines, document


def _judge_unlike(
    workspace: Workspace, run_id: str, known: RunDistances, rule: DecisionRule, folder: Path | None
) -> tuple[list[str], dict[str, Any]]:
    predictor = open_predictor(workspace, run_id)
    sets = {"drawn": answer_drawn(workspace, run_id, predictor, known.model).distances}
    problems: list[str] = []
    if folder is not None:
        folder = folder.expanduser()
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        contents = ((path.name, path.read_bytes()) for path in files)
        own = read_own_photos(contents, predictor.backbone_facts.framing)
        problems = [f"  {name}: {problem}" for name, problem in own.refused.items()]
        if own.names:
            answers = answer_photos(predictor, known.model, own.photos, own.names)
            sets[folder.name] = answers.distances
        else:
            problems.append(f"  {folder}: no photo that can be read")
    validation = read_result(workspace, run_id).photo_numbers("validation")
    like, limit = known.distances[validation], rule.unlike_limit
    lines = [f"refuses photos farther than {limit:,.2f}, which keeps 95 % of those that chose it"]
    document = {}
    for name, distances in sets.items():
        separation = measure_separation(like, distances)
        refused = float(np.mean(distances > limit)) if len(distances) else float("nan")
        lines.append(
            f"  {name}: {percent(refused, len(distances))} of {len(distances):,} refused, area "
            f"under the ROC {separation.area:.3f} ({separation.area_low:.3f} to "
            f"{separation.area_high:.3f})"
        )
        document[name] = {"refused": refused, **asdict(separation)}
    return lines + problems, document


def _say_kept(workspace: Workspace, run_id: str, result: RunResult, *, keep: bool) -> str:
    if keep:
        return "Kept with the run: prediction answers by it from now on."
    stands = find_rule(workspace, run_id, result)
    if stands is not None and not stands.is_default:
        return f"Another rule is kept since {moment(stands.made)}; --keep replaces it."
    said = f"Until --keep keeps this one: {describe_rule(stands)}"
    if is_rule_stale(workspace, run_id):
        return f"The rule that is kept was made for another result and is not used. {said}"
    return said
