"""`runs`: list, stop, pause, resume, extend and name runs; and the options of a recipe."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from core.cli.choosing import DATASET_HELP
from core.cli.command import Option, command, flag, option
from core.cli.outcome import Outcome, ProgressLine, pick, tabulate
from core.datasets.policies import make_recipe
from core.formats import percent
from core.runs.choosing import NOTHING_YET, choose_dataset, choose_item
from core.runs.queue import control, queue
from core.runs.queue.scheduled import wake_scheduler
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.recipe import SETTINGS, Recipe
from core.runs.recipe.settings import Setting, parse_units
from core.runs.recipe.strategies import STRATEGIES, SUGGESTED
from core.runs.store import RunRecord, list_runs
from core.workspace import Workspace

_METAVARS: dict[object, str] = {int: "N", float: "X", parse_units: "UNITS"}
_RUN_HELP = "run or sweep: its id, the start of the id, its name, or “latest” (the newest)"
_RUN = option("run", _RUN_HELP)
_RUNS = option("runs RUN", _RUN_HELP, nargs="+")

runs = command(default="list")


@runs.action(
    "list",
    "list the runs, newest first",
    option("dataset", f"only runs of this {DATASET_HELP}", nargs="?"),
    example="runs list latest --json",
)
def _list(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    wanted = choose_dataset(workspace, given.dataset) if given.dataset else None
    found = list_runs(workspace, wanted)
    wake_scheduler(workspace)

    table = tabulate(
        found,
        "id name recipe.dataset recipe.strategy",
        weights=lambda run: None if run.recipe.is_added else run.recipe.weights,
        state=lambda run: "done (stopped)" if run.state == "done" and run.stopped else run.state,
        epochs=lambda run: (
            f"{run.epochs_done}/{run.recipe.epochs}" if run.recipe.has_epochs else None
        ),
        best_epoch=lambda run: run.best_epoch if run.recipe.has_epochs else None,
        validation_accuracy=_say_accuracy,
        n="val_photos",
        tags="tags",
        created="created",
    )
    parts = (table,) if found else NOTHING_YET["run"]
    return Outcome({"runs": [run_document(run) for run in found]}, parts)


def _say_accuracy(run: RunRecord) -> str | None:
    if run.best_val_accuracy is None or run.val_photos is None:
        return None
    return percent(run.best_val_accuracy, run.val_photos)


def run_document(run: RunRecord) -> dict[str, Any]:
    """Return a run as JSON output shows it."""
    plan = run.plan and {**vars(run.plan), "kind": run.plan.kind}
    return {**vars(run), "plan": plan}


def _add_change(
    name: str, what: str, change: Callable[..., Any], *options: Option, example: str = "latest"
) -> None:
    """Add an action that changes runs; all runs are found before the first one changes.

    Args:
        change: Called with the workspace, the id of a run and the options after the first one.
    """
    more = [one.settings.get("dest", one.name.strip("-").replace("-", "_")) for one in options[1:]]

    @runs.action(name, what, *options, example=f"runs {name} {example}")
    def act(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
        texts = given.runs if "runs" in given else [given.run]
        chosen = [choose_item(workspace, text) for text in texts]
        found = [change(workspace, run.id, **pick(given, *more)) for run in chosen]
        changed = [one[0] if isinstance(one, tuple) else one for one in found]
        if any(not run.has_ended for run in changed):
            ensure_scheduler(workspace)  # a queued run must start, a stopping one needs its worker
        document = {"runs": [run_document(run) for run in changed]}
        return Outcome(document, [_describe_run(workspace, run) for run in changed])


_AFTER_EPOCH = flag("--after-epoch", "finish the current epoch first instead of dropping it")
_EPOCHS = option("--epochs N", "number of additional epochs", int, required=True)
_NOTE = option("notes TEXT", "the note; an empty one removes it")
_TAGS = option("tags TAG", "a word or two", nargs="*")
_NAME = option("name", "the new name; an empty one restores “Run 7”")

_add_change("stop", "end runs; each keeps its best epoch", queue.request_stop, _RUNS, _AFTER_EPOCH)
_add_change("pause", "free the device; the checkpoints stay", control.pause_run, _RUNS)
_add_change("resume", "continue paused runs from their checkpoints", control.resume_run, _RUNS)
_add_change("retry", "queue failed, lost or stopped runs again", queue.retry_run, _RUNS)
_add_change(
    "extend",
    "train more epochs, as a new run",
    control.extend_run,
    _RUN,
    _EPOCHS,
    example="latest --epochs 10",
)
_add_change("note", "write a note about a run", control.note_run, _RUN, _NOTE)
_add_change("tag", "replace the tags of a run; no TAG: remove them", control.tag_run, _RUN, _TAGS)
_add_change("rename", "change the name of a run", control.rename_run, _RUN, _NAME)


@runs.action("delete", "delete runs with all their files", _RUNS, example="runs delete 3f2a 77c0")
def _delete(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    chosen = {run.id: run for run in (choose_item(workspace, text) for text in given.runs)}
    for run_id in chosen:
        queue.delete_run(workspace, run_id)
    names = [f"Deleted “{run.name}” ({run.id})." for run in chosen.values()]
    return Outcome({"deleted": list(chosen)}, names)


def _describe_run(workspace: Workspace, run: RunRecord) -> str:
    requests = {"pause": "will pause", "stop_after_epoch": "will stop after its epoch"}
    state: str = requests.get(run.request, "will stop") if run.request else run.state
    if run.state == "queued":
        state = f"queued, position {queue.read_place(workspace, run.id)}"
    tags = f" · tags: {', '.join(run.tags)}" if run.tags else ""
    note = f" · note: {run.notes}" if run.notes else ""
    return f"“{run.name}” ({run.id}): {state}{tags}{note}"


def read_recipe(workspace: Workspace, given: Namespace, **fixed: str) -> Recipe:
    """Return the recipe of the options; settings without an option have their defaults.

    Raises:
        AugmentationRefused: No augmentation policy has this name.
        WeightsMissing: The weights are not available.
    """
    offered = {name: value for name, value in vars(given).items() if name in SETTINGS}
    settings = {name: value for name, value in offered.items() if value is not None}
    return make_recipe(workspace, settings | {"augmentation": given.policy} | fixed)


def _make_option(setting: Setting) -> Option:
    """Return the option of a setting; its default is None if it depends on other settings."""
    if isinstance(setting.default, bool):
        action = "store_false" if setting.default else "store_true"
        return Option(
            setting.option, {"dest": setting.name, "action": action, "help": setting.help}
        )
    depends = setting.usual or setting.name in SUGGESTED
    return option(
        setting.option,
        f"{setting.help.rstrip('.')} (default: {_say_default(setting)})",
        setting.parse,
        choices=tuple(setting.choices) if setting.parse is str or setting.later else None,
        default=None if depends else setting.default,
        metavar="NAME" if setting.name == "weights" else _METAVARS.get(setting.parse),
    )


def _say_default(setting: Setting) -> str:
    """Return a default in words, such as "8 for last_stage, 5 for full, else 10"."""
    if setting.usual or setting.name not in SUGGESTED:
        return setting.usual or setting.say(setting.default)
    values = {name: one.suggested.get(setting.name) for name, one in STRATEGIES.items()}
    groups = {
        value: " and ".join(name for name in values if values[name] == value)
        for value in values.values()
        if value is not None
    }
    said = [f"{setting.say(value)} for {names}" for value, names in groups.items()]
    return ", ".join([*said, f"else {setting.say(setting.default)}"])


_POLICY = option(
    "--policy NAME",
    "augmentation: none, gentle, strong, randaugment, or the name of a saved policy",
    default="none",
)
RECIPE = tuple(
    _POLICY if setting.name == "augmentation" else _make_option(setting)
    for setting in SETTINGS.values()
    if setting.name == "augmentation" or (setting.has_default and setting.is_offered)
)
"""All options of a recipe except the dataset."""
BACKBONE = tuple(_make_option(SETTINGS[name]) for name in ("weights", "preprocessing", "framing"))
