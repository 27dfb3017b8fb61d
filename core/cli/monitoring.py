"""`monitor`: how the model does in use, whether the photos have changed, and what the rules say."""

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from core.cli.command import command, flag, number, option
from core.cli.outcome import Outcome, ProgressLine, format_table, write_named
from core.evaluation.drift import FAMILIES
from core.evaluation.intervals import Estimate
from core.formats import count, milliseconds, moment, percent
from core.monitoring.alarms import Alarm, find_alarm_url, find_worst, list_alarms, send_test
from core.monitoring.drift import VersionDrift, describe_drift, find_drift
from core.monitoring.log import read_predictions, write_csv
from core.monitoring.readings import (
    Reading,
    check_rules,
    describe_levels,
    describe_reading,
    find_watched,
)
from core.monitoring.summaries import Summary, begin_of, summarise
from core.registry.store import ModelVersion, find_version
from core.workspace import Workspace

EXIT_CODES = {None: 0, "warning": 3, "critical": 4}
"""Of `--check`, by the worst alarm that stands; 1 and 2 are errors and wrong usage."""


@command(
    option(
        "version",
        "champion, challenger, v3 or a digest; default: the answers of all models, compared with "
        "the champion's reference",
        nargs="?",
    ),
    option("--days", "how far back", type=number(int, 1, 3650), default=30),
    flag(
        "--check",
        "check the rules, which begins and ends alarms and tells of them; the exit code is 0 (no "
        "alarm), 3 (warning) or 4 (critical)",
    ),
    option("--csv", "write the log of this time there", type=Path, metavar="FILE"),
    flag("--trial", "send a trial alarm to PETALSCOPE_ALARM_URL"),
)
def monitor(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Say how the model does in use, whether photos have changed, and which alarms there are."""
    if given.trial:
        return _send_trial()
    if given.check:
        progress.note("Checking the rules")
        return _describe_check(check_rules(workspace), list_alarms(workspace, standing=True))
    chosen = find_version(workspace, given.version) if given.version else None
    since = begin_of(datetime.now(UTC), given.days)
    versions = None if chosen is None else [chosen.number]
    table = read_predictions(workspace, since=since, versions=versions)
    if given.csv is not None:
        return _write_log(table, given.csv.expanduser())
    compared = chosen or find_watched(workspace)
    found = None if compared is None else find_drift(workspace, compared, since=since)
    return _describe_time(table, chosen, since, found, list_alarms(workspace, standing=True))


def _send_trial() -> Outcome:
    if find_alarm_url() is None:
        text = "Nobody is told of alarms: set PETALSCOPE_ALARM_URL to an https address."
        return Outcome(text, {"sent": False})
    send_test()
    return Outcome("The address has taken the trial alarm.", {"sent": True})


def _describe_check(readings: list[Reading], alarms: list[Alarm]) -> Outcome:
    rows = [
        [one.state, one.rule.measure.title, describe_reading(one), describe_levels(one.rule)]
        for one in readings
    ]
    worst = find_worst(alarms)
    table = format_table(("", "rule", "now", "alarm"), rows)
    return Outcome(
        "\n\n".join([table, "\n".join(_describe_alarms(alarms))]),
        {"level": worst, "rules": [_document_reading(one) for one in readings], "alarms": alarms},
        exit_code=EXIT_CODES[worst],
    )


def _describe_alarms(alarms: list[Alarm]) -> list[str]:
    if not alarms:
        return ["No alarm stands."]
    return [
        f"{alarm.level.upper()}, {alarm.title}: {alarm.text} (since {moment(alarm.raised)})"
        for alarm in alarms
    ]


def _document_reading(reading: Reading) -> dict[str, Any]:
    return {
        **vars(reading.rule),
        "state": reading.state,
        "measured": reading.estimate,
        "version": reading.version,
        "text": describe_reading(reading),
    }


def _write_log(table: pd.DataFrame, file: Path) -> Outcome:
    with write_named(file) as path, path.open("w", encoding="utf-8", newline="") as stream:
        written = write_csv(table, stream)
    text = f"{count(written, 'prediction')} written to {file}."
    return Outcome(text, {"predictions": written, "file": file})


def _describe_time(
    table: pd.DataFrame,
    chosen: ModelVersion | None,
    since: datetime,
    found: VersionDrift | None,
    alarms: list[Alarm],
) -> Outcome:
    summary = summarise(table)
    whose = f"{chosen.label} ({chosen.name})" if chosen else "all models"
    told = describe_drift(found) if found else ["There is no champion whose reference tells."]
    label = _name_compared(found) if found else "Drift"
    return Outcome(
        "\n\n".join(
            [
                f"Answers of {whose} since {moment(since)}",
                format_table(("", "", "95 % interval", "n"), _list_figures(summary)),
                "\n".join([f"{label}:", *(f"- {line}" for line in told)]),
                "\n".join(_describe_alarms(alarms)),
            ]
        ),
        {
            "version": chosen.number if chosen else None,
            "since": since,
            "summary": summary,
            "drift": _document_drift(found, told),
            "alarms": alarms,
        },
    )


def _name_compared(found: VersionDrift) -> str:
    n, m = len(found.photos), len(found.reference.digests)
    return f"Newest {count(n, 'photo')} of {found.version.label}, against {m:,} reference photos"


def _list_figures(summary: Summary) -> list[list[str]]:
    def share(name: str, one: Estimate) -> list[str]:
        ends = f"{percent(one.low, one.n)} to {percent(one.high, one.n)}"
        return [name, percent(one.value, one.n), ends if one.n else "–", f"{one.n:,}"]

    slow = summary.slow_latency
    ends = f"{milliseconds(slow.low)} to {milliseconds(slow.high)}"
    n = f"{summary.n:,}"
    return [
        ["answers", n, "", n],
        ["different photos", f"{summary.photos:,}", "", n],
        ["half answered within", milliseconds(summary.median_latency.value), "", n],
        ["95 % answered within", milliseconds(slow.value), ends, n],
        share("not answered", summary.unknown),
        share("of all, unlike training photos", summary.unlike),
        share("right, where people said", summary.accuracy),
    ]


def _document_drift(found: VersionDrift | None, told: list[str]) -> dict[str, Any] | None:
    if found is None:
        return None
    document: dict[str, Any] = {"version": found.version.number, "text": told, "told": False}
    if found.drift is None:
        return document | {"n": len(found.photos)}
    drift = found.drift
    return document | {
        "n": drift.n,
        "reference": drift.m,
        "told": bool(drift.proven),
        "sizes": {family: drift.size(family) for family in FAMILIES},
        "columns": drift.columns,
        "mix": {"index": drift.mix.index, "by_chance": drift.mix.by_chance},
    }
