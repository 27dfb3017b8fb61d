"""The rule of a model: answer, “I am not sure”, or “unlike all training photos”.

A saved rule is in runs/<id>/decision.json, tied to the digest of the result; without one, the
default rule of core.prediction.rules is used. A registered version has its rule frozen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter

from core.errors import RuleRefused, RunUnfinished
from core.evaluation.calibration import temper_scores
from core.evaluation.coverage import FEWEST_TO_LIMIT, OperatingPoint, measure_point
from core.evaluation.intervals import wilson_interval
from core.formats import count, interval, percent
from core.prediction.unlike import UNLIKE_VERSION
from core.runs.result import digest_result
from core.runs.run_files import read_json
from core.workspace import Workspace, write_json


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """A registered version: a model and its rule."""

    number: int
    digest: str
    """SHA-256 over all that decides its answers."""
    run_id: str
    dataset_id: str
    name: str
    facts: Mapping[str, Any]
    """See `core.registry.files.digest_facts`; empty where the row cannot be read."""
    who: str
    created: datetime

    @property
    def label(self) -> str:
        """Its name: “v3”."""
        return f"v{self.number}"

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.facts.get("classes", ()))

    @property
    def judged(self) -> tuple[int, int]:
        """Correct validation photos of its run, and all of them."""
        judged = self.facts.get("validation", {})
        return judged.get("right", 0), judged.get("n", 0)

    @property
    def rule(self) -> "DecisionRule | None":
        """Its rule; None: it answers every photo. KeyError, TypeError or ValueError if altered."""
        kept = self.facts.get("rule")
        if kept is None:
            return None
        is_default = bool(self.facts.get("rule_is_default"))
        given = {**kept, "made": self.facts["rule_made"], "is_default": is_default}
        return _RULE.validate_python(given)  # ignores fields of older versions


RULE_FILE = "decision.json"
_VERSION = 1
TOP = 5
"""Classes in an answer."""

Kind = Literal["answer", "unsure", "unlike"]


@dataclass(frozen=True, kw_only=True)
class DecisionRule:
    """When a model answers."""

    temperature: float = 1.0
    """Divides the log-scores; 1 leaves them as they are."""
    threshold: float = 0.0
    """Least calibrated score for an answer, in [0, 1]."""
    class_thresholds: Mapping[str, float] = field(default_factory=dict)
    """Class name → threshold, where it differs; only in rules of earlier versions."""
    unlike_limit: float | None = None
    """Distance above which a photo is unlike the training photos; None: no limit."""
    n: int = 0
    is_default: bool = False
    """Whether it was chosen automatically; else a person saved it."""
    made: datetime = field(default_factory=lambda: datetime.now(UTC))

    def threshold_of(self, class_name: str) -> float:
        """Return the threshold for this class."""
        return self.class_thresholds.get(class_name, self.threshold)


_RULE = TypeAdapter(DecisionRule)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The answer for one photo, by the rule of a model or without one."""

    kind: Kind
    """“answer” without a rule."""
    top: list[tuple[str, float]]
    """The 5 best classes (or all) and their scores, best first; calibrated by a rule."""
    threshold: float | None = None
    """The score that the best class must reach; None without a rule."""
    distance: float | None = None
    """From the training photos; None where it was not measured."""
    limit: float | None = None

    @property
    def class_name(self) -> str | None:
        """The class of the answer; None without an answer."""
        return self.top[0][0] if self.kind == "answer" else None


def decide(
    rule: DecisionRule, scores: np.ndarray, classes: Sequence[str], distance: float | None = None
) -> Decision:
    """Return the decision for one photo."""
    tempered = temper_scores(scores[None], rule.temperature)
    top = rank_classes(tempered[0], classes)
    distances = None if distance is None else np.array([distance])
    answered, unlike = judge_photos(rule, tempered, classes, distances)
    return Decision(
        kind="unlike" if unlike[0] else "answer" if answered[0] else "unsure",
        top=top,
        threshold=rule.threshold_of(top[0][0]),
        distance=distance,
        limit=rule.unlike_limit,
    )


def rank_classes(
    scores: np.ndarray, classes: Sequence[str], most: int = TOP
) -> list[tuple[str, float]]:
    """Return the best classes and their scores (k,), best first."""
    best = np.argsort(-scores, kind="stable")[:most]
    return [(classes[number], float(scores[number])) for number in best]


def judge_photos(
    rule: DecisionRule,
    scores: np.ndarray,
    classes: Sequence[str],
    distances: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return which photos are answered, and which are unlike the training photos, (n,) bool each.

    Args:
        scores: (n, k), calibrated.
        distances: (n,) from the training photos; None where they were not measured.
    """
    thresholds = np.array([rule.threshold_of(name) for name in classes])
    sure = scores.max(axis=1, initial=0.0) >= thresholds[scores.argmax(axis=1)]
    unlike = np.zeros(len(scores), dtype=bool)
    if distances is not None and rule.unlike_limit is not None:
        unlike = distances > rule.unlike_limit
    return sure & ~unlike, unlike


def measure_answers(
    rule: DecisionRule | None,
    scores: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    distances: np.ndarray | None,
) -> OperatingPoint:
    """Return the effect of a rule (None: no rule) on photos with scores (n, k) and labels (n,)."""
    rule = rule or DecisionRule()
    tempered = temper_scores(scores, rule.temperature)
    answered, _ = judge_photos(rule, tempered, classes, distances)
    return measure_point(answered, tempered.argmax(axis=1) == labels)


def say_answers(point: OperatingPoint) -> str:
    """Return the share of answered photos, and of correct answers, in words with n."""
    n, answered = point.n, point.answered
    if not n:
        return "Without validation photos, the share of answered photos is unknown."
    ends = interval(*wilson_interval(answered, n), n)
    said = f"This model answers {percent(point.coverage, n)} of photos like yours ({ends})"
    if not answered:
        return f"{said}."
    ends = interval(*wilson_interval(answered - point.wrong, answered), answered)
    return f"{said}, and {percent(point.accuracy, answered)} of these answers are right ({ends})."


def rule_to_facts(rule: DecisionRule) -> dict[str, Any]:
    """Return the numbers of the rule as JSON values."""
    facts = asdict(rule)
    del facts["made"], facts["is_default"]
    return facts


def describe_rule(rule: DecisionRule | None) -> str:
    """Return the rule in words, with n."""
    if rule is None:
        return "Answers every photo, even one of an unknown class: this model has no rule."
    parts = [f"answers when the score is at least {percent(rule.threshold, 100)}"]
    if rule.class_thresholds:
        parts.append(f"{count(len(rule.class_thresholds), 'class')} with another threshold")
    if rule.temperature != 1:
        parts.append(f"scores calibrated at temperature {rule.temperature:.2f}")
    if rule.unlike_limit is not None:
        parts.append(
            f"farther than {rule.unlike_limit:,.2f}, photos count as unlike the training photos"
        )
    sentence = "; ".join(parts)
    few = rule.n < FEWEST_TO_LIMIT
    of_train = ", with training photos for the distance" if few and rule.unlike_limit else ""
    start = f"Default rule: {sentence}" if rule.is_default else sentence[0].upper() + sentence[1:]
    said = f"{count(rule.n, 'validation photo')}{': few' if few else ''}{of_train}"
    return f"{start} (chosen on {said})."


def save_rule(workspace: Workspace, run_id: str, rule: DecisionRule) -> None:
    """Save the rule in the folder of its run.

    Raises:
        RunUnfinished: The run has no result (yet).
        RuleRefused: A number of the rule is not allowed.
    """
    _check(rule)
    content = {
        "version": _VERSION,
        "unlike_version": UNLIKE_VERSION,
        "result": digest_result(workspace, run_id),
        **rule_to_facts(rule),
        "made": rule.made.astimezone(UTC).isoformat(),
    }
    write_json(_rule_file(workspace, run_id), content)


def read_rule(workspace: Workspace, run_id: str) -> DecisionRule | None:
    """Return the saved rule; None without one that fits the result."""
    try:
        content = read_json(_rule_file(workspace, run_id))
        wanted = (_VERSION, UNLIKE_VERSION, digest_result(workspace, run_id))
        if (content["version"], content["unlike_version"], content["result"]) != wanted:
            return None  # of another result or program
        rule = _RULE.validate_python(content)
        _check(rule)
        return rule
    except (ValueError, KeyError, TypeError, AttributeError, RuleRefused, RunUnfinished):
        return None


def is_rule_stale(workspace: Workspace, run_id: str) -> bool:
    """Return whether a saved rule is not used: it fits another result, or is damaged."""
    kept = _rule_file(workspace, run_id).exists() and not is_rule_forgotten(workspace, run_id)
    return kept and read_rule(workspace, run_id) is None


def delete_rule(workspace: Workspace, run_id: str) -> None:
    """Remove the rule of a run, also its default: it answers every photo then."""
    file = _rule_file(workspace, run_id)
    if file.parent.exists():
        write_json(file, {"version": _VERSION, "forgotten": True})


def is_rule_forgotten(workspace: Workspace, run_id: str) -> bool:
    """Return whether the rule was removed: the run answers every photo."""
    return bool(read_json(_rule_file(workspace, run_id)).get("forgotten"))


def find_rule_time(workspace: Workspace, run_id: str) -> int:
    """Return the time of the saved rule in nanoseconds; 0 without one."""
    try:
        return _rule_file(workspace, run_id).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _rule_file(workspace: Workspace, run_id: str) -> Path:
    return workspace.run_folder(run_id) / RULE_FILE


def _check(rule: DecisionRule) -> None:
    thresholds = [rule.threshold, *rule.class_thresholds.values()]
    if not all(0 <= value <= 1 for value in thresholds):
        raise RuleRefused("A threshold is not between 0 and 1.", "Choose one between 0 and 100 %.")
    if not 0.01 <= rule.temperature <= 100:
        raise RuleRefused(
            f"A temperature of {rule.temperature:g} is not allowed.", "Choose one from 0.01 to 100."
        )
    if rule.unlike_limit is not None and not 0 < rule.unlike_limit < float("inf"):
        raise RuleRefused("The limit of the distance is not above 0.", "Choose a larger one.")
