"""What `runs` does with runs: stop, pause, resume, retry, extend, duplicate, delete, name them."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_type_hints

from core.cli.choosing import choose_dataset, choose_item
from core.cli.outcome import Outcome
from core.cli.runs import run_document
from core.datasets.policies import read_policy
from core.errors import RecipeRefused
from core.formats import duration
from core.runs.queue import control, queue
from core.runs.queue.starting import ensure_scheduler
from core.runs.queue.wait_time import expected_wait
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord
from core.workspace import Workspace
from models.weights import find_weights

_KINDS: dict[str, Any] = get_type_hints(Recipe)
_SETTINGS = tuple(name for name in _KINDS if name not in ("version", "weights_digest"))
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


def act(workspace: Workspace, arguments: argparse.Namespace) -> Outcome:
    """Returns what became of the runs."""
    if arguments.action == "delete":
        return _delete(workspace, arguments.runs)
    if arguments.action in _EACH:
        change = _EACH[arguments.action]
        wanted = [choose_item(workspace, text) for text in arguments.runs]
        runs = [change(workspace, run.id, arguments) for run in wanted]
    else:
        run = choose_item(workspace, arguments.run)
        runs = [_ONE[arguments.action](workspace, run, arguments)]
    if any(not run.has_ended for run in runs):
        ensure_scheduler(workspace)  # what waits must go on, what stops may need a worker
    return Outcome(
        text="\n".join(_describe(workspace, run) for run in runs),
        document={"runs": [run_document(run) for run in runs]},
    )


def _stop(workspace: Workspace, run_id: str, arguments: argparse.Namespace) -> RunRecord:
    return queue.request_stop(workspace, run_id, after_epoch=arguments.after_epoch)


_EACH: dict[str, Callable[[Workspace, str, argparse.Namespace], RunRecord]] = {
    "stop": _stop,
    "pause": lambda workspace, run_id, _: control.pause_run(workspace, run_id),
    "resume": lambda workspace, run_id, _: control.resume_run(workspace, run_id),
    "retry": lambda workspace, run_id, _: queue.retry_run(workspace, run_id),
}


def _extend(workspace: Workspace, run: RunRecord, arguments: argparse.Namespace) -> RunRecord:
    return control.extend_run(workspace, run.id, arguments.epochs)[0]


def _duplicate(workspace: Workspace, run: RunRecord, arguments: argparse.Namespace) -> RunRecord:
    recipe = change_recipe(workspace, run.recipe, arguments.changes)
    return queue.submit_run(workspace, recipe, arguments.name)[0]


_ONE: dict[str, Callable[[Workspace, RunRecord, argparse.Namespace], RunRecord]] = {
    "extend": _extend,
    "duplicate": _duplicate,
    "note": lambda workspace, run, given: control.note_run(workspace, run.id, given.text),
    "tag": lambda workspace, run, given: control.tag_run(workspace, run.id, given.tags),
    "rename": lambda workspace, run, given: control.rename_run(workspace, run.id, given.name),
}


def _delete(workspace: Workspace, texts: Sequence[str]) -> Outcome:
    runs = {run.id: run for run in (choose_item(workspace, text) for text in texts)}
    for run_id in runs:
        queue.delete_run(workspace, run_id)
    names = "\n".join(f"Deleted “{run.name}” ({run.id})." for run in runs.values())
    return Outcome(text=names, document={"deleted": list(runs)})


def change_recipe(workspace: Workspace, recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """Returns the recipe with settings given as “name=value” changed.

    Raises:
        RecipeRefused: A setting is none of a recipe's, or its value is of another kind.
        AugmentationRefused: No augmentation policy has that name.
    """
    values: dict[str, Any] = {}
    for change in changes:
        name, _, text = change.partition("=")
        name = name.strip().replace("-", "_")
        values[name] = _read_value(workspace, name, text.strip())
    if "weights" in values:
        values["weights_digest"] = find_weights(workspace, values["weights"]).digest
    return replace(recipe, **values)


def _read_value(workspace: Workspace, name: str, text: str) -> object:
    if name == "augmentation":
        return read_policy(workspace, text)
    if name == "dataset":
        return choose_dataset(workspace, text)
    kind = _KINDS.get(name)
    try:
        if name not in _SETTINGS:
            raise KeyError(name)
        if name == "hidden":
            return tuple(int(units) for units in text.split(",") if units.strip())
        if kind == int | None:
            return None if text.lower() == "none" else int(text)
        if kind is bool:
            return _TRUTHS[text.lower()]
        return kind(text) if kind in (int, float) else text
    except (ValueError, KeyError) as error:
        raise RecipeRefused(
            f"“{name}={text}” changes nothing of a recipe.",
            f"Write SETTING=VALUE; the settings are: {', '.join(_SETTINGS)}.",
            field=name,
        ) from error


def _describe(workspace: Workspace, run: RunRecord) -> str:
    state: str = run.state
    if run.state == "queued":
        place, seconds = expected_wait(workspace, run.id)
        state += f", place {place}"
        state += "" if not seconds else f", starts in about {duration(seconds)}"
    elif run.request == "pause":
        state = "will pause"
    elif run.request:
        state = "will stop after its epoch" if run.request == "stop_after_epoch" else "will stop"
    parts = [f"“{run.name}” ({run.id}): {state}"]
    parts += [f"tags: {', '.join(run.tags)}"] if run.tags else []
    return " · ".join(parts) + (f"\n  {run.notes}" if run.notes else "")
