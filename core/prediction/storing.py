"""What a model says of all photos of a folder or bucket, as one Parquet file, by parts.

Parts are claimed with a lease, so that a worker or the same command on another machine that
reaches database and storage takes its share, and one that was killed is gone on with. Each part is
written whole beside the answers; the last one joins them: exactly one row a photo, in the order of
their names.
"""

import io
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from math import ceil
from secrets import token_hex
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.config import fingerprint, read_settings
from core.errors import PhotoRefused, PhotoUnreadable, SourceRefused, StorageFailed
from core.prediction.album import NamedPhoto, answer_photos
from core.prediction.answers import AnsweredPhoto, ShortAnswer, shorten_answer, tabulate_answers
from core.prediction.deciding import rule_to_facts
from core.prediction.predictor import Predictor
from core.runs.database import wait_for_database
from core.runs.queue.units import (
    Job,
    Progress,
    Unit,
    claim_unit,
    finish_unit,
    forget_units,
    hold_unit,
    list_results,
    prepare_units,
    read_progress,
    want_job,
)
from core.storage import Storage, StoredFile, open_storage
from core.workspace import Workspace
from data.sources.layout import is_hidden, is_photo

PARQUET = ".parquet"
UNIT = 500
"""Photos of a part."""
KIND = "answers"
"""Of these jobs."""
_WAIT_S = 1.0
_JOB = b"petalscope.job"
"""Of the answers: what they are of, so that the same is not done again."""
Tell = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Photos in storage that are to be answered, and where their answers go."""

    photos: Storage
    answers: Storage
    name: str
    """Of the Parquet file among the answers."""
    unit: int = UNIT


def open_folder(photos: str, answers: str) -> Folder:
    """Return the folder that two addresses name; nothing is asked of storage yet.

    Raises:
        SourceRefused: The answers are to go into no Parquet file.
        StorageFailed: An address names no bucket, or holds credentials.
    """
    place, _, name = answers.rpartition("/")
    if not name.endswith(PARQUET):
        raise SourceRefused(
            "The answers to a whole folder go into a Parquet file.",
            "Name it, as in s3://bucket/answers.parquet (on the command line with --to).",
        )
    return Folder(photos=open_storage(photos), answers=open_storage(place or "."), name=name)


@dataclass(frozen=True, kw_only=True)
class _Work:
    """A folder whose photos were listed, for a model."""

    folder: Folder
    predictor: Predictor
    model: str
    """Its name and the rule that stood at the beginning."""
    photos: Sequence[StoredFile]

    @cached_property
    def job(self) -> str:
        """The same photos, model and answers are the same job, wherever it is asked for."""
        listed = sha256("\n".join(f"{one.name}\t{one.size}" for one in self.photos).encode())
        places = {"from": self.folder.photos.address, "to": self.folder.answers.address}
        facts = {"model": self.model, "name": self.folder.name, "unit": self.folder.unit}
        return fingerprint({**facts, **places, "photos": listed.hexdigest()})

    @property
    def parts(self) -> int:
        """How many there are; one more joins them."""
        return ceil(len(self.photos) / self.folder.unit)

    def take(self, number: int) -> Sequence[StoredFile]:
        """Return the photos of a part."""
        return self.photos[number * self.folder.unit : (number + 1) * self.folder.unit]

    def name_part(self, number: int, content: bytes) -> str:
        """Return where the answers of a part are kept until they are joined."""
        return f"{self.folder.name}.{self.job}-{number:06}-{sha256(content).hexdigest()[:16]}"


def answer_folder(
    workspace: Workspace,
    predictor: Predictor,
    folder: Folder,
    tell: Tell = lambda _: None,
) -> pd.DataFrame:
    """Return how many photos got which answer, and the problems: answer, problem, photos.

    Raises:
        SourceRefused: There are no photos.
        StorageFailed: Storage gives up; what is done is kept, and the same call goes on with it.
        RunStopped: `tell` raised it; the same holds.
        UnitFailed: A part ends every process that begins it.
    """
    work = _list_photos(predictor, folder)
    if not _are_answered(work):
        _work_on(workspace, work, tell)
    whole = io.BytesIO(folder.answers.read(folder.name))
    said = pd.read_parquet(whole, columns=["answer", "problem"])
    return said.fillna("").value_counts().rename("photos").reset_index()


def join_job(workspace: Workspace, job: Job, predictor: Predictor) -> Callable[[Unit], None] | None:
    """Return what does units of a job that is another's; None: its photos are others by now.

    Raises:
        SourceRefused, StorageFailed: As `answer_folder`.
    """
    facts = job.facts
    work = _list_photos(
        predictor,
        Folder(
            photos=open_storage(facts["photos"]),
            answers=open_storage(facts["answers"]),
            name=facts["name"],
            unit=facts["unit"],
        ),
    )
    same = work.job == job.id
    return partial(_do_unit, workspace, work, lambda _: None) if same else None


def _list_photos(predictor: Predictor, folder: Folder) -> _Work:
    version, rule = predictor.version, predictor.rule
    decides = rule and rule_to_facts(rule)  # the same whenever and wherever a rule was made
    model = f"{version.label if version else predictor.run_id}, {decides}"
    listed = folder.photos.list_files()
    photos = [one for one in listed if is_photo(one.name) and not is_hidden(one.name)]
    if not photos:
        raise SourceRefused(
            f"There are no photos in {folder.photos.address}.",
            "Photos are told by the ending of their names: .jpg, .png, .webp, .heic, .avif …",
        )
    return _Work(folder=folder, predictor=predictor, model=model, photos=photos)


def split_counts(counts: pd.DataFrame) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Return the answers and the problems of `answer_folder`, each with its number of photos."""
    rows = counts[["answer", "problem", "photos"]].itertuples(index=False)
    told = [(answer or "I don't know", problem, int(photos)) for answer, problem, photos in rows]
    said = [(answer, photos) for answer, problem, photos in told if not problem]
    return said, [(problem, photos) for _, problem, photos in told if problem]


def _work_on(workspace: Workspace, work: _Work, tell: Tell) -> None:
    """Do part after part, until this or another process has joined them."""

    def tell_within(done: int) -> None:
        tell(Progress(progress.done + done, progress.total))

    sizes = [len(work.take(number)) for number in range(work.parts)]
    folder, version = work.folder, work.predictor.version
    facts: dict[str, Any] = {"model": version.label if version else work.predictor.run_id}
    facts |= {"photos": folder.photos.address, "answers": folder.answers.address}
    facts |= {"name": folder.name, "unit": folder.unit, "last": work.parts}
    wait_for_database()
    prepare_units(workspace, work.job, [*sizes, 0], KIND, facts)
    owner = token_hex(8)
    while (progress := read_progress(workspace, work.job)).total:
        tell(progress)
        want_job(workspace, work.job)
        unit = claim_unit(workspace, work.job, owner, last=work.parts)
        if unit is None:
            time.sleep(_WAIT_S)  # others are at the last parts
            continue
        with hold_unit(workspace, unit, owner):
            _do_unit(workspace, work, tell_within, unit)


def _do_unit(workspace: Workspace, work: _Work, tell: Callable[[int], None], unit: Unit) -> None:
    """Answer a part, or join all."""
    if unit.number < work.parts:
        _answer_part(workspace, work, unit, tell)
    else:
        _join_parts(workspace, work)
        forget_units(workspace, work.job)


def _answer_part(
    workspace: Workspace, work: _Work, unit: Unit, tell: Callable[[int], None]
) -> None:
    """Write the answers of a part, unless another was first; tell how far it is."""

    def ask(content: bytes) -> tuple[str, ShortAnswer]:
        said = work.predictor.predict(content)
        return sha256(content).hexdigest(), shorten_answer(said, said.decision)

    read = partial(_read_photo, work.folder.photos)
    named = [NamedPhoto(name=one.name, read=partial(read, one)) for one in work.take(unit.number)]
    rows: list[AnsweredPhoto] = []
    for photo, said in answer_photos(named, ask):
        if isinstance(said, PhotoRefused):
            rows.append(AnsweredPhoto(name=photo.name, refusal=said))
        else:
            rows.append(AnsweredPhoto(name=photo.name, sha256=said[0], answers=(said[1],)))
        tell(len(rows))
    table = tabulate_answers(rows, [work.model])
    kinds = {name: "float64" if name.startswith("score") else "string" for name in table}
    content = table.astype(kinds).to_parquet(index=False)
    name = work.name_part(unit.number, content)
    work.folder.answers.write(name, content)
    if finish_unit(workspace, unit, name) != name:
        work.folder.answers.delete(name)  # another was first


def _read_photo(photos: Storage, one: StoredFile) -> bytes:
    """Return the bytes of a photo, at most one more than the settings allow."""
    limit = read_settings().photo_limit_mb * 1_000_000
    try:
        return photos.read(one.name, min(one.size, limit + 1))
    except StorageFailed as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise PhotoUnreadable("The file is gone.", "It was deleted meanwhile.") from error
        raise


def _join_parts(workspace: Workspace, work: _Work) -> None:
    """Write the answers of all parts as one file, and delete the parts."""
    answers, names = work.folder.answers, list_results(workspace, work.job)
    parts = [answers.read(name) for name in names]
    if names != [work.name_part(number, part) for number, part in enumerate(parts)]:
        forget_units(workspace, work.job)
        raise StorageFailed(
            f"A part of {answers.address}/{work.folder.name} was altered.",
            "Try again: all parts are made anew.",
            address=answers.address,
        )
    table = pa.concat_tables([pq.read_table(io.BytesIO(part)) for part in parts])
    whole = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, _JOB: work.job}), whole)
    answers.write(work.folder.name, whole.getvalue())
    for name in names:
        answers.delete(name)


def _are_answered(work: _Work) -> bool:
    """Return whether the file of answers is that of this work."""
    answers, name = work.folder.answers, work.folder.name
    if not answers.has(name):
        return False
    with suppress(pa.ArrowInvalid):  # else it is none of ours
        facts = pq.read_schema(io.BytesIO(answers.read(name))).metadata or {}
        return bool(facts.get(_JOB) == work.job.encode())
    return False
