"""What the rules measure now, in numbers and words; alarms begin and end with it.

An alarm begins when a level is proven, turns when the level changes, and ends when all is well, the
rule is off or another version answers. While too few photos can tell, it stays as it is.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal

import numpy as np
import pandas as pd
from sqlalchemy import Connection, insert, select

from core.errors import PetalscopeError, VersionMissing
from core.evaluation.drift import FAMILIES, Family
from core.evaluation.intervals import Estimate, estimate_quantile
from core.evaluation.slice_search import compare_shares
from core.formats import count, percent
from core.monitoring.alarms import read_row, write_end, write_facts
from core.monitoring.drift import VersionDrift, find_drift, name_mover
from core.monitoring.log import read_predictions
from core.monitoring.rules import LEVELS, Measure, Rule, Watch, read_watch
from core.monitoring.summaries import estimate_share, keep_newest, list_right
from core.monitoring.tables import alarms_table
from core.registry.store import ModelVersion, find_version
from core.runs.database import write_database
from core.runs.locks import hold_lock
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

    @property
    def sure(self) -> float:
        """The end of the interval that speaks for the model: what is held against the levels."""
        end = self.estimate.high if self.rule.measure.is_low else self.estimate.low
        return self.estimate.value if np.isnan(end) else end


def find_watched(workspace: Workspace) -> ModelVersion | None:
    """Return the champion, whose answers are watched; None without one."""
    try:
        return find_version(workspace, "champion")
    except VersionMissing:
        return None


def read_rules(workspace: Workspace, watch: Watch, now: datetime) -> list[Reading]:
    """Return what each rule measures in the time until `now`, in their order; writes nothing."""
    version = find_watched(workspace)
    number = None if version is None else version.number
    own = None if number is None else [number]
    tables: dict[str, pd.DataFrame] = {}
    # A new champion has answered nothing yet, and that is no silence: volumes are those of all.
    for names, versions in ((_VOLUMES, None), (_ANSWERED, own), (_TOLD, own)):
        hours = [rule.hours for rule in watch.rules if rule.is_on and rule.name in names]
        since = now - timedelta(hours=max(hours, default=0))
        told = names is _TOLD
        table = read_predictions(workspace, since=since, until=now, versions=versions, told=told)
        tables |= dict.fromkeys(names, table)

    @cache  # rules over the same time share a comparison
    def compare(hours: int) -> VersionDrift:
        assert version is not None
        return find_drift(workspace, version, since=now - timedelta(hours=hours), until=now)

    readings = []
    for rule in watch.rules:
        since = now - timedelta(hours=rule.hours)
        if rule.is_on and rule.name in FAMILIES:
            readings.append(_read_drift(rule, version, compare))
        elif rule.is_on:
            rows = tables[rule.name][tables[rule.name]["time"] >= since]
            readings.append(_judge(rule, _estimate(rule.name, rows, version), number))
        else:
            readings.append(_judge(rule, NOTHING, number))
    return readings


def _judge(rule: Rule, estimate: Estimate, version: int | None, problem: str = "") -> Reading:
    reading = Reading(rule=rule, state="few", estimate=estimate, version=version, problem=problem)
    if not rule.is_on:
        return replace(reading, state="off")
    if estimate.n < rule.measure.fewest or np.isnan(estimate.value):
        return reading
    return replace(reading, state=rule.find_level(reading.sure) or "fine")


def _estimate(name: str, rows: pd.DataFrame, version: ModelVersion | None) -> Estimate:
    """Return what a rule measures in rows of the log."""
    if name in _VOLUMES:
        return Estimate(value=len(rows), low=np.nan, high=np.nan, n=len(rows))
    if name == "latency":
        return estimate_quantile(rows["latency_ms"].to_numpy(), 0.95)
    if name == "unknown":
        return estimate_share(keep_newest(rows)["kind"].to_numpy() != "answer")
    return _estimate_fall(rows, version)


def _estimate_fall(rows: pd.DataFrame, version: ModelVersion | None) -> Estimate:
    """Return by how much the accuracy is lower than on validation photos (a sample, too), or 0."""
    judged = dict(version.facts.get("validation", {})) if version else {}
    right = list_right(rows)
    if not judged.get("n") or not len(right):
        return NOTHING
    found = compare_shares(judged["right"], judged["n"], int(right.sum()), len(right))
    fall, least, most = (max(0.0, end) for end in (found.difference, found.low, found.high))
    return Estimate(value=fall, low=least, high=most, n=len(right), method="Newcombe")


def _read_drift(
    rule: Rule, version: ModelVersion | None, compare: Callable[[int], VersionDrift]
) -> Reading:
    """Return the reading of a family; `compare` gives the drift over so many hours."""
    if version is None:
        return _judge(rule, NOTHING, None, "There is no champion whose reference tells.")
    try:
        found = compare(rule.hours)
    except PetalscopeError as error:
        return _judge(rule, NOTHING, version.number, error.problem)
    if found.drift is None:
        return _judge(rule, replace(NOTHING, n=len(found.photos)), version.number)
    family: Family = next(family for family in FAMILIES if family == rule.name)
    estimate = replace(NOTHING, value=found.drift.size(family), n=found.drift.n)
    reading = _judge(rule, estimate, version.number)
    return replace(reading, detail=name_mover(found.drift, family))


_SPANS = ((24 * 7, "week"), (24, "day"), (1, "hour"))


def describe_reading(reading: Reading) -> str:
    """Return what a rule measured: "41 % of 120 photos unknown (95 % interval 33 % to 50 %)…"."""
    rule, estimate = reading.rule, reading.estimate
    span = describe_span(rule.hours)
    if reading.problem:
        return reading.problem
    if reading.state == "off":
        return "not watched"
    if reading.state == "few":
        needed = rule.measure.fewest
        what = "with feedback" if rule.name == "accuracy" else "in the log"
        if estimate.n >= needed:
            return f"cannot be told: nothing to compare with, {span}"
        return f"too few photos {what} to tell: {estimate.n:,} of {needed}, {span}"
    value, low, high = (
        format_value(rule.measure, number, estimate.n)
        for number in (estimate.value, estimate.low, estimate.high)
    )
    if rule.name in _VOLUMES:
        return f"{count(estimate.n, 'photo')} answered, {span}"
    if rule.name == "latency":
        ends = f"from {low} on" if high == "–" else f"{low} to {high}"
        return f"95 % of {estimate.n:,} answers within {value} (95 % interval {ends}), {span}"
    if rule.name in ("unknown", "accuracy"):
        what = "not answered" if rule.name == "unknown" else "below the validation accuracy"
        return f"{value} {what} (95 % interval {low} to {high}, n = {estimate.n:,}), {span}"
    if not estimate.value:
        return f"no change proven, n = {estimate.n:,}, {span}"
    return f"{reading.detail}: {_NOUNS[rule.name]} {value}, n = {estimate.n:,}, {span}"


_NOUNS = {"features": "distance", "properties": "distance", "mix": "index beyond chance"}


def describe_levels(rule: Rule) -> str:
    """Return from when on a rule is an alarm: "warning from 30 %, critical from 50 %"."""
    word = "below" if rule.measure.is_low else "from"
    told = [
        f"{name} {word} {_format_limit(rule.measure, limit)}"
        for name, limit in (("warning", rule.warning), ("critical", rule.critical))
        if limit is not None
    ]
    return ", ".join(told) or "not watched"


def _format_limit(measure: Measure, limit: float) -> str:
    """Return a level as it was typed: 12.5 % is not 12 %."""
    typed = f"{100 * limit:g}"
    if measure.unit == "share":
        return f"{typed} %"
    if measure.unit == "points":
        return f"{typed} point" + "s" * (typed != "1")
    return format_value(measure, limit, 0)


def describe_span(hours: int) -> str:
    """Return the time a rule looks over: "the last day", "the last 3 weeks"."""
    size, name = next((size, name) for size, name in _SPANS if hours % size == 0)
    number = hours // size
    return f"the last {name}" if number == 1 else f"the last {number} {name}s"


def format_value(measure: Measure, value: float, n: int) -> str:
    """Return a value of n photos in the unit of a measure; a dash where there is none."""
    if np.isnan(value):
        return "–"
    if measure.unit == "share":
        return percent(value, n)
    if measure.unit == "points":
        return count(round(100 * value), "point")
    return f"{value:,.0f} {measure.unit}" if measure.unit in ("photos", "ms") else f"{value:.2f}"


_ROW = alarms_table.c


def check_rules(workspace: Workspace, *, now: datetime | None = None) -> list[Reading]:
    """Return what the rules measure until `now`; alarms have begun and ended by it."""
    if workspace.read_only:
        return read_rules(workspace, read_watch(workspace), now or datetime.now(UTC))
    with hold_lock(workspace.alarms_lock):
        moment = now or datetime.now(UTC)  # once it is our turn: alarms are in order of time
        readings = read_rules(workspace, read_watch(workspace), moment)
        with write_database(workspace) as connection:
            for reading in readings:
                _settle(connection, reading, moment)
    return readings


def _settle(connection: Connection, reading: Reading, now: datetime) -> None:
    """Begin and end the alarms of a rule as it measures."""
    query = select(alarms_table).where(_ROW.rule == reading.rule.name, _ROW.ended.is_(None))
    found = {"text": describe_reading(reading)}
    is_begun = reading.state in LEVELS
    for alarm in map(read_row, connection.execute(query.order_by(_ROW.number)).all()):
        if alarm.version != reading.version:
            write_end(connection, alarm, now, "another version answers")
        elif reading.state == "few":
            continue
        elif alarm.level == reading.state and is_begun:
            write_facts(connection, alarm, found)
            is_begun = False
        else:
            ended_by = "the rule was switched off" if reading.state == "off" else reading.state
            write_end(connection, alarm, now, ended_by)
    if is_begun:
        values = {
            "rule": reading.rule.name,
            "level": reading.state,
            "raised": now,
            "version": reading.version,
            "facts": json.dumps(found, allow_nan=False),
        }
        connection.execute(insert(alarms_table).values(**values))
