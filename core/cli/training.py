"""`train`: a run from a recipe, in this process or, with --queue, by the scheduler's worker.

The same recipe opens the run that exists. Either way the run's own events are what is shown. With
--repeats the recipe is trained with several seeds, one run each.
"""

import dataclasses
import logging
import os
import statistics
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

from core.cli.choosing import DATASET, WHO, choose_dataset
from core.cli.command import Group, command, flag, option
from core.cli.following import POLL_S, RunFollower, count_seen, describe_failure
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.cli.recipes import RECIPE, read_recipe
from core.cli.runs import run_document
from core.errors import RunStopped
from core.formats import percent
from core.runs.events import curve, read_events
from core.runs.queue.queue import submit_run
from core.runs.queue.run_lock import fail_run
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, read_run
from core.runs.training.executing import execute_run
from core.runs.worker import LOG_FILE
from core.workspace import Workspace
from models.weights import find_weights

_INTERRUPTED = RunStopped(
    "The run was interrupted with Ctrl-C.",
    "Train the same recipe again: it goes on from its last epoch.",
)


@command(
    DATASET,
    option("--name", "what to call the run"),
    flag(
        "--queue",
        "give the run to the scheduler and follow it; Ctrl-C then only ends the following",
    ),
    option(
        "--repeats",
        "train the recipe with N seeds, counted up from --seed, and show mean and spread",
        type=int,
        default=1,
        metavar="N",
    ),
    Group("recipe", "what changes the result", RECIPE),
)
def train(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Train a recipe, in this process or by the scheduler's worker."""
    recipe = read_recipe(
        workspace,
        given,
        dataset_id=choose_dataset(workspace, given.dataset),
        weights_digest=find_weights(workspace, given.weights).digest,
    )
    seeds = range(recipe.seed, recipe.seed + max(1, given.repeats))
    recipes = (dataclasses.replace(recipe, seed=seed) for seed in seeds)
    submitted: Iterable[_Submitted] = (_submit(workspace, one, given.name) for one in recipes)
    if given.queue:  # all of them wait at once, and others take turns with them
        submitted = list(submitted)
    outcomes = [_train(workspace, one, progress, in_queue=given.queue) for one in submitted]
    return outcomes[0] if len(outcomes) == 1 else _summarise(outcomes)


class _Submitted(NamedTuple):
    record: RunRecord
    created: bool
    seen: int
    """Bytes of its events that were there before."""


def _submit(workspace: Workspace, recipe: Recipe, name: str | None) -> _Submitted:
    seen = count_seen(workspace, recipe.run_id)
    return _Submitted(*submit_run(workspace, recipe, name, submitter=WHO), seen)


def _train(
    workspace: Workspace, submitted: _Submitted, progress: ProgressLine, *, in_queue: bool
) -> Outcome:
    """Follow a run to its end; train it here unless somebody else has it."""
    record = submitted.record
    if record.state == "done" and not submitted.created:
        progress.note("This recipe was trained before: its run is opened.")
    folder = workspace.run_folder(record.id)
    follower = RunFollower(folder, progress, record.recipe.epochs, submitted.seen)

    def take_turn(run: RunRecord) -> RunRecord | None:
        mine = not in_queue and run.state == "queued"
        return _train_here(workspace, run, follower) if mine else None

    if not record.has_ended and (in_queue or record.is_going):
        ensure_scheduler(workspace)  # it also finds out that the owner of the run is dead
    record = take_turn(record) or record
    if record.state == "queued":
        ensure_scheduler(workspace)  # others go first
        progress.note("Waiting: runs are trained one after the other.")
    record = follower.follow(workspace, record, take_turn)
    return _describe(workspace, record, submitted.created)


def _summarise(outcomes: Sequence[Outcome]) -> Outcome:
    """Describe the runs of the repeats, with mean and standard deviation of their best epochs."""
    runs: list[Mapping[str, Any]] = [outcome.document for outcome in outcomes]
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
    return Outcome("\n".join(lines), document, exit_code=int(failed), to_stderr=failed)


def _train_here(workspace: Workspace, record: RunRecord, follower: RunFollower) -> RunRecord:
    """Train the run here; it is returned as it is when it is not its turn yet."""
    with _showing_events(follower), _writing_log(workspace.run_folder(record.id)):
        try:
            return execute_run(workspace, record.id)
        except KeyboardInterrupt:
            record = read_run(workspace, record.id)
            if record.pid == os.getpid():
                fail_run(workspace, record, _INTERRUPTED)
            raise


@contextmanager
def _showing_events(follower: RunFollower) -> Iterator[None]:
    """Show the events as they are written, from a thread, until the block ends."""
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
    """Send log records to the log of the run, where a worker would write them."""
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


def _describe(workspace: Workspace, record: RunRecord, created: bool) -> Outcome:
    events, _ = read_events(workspace.run_folder(record.id))
    document = {**run_document(record), "created_now": created, "history": curve(events)}
    if record.state == "paused":
        text = f"{record.name} · {record.id}\nPaused after epoch {record.epochs_done}; "
        text += f"to go on: python -m core runs resume {record.id}"
        return Outcome(text, document)
    if record.state != "done":
        return describe_failure(record, document)
    lines = [f"{record.name} · {record.id}"]
    if record.recipe.weights == "random":
        lines.append("Random weights: this backbone has never seen a photo.")
    if record.best_val_accuracy is not None and record.val_photos:
        lines.append(
            f"best epoch {record.best_epoch} of {record.epochs_done}: validation accuracy "
            f"{percent(record.best_val_accuracy, record.val_photos)} (n = {record.val_photos:,})"
        )
    lines.append(f"look closer: python -m core evaluate {record.id}")
    return Outcome("\n".join(lines), document)
