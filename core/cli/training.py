"""`train` and `sweep`: train a recipe, or many heads on the same features.

A run trains in this process. With --queue, for sweeps, and for heads while a scheduler is running,
its worker trains it, which often has Keras imported already. A recipe that was trained before opens
its run.
"""

import dataclasses
import logging
import os
import statistics
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

from core.cli.choosing import DATASET
from core.cli.command import Group, command, flag, option
from core.cli.outcome import Outcome, ProgressLine, describe_error, pick, tabulate
from core.cli.runs import RECIPE, read_recipe, run_document
from core.errors import PetalscopeError, RunStopped
from core.evaluation.intervals import wilson_interval
from core.evaluation.learning import judge_learning
from core.exact.left_out import describe_left_out, leave_out
from core.formats import count, duration, interval, percent
from core.runs.choosing import choose_dataset
from core.runs.following import POLL_S, RunFollower
from core.runs.locks import is_locked
from core.runs.queue.queue import submit_run
from core.runs.queue.run_lock import fail_run
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.plans import (
    MAY_VARY,
    MOST_TRIALS,
    SETTING_NAMES,
    SWEPT,
    SweepPlan,
    check_plan,
    write_setting,
)
from core.runs.result import read_result
from core.runs.run_files import curve, read_events
from core.runs.store import RunRecord, read_run
from core.runs.training.executing import execute_run
from core.runs.training.study import TrialResult, read_importance, read_trials, sort_trials
from core.runs.worker import LOG_FILE
from core.workspace import Workspace


@command(
    DATASET,
    option("--name", "name of the run"),
    flag(
        "--queue",
        "let the scheduler train the run and show its progress; Ctrl-C only ends the display",
    ),
    option(
        "--repeats N",
        "train the recipe with N seeds, starting at --seed, and show mean and standard deviation",
        default=1,
    ),
    Group("recipe", "settings that change the result", RECIPE),
)
def train(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Train a recipe in this process or through the queue."""
    recipe = read_recipe(workspace, given, dataset=choose_dataset(workspace, given.dataset))
    seeds = range(recipe.seed, recipe.seed + max(1, given.repeats))

    def submit(seed: int) -> tuple[RunFollower, RunRecord, bool]:
        one = dataclasses.replace(recipe, seed=seed)
        follower = RunFollower(workspace.run_folder(one.run_id), progress, one.epochs)
        return follower, *submit_run(workspace, one, given.name)

    submitted = map(submit, seeds)
    outcomes = [
        finish_run(workspace, *one, in_queue=given.queue)
        for one in (list(submitted) if given.queue else submitted)  # a queue takes all at once
    ]
    return outcomes[0] if len(outcomes) == 1 else _summarise(outcomes)


def finish_run(
    workspace: Workspace, follower: RunFollower, record: RunRecord, created: bool, *, in_queue: bool
) -> Outcome:
    """Follow a run to its end; train it here unless another process has it or is ready for it."""
    if record.state == "done" and not created:
        follower.progress.note("This recipe was trained before: opened its run.")

    if not in_queue and not record.trains_stages and is_locked(workspace.scheduler_lock):
        in_queue = True
        if not record.has_ended:
            follower.progress.note(
                "A background worker trains this run; Ctrl-C only ends the display."
            )

    def take_turn(run: RunRecord) -> RunRecord | None:
        mine = not in_queue and run.state == "queued"
        return _train_here(workspace, run, follower) if mine else None

    if not record.has_ended and (in_queue or record.is_going):
        ensure_scheduler(workspace)  # it notices if the owner of the run has died
    record = take_turn(record) or record
    if record.state == "queued":
        ensure_scheduler(workspace)  # other runs come first
        follower.progress.note("Waiting: runs are trained one at a time.")
    record = follower.follow(workspace, record, take_turn)
    return _describe(workspace, record, created)


def _summarise(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcomes of all seeds, with the mean and standard deviation of the accuracy."""
    runs = [outcome.document for outcome in outcomes]
    accuracies = [run["best_val_accuracy"] for run in runs if run["best_val_accuracy"] is not None]
    document: dict[str, Any] = {"runs": runs, "repeats": len(runs)}
    lines = [outcome.text for outcome in outcomes]
    if len(accuracies) > 1:
        mean, spread = statistics.mean(accuracies), statistics.stdev(accuracies)
        document |= {"mean_val_accuracy": mean, "sd_val_accuracy": spread}
        lines.append(
            f"validation accuracy of {len(accuracies)} seeds: {100 * mean:.1f} % "
            f"± {100 * spread:.1f} (mean ± standard deviation)"
        )
    failed = any(outcome.exit_code for outcome in outcomes)
    return Outcome(document, lines, exit_code=int(failed), to_stderr=failed)


def _train_here(workspace: Workspace, record: RunRecord, follower: RunFollower) -> RunRecord:
    """Train the run here, if it is its turn, and return it."""
    with _showing_events(follower), _writing_log(workspace.run_folder(record.id)):
        try:
            return execute_run(workspace, record.id)
        except KeyboardInterrupt:
            record = read_run(workspace, record.id)
            if record.pid == os.getpid():
                remedy = "Train the same recipe again: it resumes from its last epoch."
                stop = RunStopped("The run was interrupted with Ctrl-C.", remedy)
                fail_run(workspace, record, stop)
            raise


@contextmanager
def _showing_events(follower: RunFollower) -> Iterator[None]:
    """Show new events in a thread until the block ends."""
    ended = Event()

    def show() -> None:
        while not ended.wait(POLL_S):
            follower.show_new_events()

    thread = Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        follower.show_new_events()


@contextmanager
def _writing_log(folder: Path) -> Iterator[None]:
    """Write log records into the log of the run, as a worker does."""
    handler = logging.FileHandler(folder / LOG_FILE, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


def _describe_failure(run: RunRecord, document: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a run or sweep that failed or was lost."""
    lost = f"The {'run' if run.plan is None else 'sweep'} was lost."
    error = PetalscopeError(run.problem or lost, run.remedy or "")
    outcome = describe_error(error, **document)
    outcome.document["error"]["code"] = run.error_code
    return outcome


def _describe(workspace: Workspace, record: RunRecord, created: bool) -> Outcome:
    events, _ = read_events(workspace.run_folder(record.id))
    document = {**run_document(record), "created_now": created, "history": curve(events)}
    lines = [f"{record.name} · {record.id}"]
    if record.state == "paused":
        again = f"python -m core runs resume {record.id}"
        return Outcome(document, (*lines, f"Paused after epoch {record.epochs_done}: {again}"))
    if record.state != "done":
        return _describe_failure(record, document)
    if record.recipe.weights == "random":
        lines.append("Random weights: this backbone has never seen a photo.")
    result = read_result(workspace, record.id)
    if record.best_val_accuracy is not None and record.val_photos:
        right, n = record.best_val_accuracy, record.val_photos
        ends = interval(*wilson_interval(round(right * n), n), n)
        lines.append(f"validation accuracy {percent(right, n)} ({ends})")
        if record.epoch_words:
            lines[-1] = f"best {record.epoch_words}: {lines[-1]}"
            said = judge_learning(result.curve, record.best_epoch, n)
            lines += [said.sentence, said.gap_sentence]
            document["learning"] = pick(said, "verdict", "since", "gap")
    warning = result.warn_of_few()
    tuned = record.recipe.trained_stages > 0
    found = leave_out(workspace, result, tuned=tuned) if warning else None
    document |= {"warning": warning, "leave_one_out": found}
    lines += [f"Warning: {warning}"] if warning else []
    lines += [describe_left_out(found)] if found else []
    return Outcome(document, (*lines, f"Details: python -m core evaluate {record.id}"))


def _parse_settings(text: str) -> tuple[str, ...]:
    given = {name.strip().replace("-", "_").replace(" ", "_") for name in text.split(",")}
    unknown = given - set(MAY_VARY)
    if unknown:
        raise ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return tuple(name for name in MAY_VARY if name in given)


_TRIED = (
    option("--trials N", f"number of trials (default: 100; with --minutes {MOST_TRIALS})", int),
    option("--minutes N", "start no trial after N minutes", int),
    option(
        "--vary SETTINGS",
        f"comma-separated settings, from {', '.join(MAY_VARY)} (default: the first {len(SWEPT)})",
        _parse_settings,
        default=SWEPT,
    ),
    option("--sweep-seed N", "seed of the trials", default=0),
    option("--top N", "number of trials to show", default=10),
)


@command(
    DATASET,
    option("--name", "name of the sweep"),
    Group("sweep", "the settings to try", _TRIED),
    Group("recipe", "the first trial; settings that do not vary keep these values", RECIPE),
)
def sweep(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Train many trials through the queue and follow them to the end."""
    recipe = read_recipe(workspace, given, dataset=choose_dataset(workspace, given.dataset))
    trials = given.trials
    if trials is None:
        trials = 100 if given.minutes is None else MOST_TRIALS
    plan = SweepPlan(trials=trials, vary=given.vary, seed=given.sweep_seed, minutes=given.minutes)
    check_plan(plan)
    record, created = submit_run(workspace, recipe, given.name or "Sweep", plan=plan)
    follower = RunFollower(workspace.run_folder(record.id), progress, record.recipe.epochs)
    if not record.has_ended:
        ensure_scheduler(workspace)
    return _describe_sweep(workspace, follower.follow(workspace, record), created, given.top)


def _describe_sweep(workspace: Workspace, record: RunRecord, created: bool, top: int) -> Outcome:
    folder, n = workspace.run_folder(record.id), record.val_photos or 0
    trials, importance = read_trials(folder), read_importance(folder)
    ranked = sort_trials(trials)
    document: dict[str, Any] = {
        **pick(record, "id", "name"),
        "dataset": record.recipe.dataset,
        "state": record.state,
        "created_now": created,
        "plan": record.plan,
        "validation_photos": record.val_photos,
        "seconds": sum(trial.seconds for trial in trials),
        "importance": importance and importance.shares,
        "trials": [_trial_document(trial) for trial in ranked],
    }
    if record.state not in ("done", "paused"):
        return _describe_failure(record, document)
    shares = importance.shares.items() if importance else ()
    said = ", ".join(f"{SETTING_NAMES[key]} {percent(share, 100)}" for key, share in shares)
    pruned = sum(trial.pruned for trial in trials)
    parts = (
        f"{record.name} · {record.id}",
        _tabulate(ranked[:top], n) if ranked else "No trial has ended yet.",
        f"settings that explain the differences: {said}" if said else "",
        f"{count(len(trials), 'trial')} in {duration(document['seconds'])}, {pruned} stopped "
        f"early; n = {n:,} validation photos",
    )
    return Outcome(document, parts)


def _tabulate(trials: list[TrialResult], n: int) -> str:
    settings = {
        SETTING_NAMES[name]: lambda trial, name=name: write_setting(trial.settings[name])
        for name in trials[0].settings
    }
    return tabulate(
        trials,
        "",
        trial=lambda trial: str(trial.number),
        validation_accuracy=lambda trial: percent(trial.accuracy, n),
        best_epoch=lambda trial: f"{trial.best_epoch}/{len(trial.val_loss)}",
        **settings,
    )


def _trial_document(trial: TrialResult) -> dict[str, Any]:
    return {
        "trial": trial.number,
        **pick(trial, "settings", "accuracy", "loss", "best_epoch"),
        "epochs": len(trial.val_loss),
        **pick(trial, "pruned", "seconds", "recipe"),
    }
