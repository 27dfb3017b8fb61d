"""`predict`: what a model says of photos. A bad photo gives its error and the others go on."""

import time
from argparse import Namespace
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from core.cli.choosing import choose_model
from core.cli.command import command, flag, option
from core.cli.outcome import Outcome, ProgressLine, error_document, format_table, pick, write_named
from core.errors import PhotoRefused, SourceRefused
from core.formats import count, rough_duration
from core.monitoring.kept_photos import Photo, keep_photo
from core.monitoring.log import describe_prediction, log_predictions
from core.monitoring.tables import NewPrediction
from core.prediction.album import Album, NamedPhoto, answer_photos, find_photos
from core.prediction.answers import (
    AnsweredPhoto,
    phrase_answer,
    phrase_decision,
    phrase_reason,
    shorten_answer,
    write_answers,
)
from core.prediction.deciding import Decision, describe_rule
from core.prediction.predictor import Prediction, Predictor
from core.registry.folders import PARQUET, answer_folder, is_address
from core.registry.loading import open_named, open_standing
from core.runs.store import read_run
from core.workspace import Workspace
from data.images import read_photo_file

_AT_ONCE = 100
_FEW = 10
"""Photos up to which each is spoken of in full."""


@command(
    option(
        "model",
        "“champion”, “challenger”, a version (“v3”), or a run: its id, the start of one, its name, "
        "or “latest”",
    ),
    # Not nargs="*": that is met by nothing before an option, and the files behind it are refused.
    option("photos PHOTO", "files to classify", Path, nargs="+", optional=True, default=[]),
    option("--dir FOLDER", "all photos in a folder and the folders inside; s3:// or gs://, too"),
    option(
        "--to FILE",
        "write the answers as a table: .csv; or .parquet, also in object storage, by Ray",
    ),
    flag("--no-log", "do not write the answers into the prediction log"),
)
def predict(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Classify photos with a registered version or a run."""
    if is_address(given.dir or "") or (given.to or "").endswith(PARQUET):
        return _answer_folder(workspace, given)
    album = _gather(given.photos, Path(given.dir) if given.dir else None)
    predictor, notes = _open_model(workspace, given.model)
    log = None if given.no_log else AnswerLog(workspace)
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
    if given.to is not None:
        said = [answers.summarise(), _write_table(answers, predictor, Path(given.to))]
    if predictor.rule is None:
        said.insert(0, describe_rule(None))
    said += [*notes, f"Answered by {_name(workspace, predictor)}."]
    return Outcome(
        "\n\n".join(said),
        {
            "run": predictor.run_id,
            "version": predictor.version.number if predictor.version else None,
            "weights": predictor.backbone_facts.weights_label,
            "is_blind": predictor.is_blind,
            "rule": predictor.rule,
            "notes": notes,
            "photos": answers.documents,
        },
        exit_code=int(answers.refused > 0),
    )


def _answer_folder(workspace: Workspace, given: Namespace) -> Outcome:
    """Answer all photos of a folder into Parquet files; nothing goes into the log."""
    if given.photos or not given.dir or not (given.to or "").endswith(PARQUET):
        raise SourceRefused(
            "A whole folder is answered into Parquet files.",
            "Name the folder alone (--dir), and --to s3://bucket/answers.parquet or a path.",
        )
    predictor, notes = _open_model(workspace, given.model)
    found = answer_folder(workspace, predictor, (given.dir, given.to)).most_common()
    rows = [(problem or answer or "I don't know", n) for (answer, problem), n in found]
    notes.append(f"The answers are in {given.to}, a row a photo; they are not in the log.")
    said = [format_table(("answer or problem", "photos"), rows), *notes]
    counts = [{"answer": answer, "problem": why, "photos": n} for (answer, why), n in found]
    return Outcome(
        "\n\n".join([*said, f"Answered by {_name(workspace, predictor)}."]),
        {"to": given.to, "notes": notes, "counts": counts},
        exit_code=int(any(problem for (_, problem), _ in found)),
    )


def _gather(files: list[Path], folder: Path | None) -> Album:
    """Gather the photos that were named, then those of the folder."""
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
    predictor: Predictor, album: Album, log: "AnswerLog | None", progress: ProgressLine
) -> "Answers":
    def ask(content: bytes) -> tuple[Prediction, Photo]:
        return predictor.predict(content), Photo(content)

    answers, started, total = Answers(), time.monotonic(), len(album.photos)
    for photo, answer in answer_photos(album.photos, ask):
        if isinstance(answer, PhotoRefused):
            answers.refuse(photo.name, answer)
        else:
            log_id = log.take(*answer) if log is not None else None
            answers.take(photo.name, *answer, log_id)
        done = len(answers.rows)
        left = (time.monotonic() - started) / done * (total - done)
        rest = f"about {rough_duration(left)} left" if 9 < done < total else ""
        if total > 1:
            progress.advance("classifying photos", done, total, rest)
    return answers


def _open_model(workspace: Workspace, text: str) -> tuple[Predictor, list[str]]:
    """Open the model that is meant, with what is to be said of it."""
    if text == "champion":
        standing = open_standing(workspace)
        if standing.problem is None:
            return standing.predictor, []
        return standing.predictor, [f"{standing.problem.problem} A former champion answers."]
    return open_named(workspace, choose_model(workspace, text)), []


def _write_table(answers: "Answers", predictor: Predictor, file: Path) -> str:
    file = file.expanduser()
    label = predictor.version.label if predictor.version else predictor.run_id
    with write_named(file) as temporary:
        temporary.write_bytes(write_answers(answers.rows, [label]))
    return f"The answers stand in {file}."


def _name(workspace: Workspace, predictor: Predictor) -> str:
    version = predictor.version
    label = f"{version.label} · {version.name}" if version else ""
    label = label or read_run(workspace, predictor.run_id).name
    return f"{label} ({predictor.run_id}), weights: {predictor.backbone_facts.weights_label}"


class AnswerLog:
    """Collects answers and writes a hundred at a time: they are worth more than their entries."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._rows: list[NewPrediction] = []
        self._lost = 0

    def take(self, prediction: Prediction, photo: Photo) -> str:
        """Take an answer, and return the id that it will have in the log."""
        row = describe_prediction(prediction, photo, source="cli", latency_ms=prediction.spent_ms)
        keep_photo(self._workspace, photo)
        self._rows.append(row)
        if len(self._rows) >= _AT_ONCE:
            self._write()
        return row.id

    def close(self) -> list[str]:
        """Write the rest, and say how many could not be written."""
        self._write()
        lost = f"{count(self._lost, 'answer')} could not be written into the prediction log."
        return [lost] if self._lost else []

    def _write(self) -> None:
        try:
            log_predictions(self._workspace, self._rows)
        except SQLAlchemyError:
            self._lost += len(self._rows)
        self._rows = []


@dataclass
class Answers:
    """What became of the photos so far, in their order."""

    rows: list[AnsweredPhoto] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def refused(self) -> int:
        """How many photos could not be read."""
        return sum(row.refusal is not None for row in self.rows)

    def refuse(self, name: str, refusal: PhotoRefused) -> None:
        """Take a photo that is none, or too large."""
        self.rows.append(AnsweredPhoto(name=name, refusal=refusal))
        self.documents.append({"photo": name, "error": error_document(refusal)})
        self.texts.append(f"{name}\n{refusal.problem} {refusal.remedy}")

    def take(self, name: str, prediction: Prediction, photo: Photo, log_id: str | None) -> None:
        """Take an answer; `log_id` is None where it is not written down."""
        short = shorten_answer(prediction, prediction.decision)
        self.rows.append(AnsweredPhoto(name=name, sha256=photo.sha256, answers=(short,)))
        self.documents.append(
            {
                "photo": name,
                "id": log_id,
                "answer": short.sentence,
                "decision": _document(prediction.decision),
                "top": [{"class": name, "score": score} for name, score in prediction.top],
                **pick(prediction.facts, "width", "height"),
                "seconds": prediction.seconds,
            }
        )
        self.texts.append(f"{name}\n{_describe(prediction)}")

    def describe(self) -> list[str]:
        """Describe each photo in full, or many in a table."""
        if len(self.rows) <= _FEW:
            return list(self.texts)
        table = [_make_row(row) for row in self.rows]
        return [format_table(("photo", "answer", "score"), table), self.summarise()]

    def summarise(self) -> str:
        """Say how many photos got which answer, the most frequent first."""
        answers = [answer for row in self.rows for answer in row.answers]
        named = Counter(answer.class_name or "I don't know" for answer in answers)
        said = ", ".join(f"{name} {n:,}" for name, n in named.most_common())
        read = f"{count(len(answers), 'photo')} answered: {said}." if answers else ""
        refused = f"{count(self.refused, 'file')} could not be read." if self.refused else ""
        return " ".join(filter(None, (read, refused)))


def _make_row(row: AnsweredPhoto) -> list[str]:
    if row.refusal is not None:
        return [row.name, f"not read: {row.refusal.problem}", ""]
    (answer,) = row.answers
    best, score = answer.top[0]
    said = answer.class_name or f"I don't know ({answer.kind}; {best}?)"
    return [row.name, said, f"{100 * score:.1f} %"]


def _describe(prediction: Prediction) -> str:
    decision = prediction.decision
    top, heading = (decision.top, "calibrated") if decision else (prediction.top, "score")
    rows = [[f"{100 * score:.1f} %", name] for name, score in top]
    reason = f"{phrase_reason(decision)}\n" if decision and decision.kind != "answer" else ""
    said = phrase_decision(decision) if decision else phrase_answer(prediction.top)
    return f"{said}\n{reason}{format_table((heading, 'class'), rows)}"


def _document(decision: Decision | None) -> dict[str, Any] | None:
    """Describe what the rule of the model makes of the photo; None where it has no rule."""
    if decision is None:
        return None
    name, score = decision.top[0]
    document = {"kind": decision.kind, "class": name, "calibrated_score": score}
    return document | pick(decision, "threshold", "distance", "limit")
