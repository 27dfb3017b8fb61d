"""The rule by which a model answers: a run's as it stands now, a version's as it was frozen."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import FeaturesMissing
from core.prediction.choosing import find_rule, read_distances
from core.prediction.deciding import Decision, DecisionRule, decide, find_rule_time
from core.prediction.unlike import UnlikeModel
from core.runs.result import RunResult
from core.workspace import Workspace

_log = logging.getLogger(__name__)

_TRIED_AGAIN = 30.0
"""Seconds after which features that were gone are looked for again."""


@dataclass(frozen=True, eq=False)
class FrozenRule:
    """A rule, and the model of what is unlike the training photos: as of a registered version."""

    rule: DecisionRule | None
    """None where there is none: every photo is answered."""
    model: UnlikeModel | None
    classes: Sequence[str]

    @property
    def is_blind(self) -> bool:
        """Whether the rule wants to know unlike photos, but cannot measure how unlike they are."""
        return self.rule is not None and self.rule.unlike_limit is not None and self.model is None

    def decide(self, scores: np.ndarray, features: np.ndarray) -> Decision | None:
        """Return the decision for a photo, of scores (k,) and features (2048,); None: no rule."""
        if self.rule is None:
            return None
        distance = None
        if self.model is not None and self.rule.unlike_limit is not None:
            distance = float(self.model.measure(features[None])[0])
        return decide(self.rule, scores, self.classes, distance)


class StandingRule:
    """Reads the rule of a run again whenever its file was written anew; for several threads."""

    def __init__(self, workspace: Workspace, run_id: str, result: RunResult) -> None:
        self._workspace = workspace
        self._run_id = run_id
        self._result = result
        self._kept = (-1, FrozenRule(None, None, result.classes))
        self._read_at = 0.0

    def read(self) -> FrozenRule:
        """Return the rule as it stands now."""
        when = find_rule_time(self._workspace, self._run_id)
        kept_when, kept = self._kept
        late = time.monotonic() - self._read_at > _TRIED_AGAIN
        if when != kept_when or (kept.is_blind and late):
            self._read_at = time.monotonic()
            rule = find_rule(self._workspace, self._run_id, self._result)
            model = self._read_model() if rule is not None and rule.unlike_limit else None
            kept = FrozenRule(rule, model, self._result.classes)
            self._kept = (when, kept)
        return kept

    def _read_model(self) -> UnlikeModel | None:
        try:
            return read_distances(self._workspace, self._run_id, self._result).model
        except FeaturesMissing as error:
            _log.warning("unlike photos are not told from others: %s", error)
            return None
