"""The rule of a model: saved, default (chosen on validation photos), or frozen in a version.

Distances and default rules are computed once and stored with the run.
"""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import numpy as np

from core.errors import FeaturesMissing
from core.evaluation.calibration import (
    FEWEST_TO_FIT,
    cross_fit_scores,
    fit_temperature,
    temper_scores,
)
from core.evaluation.coverage import (
    FEWEST_TO_LIMIT,
    OperatingPoint,
    choose_default_threshold,
    find_limit,
)
from core.prediction.deciding import (
    Decision,
    DecisionRule,
    ModelVersion,
    decide,
    find_rule_time,
    is_rule_forgotten,
    measure_answers,
    rank_classes,
    read_rule,
    save_rule,
)
from core.prediction.unlike import UNLIKE_VERSION, UnlikeModel, fit_unlike, measure_left_out
from core.runs.result import RunResult, keep_arrays, read_result, read_run_rows
from core.workspace import Workspace
from data.splits import SPLITS

_log = logging.getLogger(__name__)


def read_distances(
    workspace: Workspace, run_id: str, result: RunResult
) -> tuple[UnlikeModel, np.ndarray]:
    """Return the model of a run's training photos, and the distance of each photo; computed once.

    Distances (n,) float32 are NaN for photos of the dataset that `draw_photos` leaves out.
    """

    def make() -> dict[str, np.ndarray]:
        features = read_run_rows(workspace, result)
        train = result.draw_photos("train")
        model = fit_unlike(features[train], result.labels[train])
        photos = np.sort(np.concatenate([result.draw_photos(one) for one in SPLITS]))
        distances = np.full(len(features), np.nan, np.float32)
        for some in np.array_split(photos, len(photos) // _BLOCK + 1):
            distances[some] = model.measure(features[some])
        return asdict(model) | {"distances": distances}

    facts = {"version": UNLIKE_VERSION, "features": result.features_id}
    kept = keep_arrays(workspace, run_id, "unlike", facts, make)
    distances = kept.pop("distances")
    return UnlikeModel(**kept), distances


def find_limit_of_run(
    workspace: Workspace, run_id: str, result: RunResult
) -> tuple[float | None, int]:
    """Return the distance that includes 95 % of a run's photos (None for too few), and their n.

    They are its validation photos; where these are too few, also its training photos, measured by
    models without them.
    """
    _, distances = read_distances(workspace, run_id, result)
    distances = distances[result.draw_photos("validation")]
    train = result.draw_photos("train")
    if len(distances) < FEWEST_TO_LIMIT <= len(distances) + len(train):
        facts = {"version": UNLIKE_VERSION, "features": result.features_id}

        def make() -> dict[str, np.ndarray]:
            features = read_run_rows(workspace, result)[train]
            return {"distances": measure_left_out(features, result.labels[train])}

        left_out = keep_arrays(workspace, run_id, "unlike-left-out", facts, make)["distances"]
        distances = np.concatenate([distances, left_out])
    return find_limit(distances), len(distances)


_BLOCK = 2048
_DEFAULT_VERSION = 3
"""Raise it when default rules are chosen otherwise."""


def find_rule(workspace: Workspace, run_id: str, result: RunResult) -> DecisionRule | None:
    """Return the saved rule of a run, else its default rule, which is computed once.

    None where the rule was removed, or without validation photos: every photo is answered.
    """
    kept = read_rule(workspace, run_id)
    if kept is not None or is_rule_forgotten(workspace, run_id):
        return kept
    return find_default_rule(workspace, run_id, result)


def find_default_rule(workspace: Workspace, run_id: str, result: RunResult) -> DecisionRule | None:
    """Return the default rule of a run, computed once; None without validation photos."""
    if not len(result.draw_photos("validation")):
        return None
    try:
        limit, _ = find_limit_of_run(workspace, run_id, result)
    except FeaturesMissing:
        limit = None

    def make() -> dict[str, np.ndarray]:
        rule = suggest_rule(workspace, run_id, result, limit)
        values = (rule.temperature, rule.threshold, rule.made.timestamp())
        return dict(zip(names, np.array(values, np.float64), strict=True))

    names = ("temperature", "threshold", "made")
    facts = {"version": _DEFAULT_VERSION, "limit": limit}
    kept = keep_arrays(workspace, run_id, "default-rule", facts, make)
    temperature, threshold, made = (float(kept[name]) for name in names)
    return DecisionRule(
        temperature=temperature,
        threshold=threshold,
        unlike_limit=limit,
        n=len(result.draw_photos("validation")),
        is_default=True,
        made=datetime.fromtimestamp(made, UTC),
    )


def suggest_rule(
    workspace: Workspace, run_id: str, result: RunResult, limit: float | None
) -> DecisionRule:
    """Return a rule chosen on the validation photos; without a `limit` it ignores the distance.

    It has the temperature that fits them best (1 for too few), and the threshold of
    `choose_default_threshold`.

    Raises:
        FeaturesMissing: The distances to compare with the limit cannot be measured.
    """
    photos = result.draw_photos("validation")
    scores, labels = result.scores[photos], result.labels[photos]
    temperature = find_temperature(scores, labels) or 1.0
    alike = np.ones(len(photos), dtype=bool)
    if limit is not None:
        _, distances = read_distances(workspace, run_id, result)
        alike = distances[photos] <= limit
    tops = temper_scores(scores, temperature).max(axis=1)
    threshold = choose_default_threshold(tops, scores.argmax(axis=1) == labels, alike)
    return DecisionRule(
        temperature=temperature, threshold=threshold, unlike_limit=limit, n=len(photos)
    )


def measure_rule(
    workspace: Workspace, run_id: str, result: RunResult, rule: DecisionRule | None
) -> OperatingPoint:
    """Return the effect of a rule on the run's validation photos, as far as features are there."""
    photos, distances = result.draw_photos("validation"), None
    if rule is not None and rule.unlike_limit is not None:
        with suppress(FeaturesMissing):
            distances = read_distances(workspace, run_id, result)[1][photos]
    scores, labels = result.scores[photos], result.labels[photos]
    return measure_answers(rule, scores, labels, result.classes, distances)


def find_temperature(
    scores: np.ndarray, labels: np.ndarray, crossed: np.ndarray | None = None
) -> float | None:
    """Return the temperature that fits the photos best; None where it is not reliable.

    That is so for fewer than 30 photos, for an extreme one, and where cross-fitting does not help.
    """
    if len(labels) < FEWEST_TO_FIT:
        return None
    fit = fit_temperature(scores, labels)
    if fit.at_edge:
        return None
    rows = np.arange(len(labels))
    crossed = cross_fit_scores(scores, labels) if crossed is None else crossed
    before, after = (
        -np.log(np.maximum(given[rows, labels], np.finfo(np.float32).tiny)).mean()
        for given in (scores, crossed)
    )
    return fit.temperature if after < before else None


def carry_rule(workspace: Workspace, champion: ModelVersion, run_id: str) -> bool:
    """Give the run the champion's saved rule, unless it has its own; return whether it did.

    Thresholds are copied; temperature and distance are chosen again where the champion uses them.

    Raises:
        ResultDamaged: The result of the run was cut short or altered.
        FeaturesMissing: The features behind its scores were removed or altered.
    """
    kept = champion.facts.get("rule")
    is_own = champion.facts.get("rule_is_default") or read_rule(workspace, run_id) is not None
    if not kept or is_own:
        return False
    result = read_result(workspace, run_id)
    if not len(result.draw_photos("validation")):
        return False
    looks = kept["unlike_limit"] is not None
    limit = find_limit_of_run(workspace, run_id, result)[0] if looks else None
    rule = suggest_rule(workspace, run_id, result, limit)
    own = {name: at for name, at in kept["class_thresholds"].items() if name in result.classes}
    rule = replace(rule, threshold=kept["threshold"], class_thresholds=own)
    rule = rule if kept["temperature"] != 1 else replace(rule, temperature=1)
    save_rule(workspace, run_id, rule)
    return True


_TRIED_AGAIN = 30.0
"""Seconds after which missing features are looked for again."""


@dataclass(frozen=True, eq=False)
class FrozenRule:
    """A fixed rule with the model of the training photos."""

    rule: DecisionRule | None
    """None: every photo is answered."""
    model: UnlikeModel | None
    classes: Sequence[str]

    @property
    def is_blind(self) -> bool:
        """Whether the rule has a limit for unlike photos, but no model to measure them."""
        return self.rule is not None and self.rule.unlike_limit is not None and self.model is None

    def decide(self, scores: np.ndarray, features: np.ndarray) -> Decision:
        """Return the decision for a photo, of scores (k,) and features (d,)."""
        if self.rule is None:
            return Decision(kind="answer", top=rank_classes(scores, self.classes))
        distance = None
        if self.model is not None and self.rule.unlike_limit is not None:
            distance = float(self.model.measure(features[None])[0])
        return decide(self.rule, scores, self.classes, distance)


class StandingRule:
    """Reads the rule of a run again when its file changes; for several threads."""

    def __init__(self, workspace: Workspace, run_id: str, result: RunResult) -> None:
        self._workspace = workspace
        self._run_id = run_id
        self._result = result
        self._kept = (-1, FrozenRule(None, None, result.classes))
        self._read_at = 0.0

    def read(self) -> FrozenRule:
        """Return the current rule."""
        when = find_rule_time(self._workspace, self._run_id)
        kept_when, kept = self._kept
        late = time.monotonic() - self._read_at > _TRIED_AGAIN
        if when != kept_when or (kept.is_blind and late):
            self._read_at = time.monotonic()
            rule, model = find_rule(self._workspace, self._run_id, self._result), None
            if rule is not None and rule.unlike_limit:
                try:
                    model, _ = read_distances(self._workspace, self._run_id, self._result)
                except FeaturesMissing as error:
                    _log.warning("unlike photos are not recognised: %s", error)
            kept = FrozenRule(rule, model, self._result.classes)
            self._kept = (when, kept)
        return kept
