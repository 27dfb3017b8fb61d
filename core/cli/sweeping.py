"""`sweep`: many heads on the same features, through the queue, followed until the last trial.

The same recipe and plan open the sweep that exists; one that was stopped or killed goes on.
"""

from argparse import ArgumentTypeError, Namespace
from typing import Any

from core.cli.choosing import DATASET, choose_dataset
from core.cli.command import Group, command, option
from core.cli.following import RunFollower, count_seen, describe_failure
from core.cli.outcome import Outcome, format_table
from core.cli.progress import ProgressLine
from core.cli.recipes import RECIPE, read_recipe
from core.formats import count, duration, percent
from core.runs.queue.queue import submit_run
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.plans import (
    SETTING_NAMES,
    SWEPT,
    SweepPlan,
    base_recipe,
    check_plan,
    write_setting,
)
from core.runs.store import RunRecord
from core.runs.training.study_results import TrialResult, read_importance, read_trials, sort_trials
from core.workspace import Workspace
from models.weights import find_weights


def _parse_settings(text: str) -> tuple[str, ...]:
    given = {name.strip().replace("-", "_").replace(" ", "_") for name in text.split(",")}
    unknown = given - set(SWEPT)
    if unknown:
        raise ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return tuple(name for name in SWEPT if name in given)


_TRIED = (
    option("--trials", "heads to train", type=int, default=100, metavar="N"),
    option(
        "--vary",
        f"comma-separated, of {', '.join(SWEPT)} (default: all of them)",
        type=_parse_settings,
        default=SWEPT,
        metavar="SETTINGS",
    ),
    option("--sweep-seed", "seed of what is tried", type=int, default=0, metavar="N"),
    option("--top", "trials to show", type=int, default=10, metavar="N"),
)


@command(
    DATASET,
    option("--name", "what to call the sweep"),
    Group("sweep", "what is tried", _TRIED),
    Group("recipe", "the first trial; the rest stays so", RECIPE),
)
def sweep(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Train many heads through the queue, and follow them until the last trial has ended."""
    recipe = read_recipe(
        workspace,
        given,
        dataset_id=choose_dataset(workspace, given.dataset),
        weights_digest=find_weights(workspace, given.weights).digest,
    )
    plan = SweepPlan(trials=given.trials, vary=given.vary, seed=given.sweep_seed)
    check_plan(plan)
    base = base_recipe(recipe, plan.vary)
    record, created = submit_run(workspace, base, given.name or "Sweep", plan=plan)
    folder, seen = workspace.run_folder(record.id), count_seen(workspace, record.id)
    if not record.has_ended:
        ensure_scheduler(workspace)
    follower = RunFollower(folder, progress, record.recipe.epochs, seen)
    return _describe(workspace, follower.follow(workspace, record), created, given.top)


def _describe(workspace: Workspace, record: RunRecord, created: bool, top: int) -> Outcome:
    folder = workspace.run_folder(record.id)
    trials = read_trials(folder)
    ranked = sort_trials(trials)
    importance = read_importance(folder)
    document: dict[str, Any] = {
        "id": record.id,
        "name": record.name,
        "dataset": record.recipe.dataset,
        "state": record.state,
        "created_now": created,
        "plan": record.plan,
        "validation_photos": record.val_photos,
        "seconds": sum(trial.seconds for trial in trials),
        "importance": importance and dict(importance.shares),
        "trials": [_trial_document(trial) for trial in ranked],
    }
    if record.state not in ("done", "paused"):
        return describe_failure(record, document)
    lines = [f"{record.name} · {record.id}", _table(ranked[:top], record.val_photos or 0)]
    if importance is not None:
        shares = (
            f"{SETTING_NAMES[key]} {percent(share, 100)}"
            for key, share in importance.shares.items()
        )
        lines.append(f"what explains the differences: {', '.join(shares)}")
    pruned = sum(trial.pruned for trial in trials)
    lines.append(
        f"{count(len(trials), 'trial')} in {duration(document['seconds'])}, {pruned} ended early; "
        f"n = {record.val_photos or 0:,} validation photos"
    )
    return Outcome("\n".join(lines), document)


def _table(trials: list[TrialResult], n: int) -> str:
    if not trials:
        return "No trial has ended yet."
    names = list(trials[0].settings)
    rows = [
        [
            str(trial.number),
            percent(trial.accuracy, n),
            f"{trial.best_epoch}/{len(trial.val_loss)}",
            *(write_setting(trial.settings[name]) for name in names),
        ]
        for trial in trials
    ]
    headings = ["trial", "validation accuracy", "best epoch", *(SETTING_NAMES[n] for n in names)]
    return format_table(headings, rows)


def _trial_document(trial: TrialResult) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "settings": dict(trial.settings),
        "accuracy": trial.accuracy,
        "loss": trial.loss,
        "best_epoch": trial.best_epoch,
        "epochs": len(trial.val_loss),
        "pruned": trial.pruned,
        "seconds": trial.seconds,
        "recipe": trial.recipe,
    }
