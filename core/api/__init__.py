"""The workbench in Python: `import petalscope as ps`, then `ps.open()`.

Each call is what a page or a command calls. Training and analyses run in processes of their own:
neither Keras nor TensorFlow is imported here. A photo is named by its number in the dataset, by its
path there, or by a file. An error says the problem and the remedy.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from core.api.datasets import Dataset
from core.api.runs import Run, Version, compare
from core.api.shown import Bars, Shown, draw_table
from core.datasets.policies import make_recipe
from core.errors import PetalscopeError
from core.formats import count
from core.runs.choosing import choose_dataset, choose_run
from core.runs.queue.queue import submit_run
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.recipe import SETTINGS
from core.runs.recipe.settings import check_settings
from core.runs.store import list_runs
from core.workspace import Workspace as Folder
from core.workspace import open_workspace
from data.importing import import_source
from data.manifest import list_datasets, read_dataset
from data.sources.found import SourceRequest

__all__ = ["Dataset", "PetalscopeError", "Run", "Version", "Workspace", "compare", "open"]


def open(folder: str | Path | None = None) -> "Workspace":
    """Open a workspace; without a folder the one of the settings.

    >>> ws = ps.open()
    """
    return Workspace(open_workspace(None if folder is None else Path(folder)))


class Workspace(Shown):
    """The datasets and runs of a folder."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    @property
    def datasets(self) -> pd.DataFrame:
        """The datasets, newest first.

        >>> "three flowers" in set(ws.datasets["name"])
        True
        """
        columns = ["id", "name", "photos", "classes", "created", "problem"]
        return pd.DataFrame(map(vars, list_datasets(self.folder)), columns=columns)

    @property
    def runs(self) -> pd.DataFrame:
        """The runs, newest first.

        >>> set(ws.runs["state"])
        {'done'}
        """
        columns = ["id", "name", "state", "dataset", "strategy", "best_val_accuracy", "val_photos"]
        rows = [vars(run.recipe) | vars(run) for run in list_runs(self.folder)]
        return pd.DataFrame(rows, columns=columns)

    def dataset(self, text: str = "latest") -> "Dataset":
        """Return a dataset by its id, the start of the id, its name, or “latest”.

        >>> flowers = ws.dataset("three flowers")
        """
        return Dataset(self.folder, read_dataset(self.folder, choose_dataset(self.folder, text)))

    def run(self, text: str = "latest") -> "Run":
        """Return a run by its id, the start of the id, its name, or “latest” (finished).

        >>> run, other = ws.run("again"), ws.run("hardly")
        """
        return Run(self.folder, choose_run(self.folder, text).id)

    def import_photos(self, source: str | Path, name: str = "", **how: Any) -> "Dataset":
        """Import a folder, an archive, a .csv or “sample”, once.

        `how` is as for the command `import`: layout, group, own_split, images, names.

        >>> ws.import_photos("~/flowers", name="garden")
        garden: 24 photos in 2 classes (16 train, 4 validation, 4 test)
        """
        request = SourceRequest(path=os.path.expanduser(source), **how)  # noqa: PTH111
        with Bars() as bars, _name_arguments():
            made = import_source(self.folder, request, name=name, on_progress=bars.advance)
        return Dataset(self.folder, made)

    def add_predictions(
        self, source: str | Path | pd.DataFrame, dataset: "Dataset", name: str = "", **choices: Any
    ) -> "Run":
        """Add predictions made elsewhere as a run, and print how the file or table was read.

        An error asks for what is not clear; `choices` answer it: photo_column, class_column,
        score_column, scale, names (name in the file → class).

        >>> frame = flowers.photos[["path"]].assign(prediction="rose")
        >>> ws.add_predictions(frame, flowers, "roses").metrics().n
        Photos: “path”.
        ...
        6
        """
        from core.runs.adding import add_predictions
        from data.prediction_columns import Choices
        from data.predictions import read_predictions

        table = source if isinstance(source, pd.DataFrame) else Path(source).expanduser()
        with _name_arguments():
            read = read_predictions(table, dataset.files, Choices(**choices))
        read.check_names(f"If this is right, add names={dict(read.choices.names)}.")
        print(*read.words, *read.sentences, sep="\n")
        return Run(self.folder, add_predictions(self.folder, dataset.files, read, name)[0].id)

    def add_model(
        self, file: str | Path, dataset: "Dataset", name: str = "", **choices: Any
    ) -> "Run":
        """Add a model that was trained elsewhere as a run, and print how it is used.

        Keras (.keras, .h5), ONNX, or a folder or zip with one. `choices` replace what was found:
        preprocessing, framing, order, as for the command `add-model`.

        >>> ws.add_model("model.onnx", flowers).metrics().n
        Accuracy by preprocessing, ...
        6
        """
        from core.runs.adding_models import add_model
        from core.runs.trying import try_model

        place = TemporaryDirectory(prefix="model-", dir=self.folder.temporary)
        with place as folder, Bars() as bars, _name_arguments():
            read = try_model(Path(file).expanduser(), Path(folder), dataset.files, bars.advance)
            opened, proposal = read
            choice = proposal.choose(**choices)
            said = proposal.explain_order(choice.outputs, dataset.files.classes)
            record, _, parity = add_model(self.folder, dataset.files, opened, choice, name)
        print(*proposal.describe(), *said, parity, sep="\n")
        if not record.has_ended:
            ensure_scheduler(self.folder)
        return Run(self.folder, record.id).wait()

    def train(
        self, dataset: "Dataset", name: str = "", *, augmentation: str = "none", **settings: Any
    ) -> "Run":
        """Train a recipe and wait; one that was trained before opens its run.

        The settings are those of the command `train`. Ctrl+C ends the waiting, not the run.

        >>> ws.train(flowers, weights="random", epochs=5).record.epochs_done
        5
        """
        for key, one in settings.items():
            settings[key] = one.item() if isinstance(one, np.generic) else one
        settings["hidden"] = tuple(np.atleast_1d(settings.get("hidden", ())).tolist())
        check_settings(settings, SETTINGS)
        settings |= {"dataset": dataset.id, "augmentation": augmentation}
        recipe = make_recipe(self.folder, settings)
        record, _ = submit_run(self.folder, recipe, name)
        if not record.has_ended:
            ensure_scheduler(self.folder)
        return Run(self.folder, record.id).wait()

    def _say(self) -> Iterator[str]:
        n, k = count(len(self.datasets), "dataset"), count(len(self.runs), "run")
        yield f"Workspace {self.folder.root}: {n}, {k}"

    def _draw(self) -> Iterator[str]:
        yield from map(draw_table, (self.datasets, self.runs))


@contextmanager
def _name_arguments() -> Iterator[None]:
    """Name arguments in place of the options of commands in a remedy."""
    try:
        yield
    except PetalscopeError as error:
        error.remedy = re.sub(r"--([a-z-]+)", _name_argument, error.remedy)
        error.args = (f"{error.problem} {error.remedy}",)
        raise


def _name_argument(option: re.Match[str]) -> str:
    name = {"photos-column": "photo_column", "same": "names"}.get(option[1], option[1])
    return f"“{name.replace('-', '_')}”"
