"""`retrain`: challengers out of reviewed photos."""

import dataclasses
from argparse import Namespace
from typing import Any

from core.cli.choosing import DATASET_HELP, WHO, choose_dataset
from core.cli.command import command, flag, option
from core.cli.following import RunFollower
from core.cli.outcome import Outcome, ProgressLine, pick
from core.errors import RetrainingRefused
from core.formats import moment
from core.monitoring.comparison import VersionComparison, find_comparison
from core.monitoring.retraining import (
    count_waiting,
    finish_retraining,
    read_state,
    start_retraining,
)
from core.registry.evidence import (
    count_tries,
    describe_evidence,
    explain_evidence,
    judge_evidence,
)
from core.registry.promoting import keep_champion
from core.registry.store import read_aliases
from core.runs.queue.scheduled import wake_scheduler
from core.runs.queue.starting import ensure_scheduler
from core.workspace import Workspace

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
    "say which retraining is running and what came of the last one",
    example="retrain status --json",
)
def _say_status(workspace: Workspace, _given: Namespace, _progress: ProgressLine) -> Outcome:
    state = read_state(workspace)
    aliases, waiting = read_aliases(workspace), count_waiting(workspace)
    champion, challenger = aliases.get("champion"), aliases.get("challenger")
    comparison = (
        find_comparison(workspace, champion, challenger) if champion and challenger else None
    )
    lines = [f"{waiting:,} reviewed photos wait."]
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
            "reviewed_photos": waiting,
            "going": state.going,
            "last": state.last,
            "champion": champion,
            "challenger": challenger,
            "meeting": comparison and _meeting_document(comparison),
        },
    )


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
