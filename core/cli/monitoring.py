"""`monitor` and `retrain`: how the model does in use, and challengers out of reviewed photos."""

import dataclasses
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from core.cli.choosing import DATASET_HELP, WHO, choose_dataset
from core.cli.command import command, flag, number, option
from core.cli.following import RunFollower
from core.cli.outcome import Outcome, ProgressLine, format_table, pick, write_named
from core.errors import RetrainingRefused
from core.evaluation.drift import FAMILIES
from core.evaluation.intervals import Estimate
from core.formats import count, milliseconds, moment, percent, span
from core.monitoring.alarms import Alarm, find_worst, list_alarms
from core.monitoring.comparison import VersionComparison, find_comparison
from core.monitoring.drift import VersionDrift, describe_drift, find_drift
from core.monitoring.due import do_due
from core.monitoring.log import read_predictions, write_csv
from core.monitoring.readings import (
    Reading,
    check_rules,
    describe_levels,
    describe_reading,
    find_watched,
)
from core.monitoring.retraining import count_waiting, finish_retraining, start_retraining
from core.monitoring.retraining_state import describe_times, keep_times, read_state, read_times
from core.monitoring.summaries import Summary, begin_of, summarise
from core.registry.evidence import (
    count_tries,
    describe_evidence,
    explain_evidence,
    judge_evidence,
)
from core.registry.promoting import keep_champion
from core.registry.store import ModelVersion, find_version, read_aliases
from core.runs.queue.scheduled import RetrainingTimes, find_next_time, wake_scheduler
from core.runs.queue.starting import ensure_scheduler
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
    option("--days", "how far back", number(int, 1, 3650), default=30),
    flag(
        "--check",
        "check the rules, which begins and ends alarms; the exit code is 0 (no alarm), 3 (warning) "
        "or 4 (critical)",
    ),
    option("--csv FILE", "write the log of this time there", Path),
)
def monitor(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Say how the model does in use, whether photos have changed, and which alarms there are."""
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


def _describe_check(readings: list[Reading], alarms: list[Alarm]) -> Outcome:
    rows = [
        [one.state, one.rule.measure.title, describe_reading(one), describe_levels(one.rule)]
        for one in readings
    ]
    worst = find_worst(alarms)
    return Outcome(
        f"{format_table(('', 'rule', 'now', 'alarm'), rows)}\n\n{_describe_alarms(alarms)}",
        {"level": worst, "rules": [_document_reading(one) for one in readings], "alarms": alarms},
        exit_code=EXIT_CODES[worst],
    )


def _describe_alarms(alarms: list[Alarm]) -> str:
    said = (
        f"{alarm.level.upper()}, {alarm.title}: {alarm.text} (since {moment(alarm.raised)})"
        for alarm in alarms
    )
    return "\n".join(said) or "No alarm stands."


def _document_reading(reading: Reading) -> dict[str, Any]:
    measured = {"state": reading.state, "measured": reading.estimate, "version": reading.version}
    return {**vars(reading.rule), **measured, "text": describe_reading(reading)}


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
    label = "Drift"
    if found:
        photos, m = count(len(found.photos), "photo"), len(found.reference.digests)
        label = f"Newest {photos} of {found.version.label}, against {m:,} reference photos"
    parts = [
        f"Answers of {whose} since {moment(since)}",
        format_table(("", "", "95 % interval", "n"), _list_figures(summary)),
        "\n".join([f"{label}:", *(f"- {line}" for line in told)]),
        _describe_alarms(alarms),
    ]
    return Outcome(
        "\n\n".join(parts),
        {
            "version": chosen.number if chosen else None,
            "since": since,
            "summary": summary,
            "drift": _document_drift(found, told),
            "alarms": alarms,
        },
    )


def _list_figures(summary: Summary) -> list[list[object]]:
    def share(name: str, one: Estimate) -> list[object]:
        ends = span(one.low, one.high, one.n) if one.n else "–"
        return [name, percent(one.value, one.n), ends, one.n]

    slow, n = summary.slow_latency, summary.n
    ends = f"{milliseconds(slow.low)} to {milliseconds(slow.high)}"
    return [
        ["answers", n, "", n],
        ["different photos", summary.photos, "", n],
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
    if (drift := found.drift) is None:
        return document | {"n": len(found.photos)}
    return document | {
        "n": drift.n,
        "reference": drift.m,
        "told": bool(drift.proven),
        "sizes": {family: drift.size(family) for family in FAMILIES},
        "columns": drift.columns,
        "mix": pick(drift.mix, "index", "by_chance"),
    }


retrain = command(default="now", after=lambda workspace: wake_scheduler(workspace))


@retrain.action(
    "now",
    "train a challenger and compare it with the champion (the default)",
    option(
        "--dataset DATASET",
        f"learn from this dataset, not from the reviewed photos: {DATASET_HELP}",
    ),
    flag("--no-wait", "queue the run and end; the scheduler does the rest"),
    example="retrain now",
)
def _retrain(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    dataset = choose_dataset(workspace, given.dataset) if given.dataset else None
    progress.note("Gathering the reviewed photos")
    run = start_retraining(workspace, who=WHO, dataset_id=dataset)
    ensure_scheduler(workspace)
    if given.no_wait:
        text = f"{run.name} · {run.id} is queued; see “python -m core retrain status”."
        return Outcome(text, {"run": run.id, "dataset": run.recipe.dataset})
    follower = RunFollower(workspace.run_folder(run.id), progress, run.recipe.epochs)
    record = follower.follow(workspace, run)
    progress.note("Registering and comparing on the test photos")
    version = finish_retraining(workspace, record.id)
    champion = read_aliases(workspace)["champion"]
    comparison = find_comparison(workspace, champion, version.number)
    if comparison is None:
        raise RetrainingRefused(
            f"{version.label} has not met v{champion}.", "Compare them on the page Models."
        )
    return Outcome(
        f"{version.label} challenges v{champion}.\n{_describe_meeting(comparison)}",
        {
            "run": record.id,
            "dataset": record.recipe.dataset,
            "version": version.number,
            "champion": champion,
            "meeting": _meeting_document(comparison),
        },
    )


@retrain.action(
    "status",
    "say what goes, what was arranged and what came of the last one",
    example="retrain status --json",
)
def _say_status(workspace: Workspace, _given: Namespace, _progress: ProgressLine) -> Outcome:
    state, times, now = read_state(workspace), read_times(workspace), datetime.now(UTC)
    aliases, waiting = read_aliases(workspace), count_waiting(workspace)
    champion, challenger = aliases.get("champion"), aliases.get("challenger")
    comparison = (
        find_comparison(workspace, champion, challenger) if champion and challenger else None
    )
    lines = [describe_times(times, now), f"{waiting:,} reviewed photos wait."]
    if state.going is not None:
        run = f"run {state.going.run}" if state.going.run else "its dataset is being made"
        lines.append(f"Retraining since {moment(state.going.since)}: {run}.")
    elif state.last is not None:
        lines.append(f"Last, {moment(state.last.time)}: {state.last.text}")
    if challenger is not None:
        lines.append(f"v{challenger} challenges v{champion}.")
    if comparison is not None:
        lines.append(_describe_meeting(comparison))
    return Outcome(
        "\n".join(lines),
        {
            "arranged": _times_document(times),
            "reviewed_photos": waiting,
            "going": state.going,
            "last": state.last,
            "champion": champion,
            "challenger": challenger,
            "meeting": comparison and _meeting_document(comparison),
        },
    )


@retrain.action(
    "arrange",
    "train challengers by itself, after so many reviewed photos or every so many days",
    option("--after N", "reviewed photos that begin a retraining; 0: none", int),
    option("--every DAYS", "days from one retraining to the next; 0: none", int),
    option("--at HH:MM", "time of day (default: 03:00)"),
    option("--zone", "time zone of that time (default: UTC)"),
    flag("--off", "only by hand from now on"),
    example="retrain arrange --after 40 --every 7 --at 03:00 --zone Europe/Berlin",
)
def _arrange(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    times = RetrainingTimes(since=datetime.now(UTC))
    if not given.off:
        named = {"after_photos": given.after, "every_days": given.every}
        named |= {"at": given.at, "zone": given.zone}
        changes: dict[str, Any] = {
            name: None if value == 0 else value
            for name, value in named.items()
            if value is not None
        }
        if not changes:
            raise RetrainingRefused(
                "Nothing was said that could be arranged.",
                "Give --after N, --every DAYS, or --off for only by hand.",
            )
        times = dataclasses.replace(read_times(workspace), since=times.since, **changes)
    times = keep_times(workspace, times, who=WHO)
    return Outcome(describe_times(times, datetime.now(UTC)), _times_document(times))


@retrain.action(
    "due", "do what is due, and end: what the scheduler does, for cron", example="retrain due"
)
def _do_due(workspace: Workspace, _given: Namespace, _progress: ProgressLine) -> Outcome:
    done = do_due(workspace, datetime.now(UTC))
    return Outcome("\n".join(done) or "Nothing is due.", {"done": done})


@retrain.action(
    "keep",
    "let the champion go on and drop the challenger",
    option("--reason", "why, for the history", required=True),
    example="retrain keep --reason “no real gain”",
)
def _keep(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    event = keep_champion(workspace, reason=given.reason, who=WHO)
    text = f"v{event.facts['kept']} goes on; v{event.former} challenges it no more."
    return Outcome(text, vars(event))


def _describe_meeting(comparison: VersionComparison) -> str:
    evidence = comparison.evidence
    verdict = f"{judge_evidence(evidence)}. {explain_evidence(evidence)}"
    parts = (describe_evidence(evidence), verdict, count_tries(evidence), comparison.left_out)
    return "\n".join(part for part in parts if part)


def _meeting_document(comparison: VersionComparison) -> dict[str, Any]:
    evidence = comparison.evidence
    low, high = evidence.interval
    said = {"low": low, "high": high, **pick(evidence, "is_significant_gain")}
    return {**dataclasses.asdict(evidence), **said, "left_out": comparison.left_out}


def _times_document(times: RetrainingTimes) -> dict[str, Any]:
    return {**vars(times), "next": find_next_time(times, datetime.now(UTC))}
