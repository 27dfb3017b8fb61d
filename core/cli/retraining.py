"""`retrain`: a challenger out of reviewed photos: now, or by itself; what becomes of it."""

import argparse
import dataclasses
import time
from datetime import UTC, datetime
from typing import Any

from core.cli.actions import add_actions
from core.cli.choosing import DATASET_HELP, choose_dataset
from core.cli.following import RunFollower
from core.cli.outcome import Outcome, to_plain
from core.cli.progress import ProgressLine
from core.errors import RetrainingRefused
from core.formats import moment
from core.monitoring.comparison import VersionComparison, find_comparison
from core.monitoring.due import do_due
from core.monitoring.retraining import count_waiting, finish_retraining, start_retraining
from core.monitoring.retraining_state import describe_times, keep_times, read_state, read_times
from core.registry.evidence import (
    describe_evidence,
    explain_evidence,
    explain_level,
    judge_evidence,
)
from core.registry.promoting import keep_champion
from core.registry.store import read_aliases
from core.runs.events import EVENTS_FILE
from core.runs.queue.retraining_times import RetrainingTimes, find_next_time
from core.runs.queue.scheduled import wake_for_arranged
from core.runs.queue.starting import ensure_scheduler
from core.runs.store import RunRecord, read_run
from core.workspace import Workspace

_POLL_S = 0.2
_WHO = "command line"
_WHAT = {
    "now": ("train a challenger and compare it with the champion (the default)", "now"),
    "status": ("say what goes, what was arranged and what came of the last one", "status --json"),
    "arrange": (
        "train challengers by itself, after so many reviewed photos or every so many days",
        "arrange --after 40 --every 7 --at 03:00 --zone Europe/Berlin",
    ),
    "due": ("do what is due, and end: what the scheduler does, for cron", "due"),
    "keep": ("let the champion go on and drop the challenger", "keep --reason “no real gain”"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for name, action in add_actions(parser, "retrain", _WHAT):
        _add_own_arguments(action, name)


def _add_own_arguments(action: argparse.ArgumentParser, name: str) -> None:
    if name == "now":
        help_text = "learn from this dataset, not from the reviewed photos: " + DATASET_HELP
        action.add_argument("--dataset", metavar="DATASET", help=help_text)
        help_text = "queue the run and end; the scheduler does the rest"
        action.add_argument("--no-wait", action="store_true", help=help_text)
    elif name == "arrange":
        help_text = "reviewed photos that begin a retraining; 0: none"
        action.add_argument("--after", type=int, metavar="N", help=help_text)
        help_text = "days from one retraining to the next; 0: none"
        action.add_argument("--every", type=int, metavar="DAYS", help=help_text)
        action.add_argument("--at", metavar="HH:MM", help="time of day (default: 03:00)")
        action.add_argument("--zone", help="time zone of that time (default: UTC)")
        action.add_argument("--off", action="store_true", help="only by hand from now on")
    elif name == "keep":
        action.add_argument("--reason", required=True, help="why, for the history")


def run(workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    match arguments.action or "now":
        case "now":
            outcome = _retrain(workspace, arguments, progress)
        case "arrange":
            outcome = _arrange(workspace, arguments)
        case "due":
            done = do_due(workspace, datetime.now(UTC))
            outcome = Outcome(text="\n".join(done) or "Nothing is due.", document={"done": done})
        case "keep":
            event = keep_champion(workspace, reason=arguments.reason, who=_WHO)
            text = f"v{event.facts['kept']} goes on; v{event.former} challenges it no more."
            outcome = Outcome(text=text, document=dataclasses.asdict(event))
        case _:
            outcome = _tell_status(workspace)
    wake_for_arranged(workspace)
    return outcome


def _retrain(
    workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine
) -> Outcome:
    wanted = getattr(arguments, "dataset", None)
    dataset = choose_dataset(workspace, wanted) if wanted else None
    progress.note("Gathering the reviewed photos")
    run = start_retraining(workspace, who=_WHO, dataset_id=dataset)
    ensure_scheduler(workspace)
    if getattr(arguments, "no_wait", False):
        text = f"{run.name} · {run.id} is queued; see “python -m core retrain status”."
        return Outcome(text=text, document={"run": run.id, "dataset": run.recipe.dataset})
    record = _follow(workspace, run, progress)
    progress.note("Registering and comparing on the test photos")
    version = finish_retraining(workspace, record.id)
    champion = read_aliases(workspace)["champion"]
    comparison = find_comparison(workspace, champion, version.number)
    if comparison is None:
        raise RetrainingRefused(
            f"{version.label} has not met v{champion}.", "Compare them on the page Models."
        )
    return Outcome(
        text=f"{version.label} challenges v{champion}.\n{_describe_meeting(comparison)}",
        document={
            "run": record.id,
            "dataset": record.recipe.dataset,
            "version": version.number,
            "champion": champion,
            "meeting": _meeting_document(comparison),
        },
    )


def _follow(workspace: Workspace, run: RunRecord, progress: ProgressLine) -> RunRecord:
    folder = workspace.run_folder(run.id)
    seen = (folder / EVENTS_FILE).stat().st_size
    follower = RunFollower(folder, progress, run.recipe.epochs, seen)
    while not run.has_ended:
        time.sleep(_POLL_S)
        follower.show_new_events()
        run = read_run(workspace, run.id)
    follower.show_new_events()
    return run


def _arrange(workspace: Workspace, arguments: argparse.Namespace) -> Outcome:
    former = read_times(workspace)
    times = RetrainingTimes(since=datetime.now(UTC))
    if not arguments.off:
        given = {"after_photos": arguments.after, "every_days": arguments.every}
        given |= {"at": arguments.at, "zone": arguments.zone}
        changes: dict[str, Any] = {
            name: None if value == 0 else value
            for name, value in given.items()
            if value is not None
        }
        if not changes:
            raise RetrainingRefused(
                "Nothing was said that could be arranged.",
                "Give --after N, --every DAYS, or --off for only by hand.",
            )
        times = dataclasses.replace(former, since=times.since, **changes)
    times = keep_times(workspace, times, who=_WHO)
    return Outcome(text=describe_times(times, datetime.now(UTC)), document=_times_document(times))


def _tell_status(workspace: Workspace) -> Outcome:
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
        text="\n".join(lines),
        document={
            "arranged": _times_document(times),
            "reviewed_photos": waiting,
            "going": state.going and dataclasses.asdict(state.going),
            "last": state.last and dataclasses.asdict(state.last),
            "champion": champion,
            "challenger": challenger,
            "meeting": comparison and _meeting_document(comparison),
        },
    )


def _describe_meeting(comparison: VersionComparison) -> str:
    evidence = comparison.evidence
    verdict = f"{judge_evidence(evidence)}. {explain_evidence(evidence)}"
    parts = (describe_evidence(evidence), verdict, explain_level(evidence), comparison.left_out)
    return "\n".join(part for part in parts if part)


def _meeting_document(comparison: VersionComparison) -> dict[str, Any]:
    document = dataclasses.asdict(comparison.evidence)
    document["is_significant_gain"] = comparison.evidence.is_significant_gain
    document |= {"level": comparison.evidence.level, "left_out": comparison.left_out}
    return document


def _times_document(times: RetrainingTimes) -> dict[str, Any]:
    coming = find_next_time(times, datetime.now(UTC))
    return dict(to_plain({**vars(times), "next": coming}))
