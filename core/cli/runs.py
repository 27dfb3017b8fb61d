"""`runs`: the runs of the workspace as a table."""

import argparse
from dataclasses import asdict
from typing import Any

from core.cli.choosing import DATASET_HELP, choose_dataset
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.cli.tables import format_table
from core.formats import moment, percent
from core.runs.store import RunRecord, list_runs
from core.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset", nargs="?", metavar="DATASET", help=f"only runs on this dataset: {DATASET_HELP}"
    )


def run(workspace: Workspace, arguments: argparse.Namespace, _progress: ProgressLine) -> Outcome:
    dataset = choose_dataset(workspace, arguments.dataset) if arguments.dataset else None
    runs = list_runs(workspace, dataset)
    if not runs:
        return Outcome(
            text="No run yet. Train one: python -m core train latest", document={"runs": []}
        )
    headings = (
        *("id", "name", "dataset", "weights", "state", "epochs"),
        *("best epoch", "validation accuracy", "n", "created"),
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
        run.recipe.weights,
        "done (stopped)" if run.state == "done" and run.stopped else run.state,
        f"{run.epochs_done}/{run.recipe.epochs}",
        "–" if run.best_epoch is None else str(run.best_epoch),
        "–" if accuracy is None or n is None else percent(accuracy, n),
        "–" if n is None else f"{n:,}",
        moment(run.created),
    ]


def run_document(run: RunRecord) -> dict[str, Any]:
    """Returns what JSON output says of one run."""
    return asdict(run)
