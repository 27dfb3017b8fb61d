"""Predictions that were made elsewhere, stored as a finished run without a model."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import insert

from core.runs.database import read_database, write_database
from core.runs.recipe.recipe import Recipe, recipe_to_json
from core.runs.recipe.strategies import ADDED
from core.runs.result import RunResult, write_result
from core.runs.run_files import RECIPE_FILE, append_event, is_result_whole
from core.runs.store import RunRecord, find_run, select_run
from core.runs.tables import runs_table
from core.workspace import Workspace, write_atomically
from data.dataset import Dataset
from data.predictions import Understood
from models.dense import measure_scores


def add_predictions(
    workspace: Workspace, dataset: Dataset, understood: Understood, name: str = ""
) -> tuple[RunRecord, bool]:
    """Return the run of these predictions, and whether it is new.

    The same predictions of the same dataset are one run. A photo without a prediction belongs to no
    split of the run.
    """
    recipe = Recipe(
        dataset=dataset.id, weights_digest="", strategy=ADDED, predictions=understood.digest
    )
    folder = workspace.run_folder(recipe.run_id)
    with read_database(workspace) as connection:
        existing = find_run(connection, recipe.run_id)
    if existing is not None and is_result_whole(folder):
        return existing, False
    result = _make_result(dataset, understood)
    folder.mkdir(parents=True, exist_ok=True)
    write_result(folder, result, None)
    with write_atomically(folder / RECIPE_FILE) as file:
        file.write_text(recipe_to_json(recipe), encoding="utf-8")
    if existing is None:
        append_event(folder, {"event": "queued", "attempt": 0})
        append_event(folder, {"event": "epoch", **result.history[0]})
        append_event(folder, {"event": "end", "state": "done"})
    with write_database(workspace) as connection:
        if find_run(connection, recipe.run_id) is None:
            row: dict[str, Any] = {"id": recipe.run_id, "dataset": recipe.dataset}
            row |= dict.fromkeys(("created", "queued", "finished"), datetime.now(UTC))
            row["name"] = name.strip()
            row |= {"recipe": recipe_to_json(recipe), "state": "done", **result.describe_best()}
            connection.execute(insert(runs_table).values(**row))
        return select_run(connection, recipe.run_id), existing is None


def _make_result(dataset: Dataset, understood: Understood) -> RunResult:
    """Return the result, with one epoch that has the figures of validation."""
    splits = np.where(understood.matched, dataset.splits, "")
    judged = splits == "validation"
    loss, accuracy = None, None
    if judged.any():
        loss, accuracy = measure_scores(understood.scores[judged], dataset.labels[judged])
    epoch: dict[str, Any] = {"epoch": 1, "seconds": 0.0, "train_loss": None, "train_accuracy": None}
    epoch["val_loss"] = loss if understood.scored == "all" else None
    epoch["val_accuracy"] = accuracy
    return RunResult(
        scores=understood.scores,
        labels=dataset.labels,
        splits=splits,
        paths=np.asarray(dataset.manifest["path"], dtype=np.str_),
        classes=dataset.classes,
        best_epoch=1,
        history=[epoch],
        dataset_id=dataset.id,
        scored=understood.scored,
    )
