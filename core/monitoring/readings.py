"""What the rules measure now: each a value with its interval and n, and the level it proves."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from core.errors import PetalscopeError, VersionMissing
from core.evaluation.drift import FAMILIES, Family
from core.evaluation.intervals import Estimate, estimate_quantile
from core.evaluation.slice_search import compare_shares
from core.monitoring.drift import VersionDrift, find_drift
from core.monitoring.drift_words import name_mover
from core.monitoring.log import read_predictions
from core.monitoring.rules import Rule, Watch
from core.monitoring.summaries import estimate_share, keep_newest, list_right
from core.registry.store import ModelVersion, find_version
from core.workspace import Workspace

State = Literal["off", "few", "fine", "warning", "critical"]
"""off: not watched; few: too little to say anything; else what was found."""

_VOLUMES = ("volume_low", "volume_high")
_ANSWERED = ("latency", "unknown")
_TOLD = ("accuracy",)
"""Looks over a month: of that only what people told is read."""
NOTHING = Estimate(value=np.nan, low=np.nan, high=np.nan, n=0)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a rule measured."""

    rule: Rule
    state: State
    estimate: Estimate
    version: int | None
    """Whose answers were measured; None: all, because there is no champion."""
    problem: str = ""
    """Why nothing could be measured, where that is not for want of photos."""
    detail: str = ""
    """What moved most, where something has."""

    @property
    def sure(self) -> float:
        """The end of the interval that speaks for the model: what is held against the levels."""
        end = self.estimate.high if self.rule.measure.is_low else self.estimate.low
        return self.estimate.value if np.isnan(end) else end


def find_watched(workspace: Workspace) -> ModelVersion | None:
    """Returns the champion, whose answers are watched; None without one."""
    try:
        return find_version(workspace, "champion")
    except VersionMissing:
        return None


def read_rules(workspace: Workspace, watch: Watch, now: datetime | None = None) -> list[Reading]:
    """Returns what each rule measures, in their order. Nothing is written.

    Args:
        workspace: Holds the log.
        watch: The rules.
        now: The end of the time that they look over; this moment when None.
    """
    now = now or datetime.now(UTC)
    version = find_watched(workspace)
    own = None if version is None else [version.number]
    tables: dict[str, pd.DataFrame] = {}
    # A new champion has answered nothing yet, and that is no silence: volumes are those of all.
    for names, versions in ((_VOLUMES, None), (_ANSWERED, own), (_TOLD, own)):
        hours = [rule.hours for rule in watch.rules if rule.is_on and rule.name in names]
        since = now - timedelta(hours=max(hours, default=0))
        told = names is _TOLD
        table = read_predictions(workspace, since=since, until=now, versions=versions, told=told)
        tables |= dict.fromkeys(names, table)
    drifts: dict[int, VersionDrift] = {}
    readings = []
    for rule in watch.rules:
        since = now - timedelta(hours=rule.hours)
        if rule.is_on and rule.name in FAMILIES:
            readings.append(_read_drift(workspace, rule, version, since, now, drifts))
        else:
            estimate = NOTHING
            if rule.is_on:
                rows = tables[rule.name][tables[rule.name]["time"] >= since]
                estimate = _ESTIMATES[rule.name](rows, version)
            readings.append(_judge(rule, estimate, None if version is None else version.number))
    return readings


def _judge(rule: Rule, estimate: Estimate, version: int | None, problem: str = "") -> Reading:
    reading = Reading(rule=rule, state="few", estimate=estimate, version=version, problem=problem)
    if not rule.is_on:
        return replace(reading, state="off")
    if estimate.n < rule.measure.fewest or np.isnan(estimate.value):
        return reading
    return replace(reading, state=rule.find_level(reading.sure) or "fine")


def _count(rows: pd.DataFrame, version: ModelVersion | None) -> Estimate:
    del version
    n = len(rows)
    return Estimate(value=n, low=np.nan, high=np.nan, n=n)


def _estimate_latency(rows: pd.DataFrame, version: ModelVersion | None) -> Estimate:
    del version
    return estimate_quantile(rows["latency_ms"].to_numpy(), 0.95)


def _estimate_unknown(rows: pd.DataFrame, version: ModelVersion | None) -> Estimate:
    del version
    return estimate_share(keep_newest(rows)["kind"].to_numpy() != "answer")


def _estimate_fall(rows: pd.DataFrame, version: ModelVersion | None) -> Estimate:
    """Returns by how much the accuracy is lower than on validation photos, at least 0.

    A photo counts once; the validation photos are a sample, too, so that the interval is that of a
    difference.
    """
    judged = dict(version.facts.get("validation", {})) if version else {}
    right = list_right(rows)
    if not judged.get("n") or not len(right):
        return NOTHING
    found = compare_shares(judged["right"], judged["n"], int(right.sum()), len(right))
    fall, least, most = (max(0.0, end) for end in (found.difference, found.low, found.high))
    return Estimate(value=fall, low=least, high=most, n=len(right), method="Newcombe")


_ESTIMATES: dict[str, Callable[[pd.DataFrame, ModelVersion | None], Estimate]] = {
    "volume_low": _count,
    "volume_high": _count,
    "latency": _estimate_latency,
    "unknown": _estimate_unknown,
    "accuracy": _estimate_fall,
}


def _read_drift(
    workspace: Workspace,
    rule: Rule,
    version: ModelVersion | None,
    since: datetime,
    until: datetime,
    known: dict[int, VersionDrift],
) -> Reading:
    """Returns the reading of a family; a comparison over the same time is made once (`known`)."""
    if version is None:
        return _judge(rule, NOTHING, None, "There is no champion whose reference tells.")
    try:
        if rule.hours not in known:
            known[rule.hours] = find_drift(workspace, version, since=since, until=until)
    except PetalscopeError as error:
        return _judge(rule, NOTHING, version.number, error.problem)
    found = known[rule.hours]
    if found.drift is None:
        return _judge(rule, replace(NOTHING, n=len(found.photos)), version.number)
    family: Family = next(family for family in FAMILIES if family == rule.name)
    estimate = replace(NOTHING, value=found.drift.size(family), n=found.drift.n)
    reading = _judge(rule, estimate, version.number)
    return replace(reading, detail=name_mover(found.drift, family))
