"""Measure the rules, describe the result, raise and end alarms.

An alarm starts when a level is proven, changes with the level, and ends when all is well, the rule
is off or another version answers. With too few photos it stays as before. The scheduler runs
`python -m core.monitoring.readings`, which may start at any time, even twice at once.
"""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal

import numpy as np
import pandas as pd
from sqlalchemy import Connection, insert, select, update

from core.errors import PetalscopeError, RetrainingRefused, VersionMissing
from core.evaluation.drift import FAMILIES, Family
from core.evaluation.intervals import Estimate, estimate_quantile
from core.evaluation.slice_search import compare_shares
from core.formats import count
from core.monitoring.drift import VersionDrift, describe_main_change, find_drift
from core.monitoring.kept_photos import sweep_kept_photos
from core.monitoring.log import keep_newest, list_right, read_predictions
from core.monitoring.retraining import hold_retraining, read_state, settle_ended
from core.monitoring.rules import LEVELS, Rule, list_rules
from core.monitoring.tables import alarms_table
from core.registry.store import ModelVersion, find_answers, find_version
from core.runs.database import write_database
from core.runs.locks import hold_lock
from core.runs.queue.scheduled import read_check_minutes
from core.runs.queue.starting import ensure_scheduler
from core.workspace import Workspace, open_workspace

State = Literal["off", "few", "fine", "warning", "critical"]
"""few: too little data for a result."""

NOTHING = Estimate(value=np.nan, low=np.nan, high=np.nan, n=0)


@dataclass(frozen=True)
class Reading:
    """The result of a rule."""

    rule: Rule
    estimate: Estimate
    version: int | None
    """The version measured; None: all answers, because there is no champion."""
    problem: str = ""
    """Why nothing could be measured, other than too few photos."""
    detail: str = ""

    @property
    def sure(self) -> float:
        """The end of the interval nearer to “all is well”, which is compared with the levels."""
        end = self.estimate.high if self.rule.is_low else self.estimate.low
        return self.estimate.value if np.isnan(end) else end

    @property
    def state(self) -> State:
        """Whether the rule is off, has too few photos, or which level it has reached."""
        if not self.rule.is_on:
            return "off"
        if self.estimate.n < self.rule.fewest or np.isnan(self.estimate.value):
            return "few"
        return self.rule.find_level(self.sure) or "fine"


def read_rules(workspace: Workspace, now: datetime) -> list[Reading]:
    """Return the result of each rule at `now`, in their order; writes nothing."""
    try:
        version = find_version(workspace, "champion")
    except VersionMissing:
        version = None

    @cache
    def read_log(hours: int, of_all: bool, with_feedback: bool) -> pd.DataFrame:
        return read_predictions(
            workspace,
            since=now - timedelta(hours=hours),
            until=now,
            versions=None if of_all or version is None else [version.number],
            with_feedback=with_feedback,
        )

    @cache
    def compare(hours: int) -> VersionDrift:
        assert version is not None
        return find_drift(workspace, version, since=now - timedelta(hours=hours), until=now)

    readings = []
    for rule in list_rules(workspace):
        estimate, detail, problem = NOTHING, "", ""
        try:
            if rule.is_on and rule.name in FAMILIES:
                if version is None:
                    problem = "needs a champion with its reference photos"
                else:
                    estimate, detail = _measure_drift(compare(rule.hours), rule.name)
            elif rule.is_on:
                # A new champion has no answers yet, so volumes count the answers of all versions.
                rows = read_log(rule.hours, rule.unit == "photos", rule.name == "accuracy")
                estimate = _estimate(workspace, rule.name, rows, version)
        except PetalscopeError as error:
            problem = error.problem
        number = None if version is None else version.number
        readings.append(Reading(rule, estimate, number, problem, detail))
    return readings


def _estimate(
    workspace: Workspace, name: str, rows: pd.DataFrame, version: ModelVersion | None
) -> Estimate:
    if name in ("volume_low", "volume_high"):
        return replace(NOTHING, value=len(rows), n=len(rows))
    if name == "latency":
        return estimate_quantile(rows["latency_ms"].to_numpy(), 0.95)
    if name == "unknown":
        point = find_answers(workspace, version) if version else None
        before = (point.withheld, point.n) if point else (0, 0)
        return _estimate_rise(keep_newest(rows)["kind"].to_numpy() != "answer", before)
    right, n = version.judged if version else (0, 0)
    return _estimate_rise(~list_right(rows), (n - right, n))


def _estimate_rise(bad: np.ndarray, before: tuple[int, int]) -> Estimate:
    """Return the rise of a share above that (hits, n) of validation photos, a sample, too."""
    if not before[1] or not len(bad):
        return replace(NOTHING, n=len(bad))
    found = compare_shares(int(bad.sum()), len(bad), *before)
    rise, low, high = (max(0.0, end) for end in (found.difference, found.low, found.high))
    return Estimate(value=rise, low=low, high=high, n=len(bad), method="Newcombe")


def _measure_drift(found: VersionDrift, name: str) -> tuple[Estimate, str]:
    """Return the size of a family of changes, and the largest change in words."""
    if found.drift is None:
        return replace(NOTHING, n=len(found.photos)), ""
    family: Family = next(family for family in FAMILIES if family == name)
    estimate = replace(NOTHING, value=found.drift.size(family), n=found.drift.n)
    return estimate, describe_main_change(found.drift, family)


def describe_reading(reading: Reading) -> str:
    """Return the result in words: "12 points below the … (95 % interval …), …"."""
    rule, estimate = reading.rule, reading.estimate
    span = describe_span(rule.hours)
    if reading.problem:
        return reading.problem
    if reading.state == "off":
        return "not watched"
    if reading.state == "few":
        needed = rule.fewest
        if estimate.n >= needed:
            return f"nothing to compare with, {span}"
        feedback = " with feedback" if rule.name == "accuracy" else ""
        return f"too few photos{feedback}: {estimate.n:,} of {needed}, {span}"
    value, low, high = (
        _format_value(rule, number) for number in (estimate.value, estimate.low, estimate.high)
    )
    if rule.unit == "photos":
        return f"{count(estimate.n, 'photo')} answered, {span}"
    if rule.name == "latency":
        ends = f"from {low}" if high == "–" else f"{low} to {high}"
        return f"95 % of {estimate.n:,} answers within {value} (95 % interval {ends}), {span}"
    if rule.name in ("unknown", "accuracy"):
        what = "below the validation accuracy"
        if rule.name == "unknown":
            what = "above the share of validation photos without an answer"
        return f"{value} {what} (95 % interval {low} to {high}, n = {estimate.n:,}), {span}"
    if not estimate.value:
        return f"no significant change, n = {estimate.n:,}, {span}"
    noun = "index beyond chance" if rule.name == "mix" else "distance"
    return f"{reading.detail}: {noun} {value}, n = {estimate.n:,}, {span}"


def describe_levels(rule: Rule) -> str:
    """Return the levels of a rule: "warning from 15 points, critical from 30 points"."""
    word = "below" if rule.is_low else "from"
    levels = [
        f"{name} {word} {_format_limit(rule, limit)}"
        for name, limit in (("warning", rule.warning), ("critical", rule.critical))
        if limit is not None
    ]
    return ", ".join(levels) or "not watched"


def _format_limit(rule: Rule, limit: float) -> str:
    """Return a level with all digits that were typed."""
    typed = f"{100 * limit:g}"
    if rule.unit == "points":
        return f"{typed} point{'' if typed == '1' else 's'}"
    return _format_value(rule, limit)


def describe_span(hours: int) -> str:
    """Return the period of a rule: "the last day", "the last 3 weeks"."""
    spans = ((24 * 7, "week"), (24, "day"), (1, "hour"))
    size, name = next((size, name) for size, name in spans if hours % size == 0)
    return f"the last {name}" if hours == size else f"the last {hours // size} {name}s"


def _format_value(rule: Rule, value: float) -> str:
    if np.isnan(value):
        return "–"
    if rule.unit == "points":
        return count(round(100 * value), "point")
    return f"{value:,.0f} {rule.unit}" if rule.unit in ("photos", "ms") else f"{value:.2f}"


def check_rules(workspace: Workspace, *, now: datetime | None = None) -> list[Reading]:
    """Measure the rules at `now`, and raise and end alarms."""
    if workspace.read_only:
        return read_rules(workspace, now or datetime.now(UTC))
    with hold_lock(workspace.alarms_lock):
        moment = now or datetime.now(UTC)  # read under the lock, so that alarms are in order
        readings = read_rules(workspace, moment)
        with write_database(workspace) as connection:
            for reading in readings:
                _update_alarms(connection, reading, moment)
        workspace.alarms_lock.touch()  # see find_last_check
    return readings


def _update_alarms(connection: Connection, reading: Reading, now: datetime) -> None:
    """Raise, change and end the alarms of a rule."""
    columns = alarms_table.c
    active = (columns.rule == reading.rule.name) & columns.ended.is_(None)
    alarms = connection.execute(select(alarms_table).where(active).order_by(columns.number)).all()
    text = {"text": describe_reading(reading)}
    is_new = reading.state in LEVELS
    for alarm in alarms:
        ended_by: str = reading.state
        if alarm.version != reading.version:
            ended_by = "another version answers"
        elif reading.state == "few":
            continue
        elif reading.state == "off":
            ended_by = "the rule was switched off"
        elif alarm.level == reading.state and is_new:
            ended_by, is_new = "", False
        facts = alarm.facts | ({"ended_by": ended_by} if ended_by else text)
        change = update(alarms_table).where(columns.number == alarm.number)
        connection.execute(change.values(facts=facts, ended=now if ended_by else None))
    if is_new:
        values = {
            "rule": reading.rule.name,
            "level": reading.state,
            "raised": now,
            "version": reading.version,
            "facts": text,
        }
        connection.execute(insert(alarms_table).values(**values))


_log = logging.getLogger("due")


def main() -> None:
    """Finish an ended retraining, sweep stored photos, check the rules."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    workspace = open_workspace()
    _settle_retraining(workspace)
    sweep_kept_photos(workspace)
    if not read_check_minutes(workspace):
        return
    try:
        check_rules(workspace)
        _log.info("rules checked")
    except PetalscopeError as error:
        _log.warning("%s: %s %s", error.code, error.problem, error.remedy)


def _settle_retraining(workspace: Workspace) -> None:
    try:
        with hold_retraining(workspace):
            if settle_ended(workspace):
                last = read_state(workspace).last
                _log.info("%s", last.text if last else "")
    except RetrainingRefused as error:  # another process is at work
        _log.info("%s", error.problem)
        return
    if read_state(workspace).going is not None:
        ensure_scheduler(workspace)


if __name__ == "__main__":
    main()
