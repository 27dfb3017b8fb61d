"""`predict`: classify photos. A photo that cannot be read does not stop the others."""

import time
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from core.cli.choosing import choose_model
from core.cli.command import command, flag, option
from core.cli.outcome import (
    Outcome,
    ProgressLine,
    describe_error,
    format_table,
    tabulate,
    write_file,
)
from core.errors import PhotoRefused, SourceRefused
from core.formats import count, percent, rough_duration
from core.monitoring.kept_photos import Photo, keep_photo
from core.monitoring.log import describe_prediction, log_predictions
from core.prediction.album import NamedPhoto, answer_photos, find_photos
from core.prediction.answers import AnsweredPhoto, describe_answer, write_answers
from core.prediction.deciding import describe_rule
from core.prediction.predictor import Prediction, Predictor
from core.registry.folders import PARQUET, answer_folder, is_address
from core.registry.loading import open_named, open_standing
from core.runs.store import read_run
from core.workspace import Workspace
from data.images import read_photo_file

_LOGGED_AT_ONCE = 100
_FEW = 10
"""Up to this number of photos, each answer is shown in full."""
_UNKNOWN = "I don't know"


@command(
    option(
        "model",
        "“champion”, “challenger”, a version (“v3”), or a run: its id, the start of the id, its "
        "name, or “latest”",
    ),
    # Not nargs="*": argparse takes it as empty in front of an option and refuses later files.
    option("photos PHOTO", "photos to classify", Path, nargs="+", default=[]),
    option(
        "--dir FOLDER", "classify all photos in a folder and its subfolders; also s3:// or gs://"
    ),
    option(
        "--to FILE",
        "write the answers as a table: .csv, or .parquet (also in object storage, with Ray)",
    ),
    flag("--no-log", "do not write the answers to the prediction log"),
)
def predict(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Classify photos with a registered version or a run."""
    if is_address(given.dir or "") or (given.to or "").endswith(PARQUET):
        return _answer_folder(workspace, given)
    album, left_out = _gather(given.photos, Path(given.dir) if given.dir else None)
    predictor, notes = _open_model(workspace, given.model)
    answers = Answers(workspace, predictor, is_logged=not given.no_log)
    answers.collect(album, progress)
    notes += answers.notes
    if left_out:
        notes.append(f"{count(left_out, 'file')} in the folder skipped: not photos.")
    if predictor.is_blind:
        notes.append(
            "Photos unlike the training photos are not detected: the features of this run are "
            "missing."
        )
    parts = answers.describe()
    if given.to is not None:
        file = Path(given.to).expanduser()
        write_file(file, write_answers(answers.rows, [given.model]))
        parts = [answers.summarise(), f"Answers written to {file}."]
    if predictor.rule is None:
        parts.insert(0, describe_rule(None))
    return Outcome(
        {
            "run": predictor.run_id,
            "version": predictor.version.number if predictor.version else None,
            "weights": predictor.backbone_facts.weights_label,
            "is_blind": predictor.is_blind,
            "rule": predictor.rule,
            "notes": notes,
            "answered": len(answers.items) - answers.refused,
            "refused": answers.refused,
            "items": answers.items,
        },
        (*parts, *notes, _say_model(workspace, predictor)),
        exit_code=int(answers.refused > 0),
    )


def _answer_folder(workspace: Workspace, given: Namespace) -> Outcome:
    """Write the answers for all photos of a folder as Parquet files; they are not logged."""
    if given.photos or not given.dir or not (given.to or "").endswith(PARQUET):
        raise SourceRefused(
            "Parquet files are written for a whole folder only.",
            "Name one folder with --dir, and the target: --to s3://bucket/answers.parquet.",
        )
    predictor, notes = _open_model(workspace, given.model)
    found = answer_folder(workspace, predictor, (given.dir, given.to)).most_common()
    notes.append(f"The answers are in {given.to}, one row per photo. They are not logged.")
    counts = [{"answer": answer, "problem": why, "photos": n} for (answer, why), n in found]
    rows = ((why or answer or _UNKNOWN, n) for (answer, why), n in found)
    table = format_table(("answer or problem", "photos"), rows)
    return Outcome(
        {"to": given.to, "notes": notes, "counts": counts},
        (table, *notes, _say_model(workspace, predictor)),
        exit_code=int(any(problem for (_, problem), _ in found)),
    )


def _gather(files: list[Path], folder: Path | None) -> tuple[list[NamedPhoto], int]:
    """Return the named photos, then the photos of the folder, and the number of other files."""
    photos = [
        NamedPhoto(name=str(file), read=partial(read_photo_file, file.expanduser()))
        for file in files
    ]
    if folder is None:
        if not photos:
            raise SourceRefused("No photo was named.", "Name files, or a folder with --dir.")
        return photos, 0
    found, left_out = find_photos(folder.expanduser())
    photos += [NamedPhoto(name=str(folder / photo.name), read=photo.read) for photo in found]
    return photos, left_out


def _open_model(workspace: Workspace, text: str) -> tuple[Predictor, list[str]]:
    """Return the model that was named, and notes about it."""
    if text == "champion":
        predictor, fault = open_standing(workspace)
        return predictor, [f"{fault.problem} An earlier champion answers."] if fault else []
    return open_named(workspace, choose_model(workspace, text)), []


def _say_model(workspace: Workspace, predictor: Predictor) -> str:
    version = predictor.version
    run = read_run(workspace, predictor.run_id).name if version is None else ""
    label = f"{version.label} · {version.name}" if version else run
    weights = predictor.backbone_facts.weights_label
    return f"Answered by {label} ({predictor.run_id}), weights: {weights}."


class Answers:
    """The answers for an album so far, in its order; logged if wanted, a hundred at a time."""

    def __init__(self, workspace: Workspace, predictor: Predictor, *, is_logged: bool) -> None:
        self._workspace, self._predictor, self._is_logged = workspace, predictor, is_logged
        self._unlogged: list[dict[str, Any]] = []
        self.items: list[dict[str, Any]] = []
        """As `BatchItem` of core/serving/schemas.py: name, answer, error."""
        self.rows: list[AnsweredPhoto] = []
        """The same for the table."""
        self.notes: list[str] = []

    @property
    def refused(self) -> int:
        """The number of files that could not be read."""
        return sum(item["error"] is not None for item in self.items)

    def collect(self, album: list[NamedPhoto], progress: ProgressLine) -> None:
        """Answer all photos."""

        def ask(content: bytes) -> tuple[Prediction, Photo]:
            return self._predictor.predict(content), Photo(content)

        started, total = time.monotonic(), len(album)
        for done, (photo, answer) in enumerate(answer_photos(album, ask), 1):
            if isinstance(answer, PhotoRefused):
                self.rows.append(AnsweredPhoto(name=photo.name, refusal=answer))
                error = describe_error(answer).document["error"]
                self.items.append({"name": photo.name, "answer": None, "error": error})
            else:
                self._take(photo.name, *answer)
            left = (time.monotonic() - started) / done * (total - done)
            rest = f"about {rough_duration(left)} left" if 9 < done < total else ""
            if total > 1:
                progress.advance("classifying photos", done, total, rest)
        self._write_log()

    def describe(self) -> list[str]:
        """Return each answer in full, or a table of many."""
        if len(self.items) > _FEW:
            table = format_table(("name", "answer", "score"), map(_list_cells, self.items))
            return [table, self.summarise()]
        return [_describe(item) for item in self.items]

    def summarise(self) -> str:
        """Return the number of photos for each answer, the most frequent first."""
        named = Counter(row.answers[0].class_name or _UNKNOWN for row in self.rows if row.answers)
        said = ", ".join(f"{name} {n:,}" for name, n in named.most_common())
        read = f"{count(named.total(), 'photo')} answered: {said}. " if named else ""
        refused = f"{count(self.refused, 'file')} could not be read." if self.refused else ""
        return (read + refused).strip()

    def _take(self, name: str, prediction: Prediction, photo: Photo) -> None:
        answers = (prediction.decision,)
        self.rows.append(AnsweredPhoto(name=name, sha256=photo.sha256, answers=answers))
        row = describe_prediction(prediction, photo, source="cli", latency_ms=prediction.spent_ms)
        logged = {"prediction_id": row["id"] if self._is_logged else None}
        answer = logged | describe_answer(self._predictor, prediction, photo.sha256)
        self.items.append({"name": name, "answer": answer, "error": None})
        if self._is_logged:
            keep_photo(self._workspace, photo)
            self._unlogged.append(row)
        if len(self._unlogged) >= _LOGGED_AT_ONCE:
            self._write_log()

    def _write_log(self) -> None:
        try:
            log_predictions(self._workspace, self._unlogged)
        except SQLAlchemyError:
            lost = count(len(self._unlogged), "answer")
            self.notes.append(f"{lost} could not be written to the prediction log.")
        self._unlogged = []


def _describe(item: Mapping[str, Any]) -> str:
    if (error := item["error"]) is not None:
        return f"{item['name']}\n{error['problem']} {error['remedy']}"
    answer = item["answer"]
    table = tabulate(answer["top"], "", score=_say_score, answer="class_name")
    return "\n".join(filter(None, (item["name"], answer["text"], answer["photo"]["note"], table)))


def _list_cells(item: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return name, answer and score of a photo as cells of a table."""
    if item["error"] is not None:
        return item["name"], f"not read: {item['error']['problem']}", ""
    answer, best = item["answer"], item["answer"]["top"][0]
    said = best["class_name"]
    if answer["unknown"]:
        said = f"{_UNKNOWN} ({answer['kind']}; {said}?)"
    return item["name"], said, _say_score(best)


def _say_score(place: Mapping[str, Any]) -> str:
    return percent(place["score"], 1000)
