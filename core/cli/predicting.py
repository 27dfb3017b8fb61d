"""`predict`: what a model says of photos. A bad photo gives its error and the others go on."""

import argparse
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from core.cli.choosing import choose_run
from core.cli.outcome import Outcome
from core.cli.predicting_log import Answer, AnswerLog
from core.cli.predicting_text import Answers
from core.cli.progress import ProgressLine
from core.errors import ExportRefused, PhotoRefused, RunMissing, SourceRefused, VersionMissing
from core.formats import count, rough_duration
from core.monitoring.kept_photos import Photo
from core.prediction.album import Album, NamedPhoto, answer_photos, find_photos
from core.prediction.answers import write_answers
from core.prediction.predictor import Predictor, open_predictor
from core.registry.loading import open_standing, open_version
from core.registry.store import ALIASES, find_version
from core.runs.store import read_run
from core.workspace import Workspace, write_atomically
from data.images import read_photo_file

_MODEL_HELP = (
    "“champion”, “challenger”, a version (“v3”), or a run: its id, the start of one, its name, or "
    "“latest”"
)
_VERSION = re.compile(r"[vV]\d{1,9}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=_MODEL_HELP)
    photos = parser.add_argument(
        "photos", nargs="+", default=[], type=Path, metavar="PHOTO", help="files to classify"
    )
    # Not nargs="*": that is met by nothing before an option, and the files behind it are refused.
    photos.required = False
    parser.add_argument(
        "--dir", type=Path, metavar="FOLDER", help="all photos in a folder and the folders inside"
    )
    parser.add_argument("--to", type=Path, metavar="FILE.csv", help="write the answers as a table")
    parser.add_argument(
        "--no-log", action="store_true", help="do not write the answers into the prediction log"
    )


def run(workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    album = _gather(arguments.photos, arguments.dir)
    predictor, notes = _open_model(workspace, arguments.model)
    log = None if arguments.no_log else AnswerLog(workspace)
    answers = _answer_all(predictor, album, log, progress)
    notes += log.close() if log is not None else []
    if album.left_out:
        notes.append(f"{count(album.left_out, 'file')} in the folder left out as no photos.")
    if predictor.is_blind:
        notes.append(
            "Whether a photo is like anything in training cannot be told: the features behind this "
            "run are gone."
        )
    said = answers.describe()
    if arguments.to is not None:
        said = [answers.summarise(), _write_table(answers, predictor, arguments.to)]
    said += [*notes, f"Answered by {_name(workspace, predictor)}."]
    return Outcome(
        text="\n\n".join(said),
        document={
            "run": predictor.run_id,
            "version": predictor.version.number if predictor.version else None,
            "weights": predictor.weights_label,
            "is_blind": predictor.is_blind,
            "notes": notes,
            "photos": answers.documents,
        },
        exit_code=int(answers.refused > 0),
    )


def _gather(files: list[Path], folder: Path | None) -> Album:
    """Returns the photos that were named, then those of the folder."""
    photos = [
        NamedPhoto(name=str(file), read=partial(read_photo_file, file.expanduser()))
        for file in files
    ]
    if folder is None:
        if not photos:
            raise SourceRefused("No photo is named.", "Name files, or a folder with --dir.")
        return Album(photos=photos)
    found = find_photos(folder.expanduser())
    photos += [NamedPhoto(name=str(folder / photo.name), read=photo.read) for photo in found.photos]
    return Album(photos=photos, left_out=found.left_out)


def _answer_all(
    predictor: Predictor, album: Album, log: AnswerLog | None, progress: ProgressLine
) -> Answers:
    answers, started, total = Answers(), time.monotonic(), len(album.photos)
    for photo, answer in answer_photos(album.photos, _asking(predictor)):
        if isinstance(answer, PhotoRefused):
            answers.refuse(photo.name, answer)
        else:
            log_id = log.take(answer) if log is not None else None
            answers.take(photo.name, answer.photo.sha256, answer.prediction, log_id)
        done = len(answers.rows)
        left = (time.monotonic() - started) / done * (total - done)
        rest = f"about {rough_duration(left)} left" if 9 < done < total else ""
        if total > 1:
            progress.advance("classifying photos", done, total, rest)
    return answers


def _asking(predictor: Predictor) -> Callable[[bytes], Answer]:
    def ask(content: bytes) -> Answer:
        return Answer(predictor.predict(content), Photo(content))

    return ask


def _open_model(workspace: Workspace, text: str) -> tuple[Predictor, list[str]]:
    """Returns the model that is meant, and what is to be said of it.

    Raises:
        VersionMissing: No such version, or nobody has the alias.
        RunMissing: Neither a version nor a run is meant, or several runs are.
        PetalscopeError: It cannot answer.
    """
    if text == "champion":
        standing = open_standing(workspace)
        if standing.problem is None:
            return standing.predictor, []
        return standing.predictor, [f"{standing.problem.problem} A former champion answers."]
    if text in ALIASES or _VERSION.fullmatch(text):
        return open_version(workspace, find_version(workspace, text).number), []
    try:
        return open_predictor(workspace, choose_run(workspace, text).id), []
    except RunMissing as error:
        try:
            return open_version(workspace, find_version(workspace, text).number), []
        except VersionMissing:
            raise error from None


def _write_table(answers: Answers, predictor: Predictor, file: Path) -> str:
    file = file.expanduser()
    label = predictor.version.label if predictor.version else predictor.run_id
    try:
        with write_atomically(file) as temporary:
            temporary.write_bytes(write_answers(answers.rows, [label]))
    except OSError as error:
        raise ExportRefused(
            f"“{file}” could not be written ({error.strerror}).", "Name another place."
        ) from error
    return f"The answers stand in {file}."


def _name(workspace: Workspace, predictor: Predictor) -> str:
    version = predictor.version
    label = (
        f"{version.label} · {version.name}"
        if version is not None
        else read_run(workspace, predictor.run_id).name
    )
    return f"{label} ({predictor.run_id}), weights: {predictor.weights_label}"
