"""`runs`: the runs of the workspace as a table; stop, pause, resume, extend and name them.

And the options that make up a recipe, and changes of one: both by the descriptions of settings.
"""

from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from core.cli.choosing import DATASET_HELP, choose_dataset, choose_item
from core.cli.command import Option, command, flag, option
from core.cli.outcome import Outcome, ProgressLine, format_table, pick
from core.datasets.policies import read_policy
from core.errors import RecipeRefused
from core.formats import moment, percent
from core.runs.queue import control, queue
from core.runs.queue.scheduled import wake_scheduler
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.recipe import SETTINGS, Recipe, suggest_settings
from core.runs.recipe.settings import Setting, parse_units
from core.runs.recipe.strategies import HEAD, STRATEGIES, SUGGESTED, SUGGESTED_VIEWS
from core.runs.store import RunRecord, list_runs, read_run
from core.workspace import Workspace
from models.devices import find_device
from models.weights import find_weights

_CHANGEABLE = {name: one for name, one in SETTINGS.items() if name != "weights_digest"}
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}
_METAVARS: dict[object, str] = {int: "N", float: "X", parse_units: "UNITS"}
_RUN_HELP = "id of a run or sweep, the start of one, its name, or “latest” (the newest)"
_RUN = option("run", _RUN_HELP)
_RUNS = option("runs RUN", _RUN_HELP, nargs="+")

runs = command(default="list", after=lambda workspace: wake_scheduler(workspace))


@runs.action(
    "list",
    "list the runs, newest first",
    option("dataset", f"only runs on this dataset: {DATASET_HELP}", nargs="?"),
    example="runs list latest --json",
)
def _list(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    wanted = choose_dataset(workspace, given.dataset) if given.dataset else None
    found = list_runs(workspace, wanted)
    document = {"runs": [run_document(run) for run in found]}
    if not found:
        return Outcome("No run yet. Train one: python -m core train latest", document)
    headings = (
        *("id", "name", "dataset", "strategy", "weights", "state", "epochs"),
        *("best epoch", "validation accuracy", "n", "tags", "created"),
    )
    return Outcome(format_table(headings, [_row(run) for run in found]), document)


def _row(run: RunRecord) -> list[object]:
    accuracy, n = run.best_val_accuracy, run.val_photos
    recipe = run.recipe
    return [
        *(run.id, run.name, recipe.dataset, recipe.strategy, recipe.weights),
        "done (stopped)" if run.state == "done" and run.stopped else run.state,
        f"{run.epochs_done}/{recipe.epochs}",
        None if run.best_epoch is None else str(run.best_epoch),
        None if accuracy is None or n is None else percent(accuracy, n),
        n,
        ", ".join(run.tags),
        moment(run.created),
    ]


def run_document(run: RunRecord) -> dict[str, Any]:
    """Describe one run as JSON output shows it."""
    document = asdict(run)
    if run.plan is not None:
        document["plan"]["kind"] = run.plan.kind
    return document


def _add_change(
    name: str,
    what: str,
    change: Callable[..., RunRecord | tuple[RunRecord, bool]],
    *options: Option,
    example: str,
) -> None:
    """Add an action that changes runs; all are found before the first changes.

    Args:
        change: Called with the workspace, the id of a run and what the options but the first give.
    """
    more = [one.settings.get("dest", one.name.strip("-").replace("-", "_")) for one in options[1:]]

    @runs.action(name, what, *options, example=f"runs {name} {example}")
    def act(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
        texts = given.runs if "runs" in given else [given.run]
        chosen = [choose_item(workspace, text) for text in texts]
        values = pick(given, *more)
        found = [change(workspace, run.id, **values) for run in chosen]
        changed = [one[0] if isinstance(one, tuple) else one for one in found]
        if any(not run.has_ended for run in changed):
            ensure_scheduler(workspace)  # what waits must go on, what stops may need a worker
        return Outcome(
            "\n".join(_describe_run(workspace, run) for run in changed),
            {"runs": [run_document(run) for run in changed]},
        )


def _duplicate(
    workspace: Workspace, run_id: str, changes: Sequence[str], name: str | None
) -> RunRecord:
    recipe = change_recipe(workspace, read_run(workspace, run_id).recipe, changes)
    return queue.submit_run(workspace, recipe, name)[0]


_add_change(
    "stop",
    "end runs; the best epoch of each is kept",
    queue.request_stop,
    _RUNS,
    flag("--after-epoch", "complete the epoch that goes; without, it is dropped"),
    example="latest --after-epoch",
)
for _name, _what, _change in (
    ("pause", "give the device to others; checkpoints are kept", control.pause_run),
    ("resume", "let paused runs go on from their checkpoints", control.resume_run),
    ("retry", "queue runs again that failed, were lost or stopped", queue.retry_run),
):
    _add_change(_name, _what, _change, _RUNS, example="latest")
_add_change(
    "extend",
    "train more epochs, in a run of their own",
    control.extend_run,
    _RUN,
    option("--epochs N", "how many more", int, required=True),
    example="latest --epochs 10",
)
_add_change(
    "duplicate",
    "train the recipe of a run with some settings changed",
    _duplicate,
    _RUN,
    option(
        "--set SETTING=VALUE",
        "a setting of the recipe as JSON output names it; may be given several times",
        dest="changes",
        action="append",
        default=[],
    ),
    option("--name", "what to call the new run"),
    example="latest --set learning_rate=3e-4 --set hidden=256,128 --set augmentation=gentle",
)


@runs.action("delete", "delete runs with all they made", _RUNS, example="runs delete 3f2a 77c0")
def _delete(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    chosen = {run.id: run for run in (choose_item(workspace, text) for text in given.runs)}
    for run_id in chosen:
        queue.delete_run(workspace, run_id)
    names = "\n".join(f"Deleted “{run.name}” ({run.id})." for run in chosen.values())
    return Outcome(names, {"deleted": list(chosen)})


_add_change(
    "note",
    "write what there is to know of a run",
    control.note_run,
    _RUN,
    option("notes TEXT", "the note; an empty one removes it"),
    example="latest “with the new photos”",
)
_add_change(
    "tag",
    "give a run these tags in place of its own; without TAG: none",
    control.tag_run,
    _RUN,
    option("tags TAG", "a word or two", nargs="*"),
    example="latest course",
)
_add_change(
    "rename",
    "change the name that is shown",
    control.rename_run,
    _RUN,
    option("name", "the new name; empty: “Run 7”"),
    example="latest baseline",
)


def _describe_run(workspace: Workspace, run: RunRecord) -> str:
    state: str = run.state
    if run.state == "queued":
        state += f", place {queue.read_place(workspace, run.id)}"
    elif run.request == "pause":
        state = "will pause"
    elif run.request:
        state = "will stop after its epoch" if run.request == "stop_after_epoch" else "will stop"
    parts = [f"“{run.name}” ({run.id}): {state}"]
    parts += [f"tags: {', '.join(run.tags)}"] if run.tags else []
    return " · ".join(parts) + (f"\n  {run.notes}" if run.notes else "")


def choose_recipe(workspace: Workspace, given: Namespace) -> Recipe:
    """Return the recipe of the options, for the dataset they name and weights that are here."""
    dataset_id = choose_dataset(workspace, given.dataset)
    weights = find_weights(workspace, given.weights)
    return read_recipe(workspace, given, dataset_id=dataset_id, weights_digest=weights.digest)


def read_recipe(
    workspace: Workspace, given: Namespace, *, dataset_id: str, weights_digest: str
) -> Recipe:
    """Return the recipe of the options that were offered; the others have their defaults.

    Raises:
        AugmentationRefused: No policy has that name.
    """
    offered = {name: value for name, value in vars(given).items() if name in SETTINGS}
    settings = {name: value for name, value in offered.items() if value is not None}
    strategy = settings.get("strategy", HEAD)
    device = find_device()
    suggested = suggest_settings(strategy, device.kind, device.half) | {"views": SUGGESTED_VIEWS}
    settings["augmentation"] = read_policy(workspace, given.policy)
    settings |= {"dataset": dataset_id, "weights_digest": weights_digest}
    return Recipe(**suggested | settings)


def change_recipe(workspace: Workspace, recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """Change settings of a recipe that are given as “name=value”.

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
    try:
        setting = _CHANGEABLE[name]
        if setting.default is None and text.lower() == "none":
            return None
        return _TRUTHS[text.lower()] if isinstance(setting.default, bool) else setting.parse(text)
    except (ValueError, KeyError) as error:
        raise RecipeRefused(
            f"“{name}={text}” changes nothing of a recipe.",
            f"Write SETTING=VALUE; the settings are: {', '.join(_CHANGEABLE)}.",
            field=name,
        ) from error


def _make_option(setting: Setting) -> Option:
    """Make the option of a setting; left out, it is None where its default depends on others."""
    if isinstance(setting.default, bool):
        action = "store_false" if setting.default else "store_true"
        return Option(
            setting.option, {"dest": setting.name, "action": action, "help": setting.help}
        )
    depends = setting.usual or setting.name in SUGGESTED
    return option(
        setting.option,
        f"{setting.help or setting.tip} (default: {_say_default(setting)})",
        setting.parse,
        choices=tuple(setting.choices) if setting.parse is str or setting.later else None,
        default=None if depends else setting.default,
        metavar="NAME" if setting.name == "weights" else _METAVARS.get(setting.parse),
    )


def _say_default(setting: Setting) -> str:
    """Return the default in words: "8 for last_stage, 5 for full, else 10"."""
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
    "augmentation: none, gentle, strong, randaugment or one that you saved",
    default="none",
)
RECIPE = tuple(
    _POLICY if setting.name == "augmentation" else _make_option(setting)
    for setting in SETTINGS.values()
    if setting.name == "augmentation" or (setting.has_default and setting.is_offered)
)
"""Every option of a recipe but the dataset."""
BACKBONE = tuple(
    _make_option(SETTINGS[name])
    for name in ("weights", "preprocessing", "framing", "photo_side", "crops")
)
