"""`add-predictions`: a table of predictions made elsewhere becomes a run."""

import argparse
from argparse import Namespace
from pathlib import Path
from typing import get_args

from core.cli.choosing import DATASET_HELP, read_chosen
from core.cli.command import command, flag, option
from core.cli.outcome import Outcome, ProgressLine, pick
from core.runs import adding
from core.workspace import Workspace
from data.prediction_columns import Choices, Scale
from data.predictions import read_predictions


def _read_pair(text: str) -> tuple[str, str]:
    name, sign, class_name = text.rpartition("=")
    if not sign:
        raise argparse.ArgumentTypeError("must be NAME=CLASS")
    return name, class_name


@command(
    option("file", "table of predictions: .csv, .tsv, .csv.gz, .parquet or .jsonl", Path),
    option("--dataset DATASET", DATASET_HELP, required=True),
    option("--name", "name of the run; default: the name of the file"),
    option("--photos-column COLUMN", "the column with paths, file names or SHA-256"),
    option("--class-column COLUMN", "the column of the predicted class"),
    option(
        "--score-column COLUMN",
        "the column of its score, or of lists of scores; “prob_*” for a column for each class",
    ),
    option("--scale", "scale of the scores (default: detected)", choices=get_args(Scale)),
    option(
        "--same NAME=CLASS",
        "the class of a name in the table; without CLASS, the name is left out; repeatable",
        _read_pair,
        action="append",
        default=[],
    ),
    flag("--yes", "accept names that differ from a class in spelling only"),
)
def add_predictions(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Add predictions made elsewhere as a run."""
    dataset = read_chosen(workspace, given)
    choices = Choices(
        photo_column=given.photos_column,
        class_column=given.class_column,
        score_column=given.score_column,
        names=dict(given.same),
        scale=given.scale,
    )
    understood = read_predictions(given.file.expanduser(), dataset, choices)
    for line in (*understood.words, *understood.sentences):
        progress.note(line)
    if not given.yes:
        understood.check_names("Accept them all (--yes), or name each (--same NAME=CLASS).")
    name = given.name or given.file.name.partition(".")[0]
    run, is_new = adding.add_predictions(workspace, dataset, understood, name)
    document = {"run": run.id, "name": run.name, "dataset": dataset.id, "is_new": is_new}
    document |= pick(understood, "scored", "choices", "words", "sentences")
    document |= pick(understood, "rows", "unknown", "unknown_rows")
    already = "" if is_new else "The same predictions were added before."
    return Outcome(document, (f"{run.name} · {run.id}", already))
