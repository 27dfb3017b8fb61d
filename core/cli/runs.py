"""`runs`: the runs of the workspace as a table; stop, pause, resume, extend and name them.

What is done with a run is in `core.cli.run_actions`; here are the arguments and the table.
"""

import argparse
from dataclasses import asdict
from typing import Any

from core.cli.actions import add_actions
from core.cli.choosing import DATASET_HELP, choose_dataset
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.cli.tables import format_table
from core.formats import moment, percent
from core.runs.store import RunRecord, list_runs
from core.workspace import Workspace

_RUN_HELP = "id of a run or sweep, the start of one, its name, or “latest” (the newest)"
_WHAT = {
    "list": ("list the runs, newest first", "list latest --json"),
    "stop": ("end runs; the best epoch of each is kept", "stop latest --after-epoch"),
    "pause": ("give the device to others; checkpoints are kept", "pause latest"),
    "resume": ("let paused runs go on from their checkpoints", "resume latest"),
    "retry": ("queue runs again that failed, were lost or stopped", "retry latest"),
    "extend": ("train so many epochs more, in a run of their own", "extend latest --epochs 10"),
    "duplicate": (
        "train the recipe of a run with some settings changed",
        "duplicate latest --set learning_rate=3e-4 --set hidden=256,128 --set augmentation=gentle",
    ),
    "delete": ("delete runs with all they made", "delete 3f2a 77c0"),
    "note": ("write what there is to know of a run", "note latest “with the new photos”"),
    "tag": ("give a run these tags in place of its own; without TAG: none", "tag latest course"),
    "rename": ("change the name that is shown", "rename latest baseline"),
}
_OF_SEVERAL = ("stop", "pause", "resume", "retry", "delete")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for name, action in add_actions(parser, "runs", _WHAT):
        _add_own_arguments(action, name)


def _add_own_arguments(action: argparse.ArgumentParser, name: str) -> None:
    if name == "list":
        help_text = f"only runs on this dataset: {DATASET_HELP}"
        action.add_argument("dataset", nargs="?", metavar="DATASET", help=help_text)
    elif name in _OF_SEVERAL:
        action.add_argument("runs", nargs="+", metavar="RUN", help=_RUN_HELP)
    else:
        action.add_argument("run", metavar="RUN", help=_RUN_HELP)
    if name == "stop":
        help_text = "complete the epoch that goes; without, it is dropped"
        action.add_argument("--after-epoch", action="store_true", help=help_text)
    if name == "extend":
        action.add_argument("--epochs", type=int, required=True, metavar="N", help="how many more")
    if name == "duplicate":
        action.add_argument(
            "--set",
            dest="changes",
            action="append",
            default=[],
            metavar="SETTING=VALUE",
            help="a setting of the recipe as JSON output names it; may be given several times",
        )
        action.add_argument("--name", help="what to call the new run")
    if name == "note":
        action.add_argument("text", metavar="TEXT", help="the note; an empty one removes it")
    if name == "tag":
        action.add_argument("tags", nargs="*", metavar="TAG", help="a word or two")
    if name == "rename":
        action.add_argument("name", metavar="NAME", help="the new name; empty: “Run 7”")


def run(workspace: Workspace, arguments: argparse.Namespace, _progress: ProgressLine) -> Outcome:
    if arguments.action not in (None, "list"):
        from core.cli.run_actions import act

        return act(workspace, arguments)
    wanted = getattr(arguments, "dataset", None)
    runs = list_runs(workspace, choose_dataset(workspace, wanted) if wanted else None)
    if not runs:
        return Outcome(
            text="No run yet. Train one: python -m core train latest", document={"runs": []}
        )
    headings = (
        *("id", "name", "dataset", "strategy", "weights", "state", "epochs"),
        *("best epoch", "validation accuracy", "n", "tags", "created"),
    )
    return Outcome(
        text=format_table(headings, [_row(run) for run in runs]),
        document={"runs": [run_document(run) for run in runs]},
    )


def _row(run: RunRecord) -> list[str]:
    accuracy, n = run.best_val_accuracy, run.val_photos
    return [
        run.id,
        run.name,
        run.recipe.dataset,
        run.recipe.strategy,
        run.recipe.weights,
        "done (stopped)" if run.state == "done" and run.stopped else run.state,
        f"{run.epochs_done}/{run.recipe.epochs}",
        "–" if run.best_epoch is None else str(run.best_epoch),
        "–" if accuracy is None or n is None else percent(accuracy, n),
        "–" if n is None else f"{n:,}",
        ", ".join(run.tags),
        moment(run.created),
    ]


def run_document(run: RunRecord) -> dict[str, Any]:
    """Returns what JSON output says of one run."""
    document = asdict(run)
    if run.plan is not None:
        document["plan"]["kind"] = run.plan.kind
    return document
