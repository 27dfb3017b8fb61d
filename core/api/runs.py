"""A run in Python: its answers and their reasons, and what becomes of its model."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.request import urlopen

import numpy as np
import pandas as pd

from core.api.datasets import Dataset, Photo, read_photo
from core.api.shown import Bars, Found, Photos, Shown, show_change, show_photos
from core.datasets.photo_table import describe_answers
from core.errors import COMMAND, BadIdentifier, ExportRefused, PetalscopeError, RunUnfinished
from core.evaluation.confusion import count_confusions
from core.evaluation.metrics import evaluate_scores
from core.evaluation.mistakes import OWN_RANKINGS, OwnRanking, rank_photos, read_answers
from core.exact.store import find_run_source, prepare_head
from core.exact.whatif import WhatIf
from core.exact.why import ask_why
from core.formats import interval, percent
from core.prediction.answers import describe_answer
from core.prediction.gradcam import draw_overlay
from core.prediction.predictor import open_predictor
from core.runs.choosing import count_opening, describe_openings
from core.runs.common_photos import describe_left_out, find_common
from core.runs.following import RunFollower
from core.runs.result import RunResult, read_result, read_run_features
from core.runs.store import RunRecord, read_run
from core.workspace import Workspace as Folder
from data.manifest import read_dataset
from data.splits import SPLITS

_WHO = "Python"
"""The name under which actions are recorded."""


class Run(Shown):
    """A run: its answers, and what can be done with its model."""

    _openings = ""

    def __init__(self, folder: Folder, run_id: str) -> None:
        self.folder, self.id = folder, run_id

    @property
    def record(self) -> RunRecord:
        """The state of now: recipe, name, state, epochs, accuracy.

        >>> run.record.recipe.weights
        'random'
        """
        return read_run(self.folder, self.id)

    @property
    def curve(self) -> pd.DataFrame:
        """Loss and accuracy of each epoch, on training and validation photos.

        >>> len(run.curve) == run.record.epochs_done
        True
        """
        return pd.DataFrame(self._result.curve).set_index("epoch")

    @cached_property
    def dataset(self) -> Dataset:
        """Its dataset.

        >>> run.dataset
        three flowers: 36 photos in 3 classes (24 train, 6 validation, 6 test)
        """
        return Dataset(self.folder, read_dataset(self.folder, self.record.recipe.dataset))

    @property
    def scores(self) -> pd.DataFrame:
        """The score of each class for each photo; missing for test photos, until they are opened.

        >>> run.scores.shape
        (36, 3)
        """
        scores = pd.DataFrame(self._result.scores, columns=list(self._result.classes))
        scores[self._sealed] = np.nan
        return scores

    @property
    def features(self) -> np.ndarray:
        """The features behind the scores, (n, 2048) float32, memory-mapped.

        >>> run.features.shape
        (36, 2048)
        """
        return read_run_features(self.folder, self._result)

    def wait(self) -> "Run":
        """Show the progress until the run has ended; Ctrl+C ends the waiting, not the run.

        >>> run.wait().record.state
        'done'
        """
        record = self.record
        try:
            with Bars() as bars:
                folder, epochs = self.folder.run_folder(self.id), record.recipe.epochs
                record = RunFollower(folder, bars, epochs).follow(self.folder, record)
        except KeyboardInterrupt:
            print(f"{record.name} is still running; wait() follows it.")
            return self
        if record.state not in ("done", "paused"):
            lost, code = record.problem or "The run was lost.", record.error_code or "run_lost"
            raise PetalscopeError(lost, record.remedy or "Train it again.", code=code)
        return self

    def metrics(self, split: str = "validation") -> Found:
        """Return accuracy, loss, and the figures of each class; openings of test are counted.

        >>> run.metrics("validation").n
        6
        """
        photos, result = self._open(split), self._result
        found = evaluate_scores(result.scores[photos], result.labels[photos], result.classes)
        if result.scored != "all":
            found = replace(found, loss=np.nan, top_k_accuracy=np.nan)
        ends = interval(found.accuracy_low, found.accuracy_high, found.n)
        accuracy = f"accuracy {percent(found.accuracy, found.n)}, {ends}"
        few = "" if split == "train" else result.warn_of_few(split)
        opened = self._openings if split == "test" else ""
        words = (f"{self.record.name}, {split}: {accuracy}", few, opened)
        return Found(words, found.per_class.set_index("class"), facts=found)

    def confusion(self, split: str = "validation") -> Found:
        """Return the confusion matrix (rows: true classes), as `.table` and as Altair `.chart`.

        >>> int(run.confusion().table.to_numpy().sum())
        6
        """
        from core.charts.matrix import draw_matrix
        from core.charts.matrix_cells import Look, describe_matrix

        photos, result, title = self._open(split), self._result, f"{self.record.name}, {split}"
        predicted, every = result.scores[photos].argmax(axis=1), np.arange(len(result.classes))
        counts = count_confusions(result.labels[photos], predicted, len(every))
        drawn = describe_matrix(counts, result.classes, Look(rows=every, columns=every))
        names = (pd.Index(result.classes, name=name) for name in ("true", "predicted"))
        return Found((title,), pd.DataFrame(counts, *names), chart=draw_matrix(drawn, title))

    def mistakes(self, split: str = "validation", ranking: OwnRanking = "highest-loss") -> Photos:
        """Return the wrong photos of a split; other rankings: “least-sure”, “barely-right”.

        >>> len(other.mistakes("train", "least-sure"))
        24
        """
        _check_choice(ranking, OWN_RANKINGS)
        photos, result = self._open(split), self._result
        answers = read_answers(result.scores[photos], result.labels[photos])
        ranked = photos[rank_photos(ranking, answers, result.paths[photos])]
        known = describe_answers(result, self._sealed)
        table = self.dataset.files.manifest[["class", "path"]].join(known).loc[ranked]
        title, columns = f"{self.record.name}, {split}, {ranking}", "class predicted score path"
        return show_photos(self.dataset.files, title, table[columns.split()])

    def predict(self, photo: Photo) -> Found:
        """Return the answer for a photo; it is not written to the prediction log.

        >>> run.predict("tulip.jpg").top[0][0] in run.dataset.classes
        True
        """
        return self._answer(photo, [])

    def explain(self, photo: Photo, classes: str | Sequence[str] = ()) -> Found:
        """Return the answer with Grad-CAM: where the evidence for its class is, or for others.

        >>> list(run.explain("tulip.jpg", ["rose"]).pictures)
        ['what the network sees', 'evidence for rose']
        """
        return self._answer(photo, [classes] if isinstance(classes, str) else classes or None)

    def why(self, photo: Photo) -> Found:
        """Return the training photos that decide the exact head's answer to a photo of the dataset.

        >>> "decisive" in run.why("tulip.jpg").photos
        True
        """
        files, number = self.dataset.files, self.dataset.find(photo)
        self._count(number)
        source = find_run_source(self.folder, files, self.id, self._result)
        why = ask_why(prepare_head(self.folder, source), files, self._result, number)
        sides = {f"for {files.classes[side]}": found for side, (found, _) in why.sides.items()}
        sides["decisive"] = np.empty(0, int) if why.flip is None else why.flip
        known = files.manifest[["class", "path"]]
        photos = {name: show_photos(files, name, known.loc[some]) for name, some in sides.items()}
        words = (why.say_answer(), why.say_set(), *why.say_limits(self.record.name))
        return Found(words, photos=photos, facts=why)

    def register(self, name: str = "") -> "Version":
        """Register the run with its answer rule as a model version.

        >>> run.register("the first")
        v1 · the first
        """
        from core.registry.registering import register_run

        version = register_run(self.folder, self.id, name=name, who=_WHO)
        return Version(self.folder, version.number, version.name)

    def export(self, formats: str | Iterable[str], file: str | Path) -> Path:
        """Write the model as a zip: keras, onnx, litert, space, or several of them.

        >>> run.export("onnx", "model.zip").stat().st_size > 1_000_000
        True
        """
        from core.exporting.making import write_zip

        chosen = [formats] if isinstance(formats, str) else [*formats]
        target = Path(file).expanduser().resolve()
        if not target.parent.is_dir():
            raise ExportRefused(f"The folder “{target.parent}” does not exist.", "Create it first.")
        with Bars() as bars:
            write_zip(self.folder, self.id, chosen, target, bars.advance)
        return target

    def show(self) -> None:
        """Print the address of the run in the workbench, and how to open the workbench.

        >>> run.show()
        http://localhost:8501/metrics?run=...
        """
        site = f"http://localhost:{os.environ.get('STREAMLIT_SERVER_PORT', 8501)}"
        print(f"{site}/metrics?run={self.id}")
        try:
            urlopen(f"{site}/_stcore/health", timeout=1).close()
        except OSError:
            command = COMMAND if COMMAND == "petalscope" else "make run"
            print(f"Open it first: PETALSCOPE_WORKSPACE={quote(str(self.folder.root))} {command}")

    def _say(self) -> Iterator[str]:
        run = self.record
        accuracy, n = run.best_val_accuracy, run.val_photos or 0
        measured = "" if accuracy is None else f", validation accuracy {percent(accuracy, n)}"
        yield f"{run.name} ({run.id}): {run.state}{measured}"

    @property
    def _sealed(self) -> np.ndarray:
        """The photos without an answer, (n,) bool: test, until it is opened."""
        splits = self._result.splits
        return np.asarray((splits == "") | ((splits == "test") & (not self._openings)))

    def _open(self, split: str) -> np.ndarray:
        """Return the photos of a split; the first view of test photos by this object is counted."""
        _check_choice(split, SPLITS)
        if not len(photos := self._result.photo_numbers(split)):
            problem = f"{self.record.name} has no photos in its {split} split."
            raise RunUnfinished(problem, "Choose another split.")
        self._count(photos[0])
        return photos

    def _count(self, photo: int) -> None:
        """Count the first view of a test photo."""
        if self._result.splits[photo] == "test" and not self._openings:
            counted = count_opening(self.folder, self.record, "test", _WHO)
            self._openings = describe_openings(counted)

    @cached_property
    def _result(self) -> RunResult:
        return read_result(self.folder, self.id)

    @cached_property
    def _predictor(self) -> Any:
        return open_predictor(self.folder, self.id)

    def _answer(self, photo: Photo, classes: Sequence[str] | None) -> Found:
        """Return the answer, with the evidence for classes; None: for the best one."""
        if isinstance(photo, int) or (self._result.paths == str(photo)).any():
            number = self.dataset.find(photo)
            self._count(number)
            photo = self.dataset.files.original(number)
        model = self._predictor
        seen = model.predict(read_photo(photo))
        names = [seen.top[0][0]] if classes is None else list(classes)
        for name in names:
            _check_choice(name, model.classes)
        maps = model.explain(seen, [model.classes.index(name) for name in names])
        pictures = {"what the network sees": seen.photo}
        for name, one in zip(names, maps, strict=True):
            pictures[f"evidence for {name}"] = draw_overlay(seen.photo, one)
        answer = describe_answer(model, seen, "")
        table = pd.DataFrame(answer["top"]).set_index("class_name")
        return Found((answer["text"],), table, facts=seen, pictures=pictures)


class Version(Shown):
    """A registered model version."""

    def __init__(self, folder: Folder, number: int, name: str) -> None:
        self.folder, self.number, self.name = folder, number, name

    def promote(self, reason: str = "promoted in Python", *, override: bool = False) -> "Version":
        """Make it the champion, where it is significantly better than the present one on test.

        >>> run.register("the first").promote()
        v1 · the first
        """
        from core.monitoring.comparison import promote_compared

        promote_compared(self.folder, self.number, reason=reason, who=_WHO, override=override)
        return self

    def _say(self) -> Iterator[str]:
        yield f"v{self.number} · {self.name}"


def compare(run: Run, other: Run, split: str = "validation") -> Found:
    """Compare another run with a run (the baseline) on the photos of both.

    >>> ps.compare(run, other).n
    6
    """
    for one in (run, other):
        one._open(split)
    common = find_common(run._result, other._result, split, partial(read_dataset, run.folder))
    labels, a, b, classes = common.answers
    change = WhatIf(classes=classes, photos=common.photos_a, labels=labels, before=a, after=b)
    return show_change(run.dataset.files, change, describe_left_out(common))


def _check_choice(chosen: str, choices: Iterable[str]) -> None:
    if chosen not in (known := list(choices)):
        raise BadIdentifier(f"Unknown name “{chosen}”.", f"Choose from: {', '.join(known)}.")
