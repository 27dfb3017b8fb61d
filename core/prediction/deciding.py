"""Whether to answer, to say “I am not sure”, or “this is like nothing I was trained on”.

A rule that a person keeps is in runs/<id>/decision.json, tied to the digest of the result; else the
default one of core.prediction.rules stands. A registered version is a model with its rule.
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
from core.evaluation.coverage import FEWEST_TO_LIMIT
from core.formats import count, percent
from core.prediction.unlike import UNLIKE_VERSION
from core.runs.result import digest_result
from core.runs.run_files import read_json
from core.workspace import Workspace, write_json


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One registered version: a model together with the rule by which it answers."""

    number: int
    digest: str
    """SHA-256 over all that decides its answers; equal content has equal digests."""
    run_id: str
    dataset_id: str
    name: str
    facts: Mapping[str, Any]
    """What it is made of; see core/registry/files.py. Empty where its row cannot be read."""
    who: str
    created: datetime

    @property
    def label(self) -> str:
        """Its number as people say it: “v3”."""
        return f"v{self.number}"

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.facts.get("classes", ()))

    @property
    def rule(self) -> "DecisionRule | None":
        """When it answers; None: always.

        Raises:
            KeyError, TypeError, ValueError: What is written of it was altered.
        """
        kept = self.facts.get("rule")
        if kept is None:
            return None
        is_default = bool(self.facts.get("rule_is_default"))
        given = {**kept, "made": self.facts["rule_made"], "is_default": is_default}
        return _RULE.validate_python(given)  # passes over fields of older versions


RULE_FILE = "decision.json"
_VERSION = 1
TOP = 5
"""Classes that an answer names."""

Kind = Literal["answer", "unsure", "unlike"]


@dataclass(frozen=True, kw_only=True)
class DecisionRule:
    """When a run answers."""

    temperature: float = 1.0
    """Divides the log-scores; 1 leaves them as they are."""
    threshold: float = 0.0
    """Calibrated score from which on it answers, in [0, 1]."""
    class_thresholds: Mapping[str, float] = field(default_factory=dict)
    """Class name → threshold, where it differs from the one of all."""
    unlike_limit: float | None = None
    """Distance above which a photo is like nothing in training; None: it is not looked at."""
    n: int = 0
    is_default: bool = False
    """Whether it came with the run; else a person kept it."""
    made: datetime = field(default_factory=lambda: datetime.now(UTC))

    def threshold_of(self, class_name: str) -> float:
        """Return the threshold that an answer with this class must reach."""
        return self.class_thresholds.get(class_name, self.threshold)


_RULE = TypeAdapter(DecisionRule)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a rule makes of one photo."""

    kind: Kind
    top: list[tuple[str, float]]
    """The 5 best classes (or all) and their calibrated scores, best first."""
    threshold: float
    """The score that the best class must reach."""
    distance: float | None = None
    """From what it was trained on; None where that is not looked at."""
    limit: float | None = None


def decide(
    rule: DecisionRule, scores: np.ndarray, classes: Sequence[str], distance: float | None = None
) -> Decision:
    """Return the decision for one photo; the distance is None where it was not measured."""
    tempered = temper_scores(scores[None], rule.temperature)
    top = rank_classes(tempered[0], classes)
    kind: Kind = "answer" if reach_threshold(rule, tempered, classes)[0] else "unsure"
    if distance is not None and rule.unlike_limit is not None and distance > rule.unlike_limit:
        kind = "unlike"
    return Decision(
        kind=kind,
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


def reach_threshold(rule: DecisionRule, scores: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Return whether the best class reaches its threshold, (n,) bool, of calibrated `scores`."""
    thresholds = np.array([rule.threshold_of(name) for name in classes])
    return np.asarray(scores.max(axis=1, initial=0.0) >= thresholds[scores.argmax(axis=1)])


def rule_to_facts(rule: DecisionRule) -> dict[str, Any]:
    """Return all that decides, as JSON values: not when it was made, nor by whom."""
    facts = asdict(rule)
    del facts["made"], facts["is_default"]
    return facts


def describe_rule(rule: DecisionRule | None) -> str:
    """Return in words when a model answers, when it does not know, and what that rests on."""
    if rule is None:
        return "Answers every photo, also one that shows none of its classes: no rule stands."
    parts = [f"answers from a score of {percent(rule.threshold, 100)} on"]
    if rule.class_thresholds:
        parts.append(f"{count(len(rule.class_thresholds), 'class')} with a threshold of its own")
    if rule.temperature != 1:
        parts.append(f"scores calibrated at temperature {rule.temperature:.2f}")
    if rule.unlike_limit is not None:
        parts.append(f"photos farther than {rule.unlike_limit:,.2f} are called unlike training")
    sentence = "; ".join(parts)
    few = rule.n < FEWEST_TO_LIMIT
    of_train = ", with training photos for the distance" if few and rule.unlike_limit else ""
    start = f"Default rule: {sentence}" if rule.is_default else sentence[0].upper() + sentence[1:]
    said = f"{count(rule.n, 'validation photo')}{': few' if few else ''}{of_train}"
    return f"{start} (chosen on {said})."


def save_rule(workspace: Workspace, run_id: str, rule: DecisionRule) -> None:
    """Write the rule into the folder of its run, instead of an older one.

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
    """Return the rule that a person kept; None where there is none that fits the result."""
    try:
        content = read_json(_rule_file(workspace, run_id))
        return _read_content(content, digest_result(workspace, run_id))
    except (ValueError, KeyError, TypeError, AttributeError, RuleRefused, RunUnfinished):
        return None


def is_rule_stale(workspace: Workspace, run_id: str) -> bool:
    """Return whether a rule is kept that is not used: of another result, or damaged."""
    kept = _rule_file(workspace, run_id).exists() and not is_rule_forgotten(workspace, run_id)
    return kept and read_rule(workspace, run_id) is None


def delete_rule(workspace: Workspace, run_id: str) -> None:
    """Forget the rule of a run, its default one too: it answers every photo then."""
    file = _rule_file(workspace, run_id)
    if file.parent.exists():
        write_json(file, {"version": _VERSION, "forgotten": True})


def is_rule_forgotten(workspace: Workspace, run_id: str) -> bool:
    """Return whether a person wants the run to answer every photo."""
    return bool(read_json(_rule_file(workspace, run_id)).get("forgotten"))


def find_rule_time(workspace: Workspace, run_id: str) -> int:
    """Return when the rule was written, in nanoseconds; 0 where there is none."""
    try:
        return _rule_file(workspace, run_id).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _rule_file(workspace: Workspace, run_id: str) -> Path:
    return workspace.run_folder(run_id) / RULE_FILE


def _read_content(content: dict[str, Any], digest: str) -> DecisionRule:
    wanted = (_VERSION, UNLIKE_VERSION, digest)
    if (content["version"], content["unlike_version"], content["result"]) != wanted:
        raise ValueError("the rule is of another result or program")
    rule = _RULE.validate_python(content)
    _check(rule)
    return rule


def _check(rule: DecisionRule) -> None:
    thresholds = [rule.threshold, *rule.class_thresholds.values()]
    if not all(0 <= value <= 1 for value in thresholds):
        raise RuleRefused("A threshold lies outside of 0 to 1.", "Choose one between 0 and 100 %.")
    if not 0.01 <= rule.temperature <= 100:
        raise RuleRefused(
            f"A temperature of {rule.temperature:g} is not allowed.", "Choose one from 0.01 to 100."
        )
    if rule.unlike_limit is not None and not 0 < rule.unlike_limit < float("inf"):
        raise RuleRefused("The limit of the distance is not above 0.", "Choose a larger one.")
