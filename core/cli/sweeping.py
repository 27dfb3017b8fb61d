"""`sweep`: many heads on the same features, through the queue, followed until the last trial.

The same recipe and plan open the sweep that exists; one that was stopped or killed goes on.
"""

import argparse
import time
from dataclasses import asdict
from typing import Any

from core.cli.choosing import DATASET_HELP, choose_dataset
from core.cli.following import RunFollower
from core.cli.outcome import Outcome, error_document
from core.cli.progress import ProgressLine
from core.cli.recipes import add_recipe_options, read_recipe
from core.cli.tables import format_table
from core.errors import PetalscopeError
from core.formats import count, duration, percent
from core.runs.events import EVENTS_FILE
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
from core.runs.store import RunRecord, read_run
from core.runs.training.study_results import TrialResult, read_importance, read_trials, sort_trials
from core.workspace import Workspace
from models.weights import find_weights

_POLL_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help=DATASET_HELP)
    parser.add_argument("--name", help="what to call the sweep")
    sweep = parser.add_argument_group("sweep", "what is tried")
    sweep.add_argument(
        "--trials", type=int, default=100, metavar="N", help="heads to train (default: %(default)s)"
    )
    sweep.add_argument(
        "--vary",
        type=_parse_settings,
        default=SWEPT,
        metavar="SETTINGS",
        help=f"comma-separated, of {', '.join(SWEPT)} (default: all of them)",
    )
    sweep.add_argument(
        "--sweep-seed", type=int, default=0, metavar="N", help="seed of what is tried (default: 0)"
    )
    sweep.add_argument(
        "--top", type=int, default=10, metavar="N", help="trials to show (default: %(default)s)"
    )
    add_recipe_options(parser.add_argument_group("recipe", "the first trial; the rest stays so"))


def run(workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    recipe = read_recipe(
        workspace,
        arguments,
        dataset_id=choose_dataset(workspace, arguments.dataset),
        weights_digest=find_weights(workspace, arguments.weights).digest,
    )
    plan = SweepPlan(trials=arguments.trials, vary=arguments.vary, seed=arguments.sweep_seed)
    check_plan(plan)
    base = base_recipe(recipe, plan.vary)
    record, created = submit_run(workspace, base, arguments.name or "Sweep", plan=plan)
    record = _wait_until_ended(workspace, record, progress)
    return _describe(workspace, record, created, arguments.top)


def _wait_until_ended(workspace: Workspace, record: RunRecord, progress: ProgressLine) -> RunRecord:
    """Returns the sweep when it has ended; Ctrl-C only ends the following."""
    events = workspace.run_folder(record.id) / EVENTS_FILE
    seen = events.stat().st_size if events.exists() else 0
    follower = RunFollower(events.parent, progress, record.recipe.epochs, seen)
    if not record.has_ended:
        ensure_scheduler(workspace)
    while not record.has_ended:
        time.sleep(_POLL_S)
        follower.show_new_events()
        record = read_run(workspace, record.id)
    follower.show_new_events()
    return record


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
        "plan": record.plan and asdict(record.plan),
        "validation_photos": record.val_photos,
        "seconds": sum(trial.seconds for trial in trials),
        "importance": importance and dict(importance.shares),
        "trials": [_trial_document(trial) for trial in ranked],
    }
    if record.state not in ("done", "paused"):
        error = PetalscopeError(record.problem or "The sweep was lost.", record.remedy or "")
        document["error"] = error_document(error) | {"code": record.error_code}
        text = f"{error.problem}\n{error.remedy}"
        return Outcome(text=text, document=document, exit_code=1, to_stderr=True)
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
    return Outcome(text="\n".join(lines), document=document)


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
        "recipe": asdict(trial.recipe),
    }


def _parse_settings(text: str) -> tuple[str, ...]:
    given = {name.strip().replace("-", "_").replace(" ", "_") for name in text.split(",")}
    unknown = given - set(SWEPT)
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return tuple(name for name in SWEPT if name in given)
