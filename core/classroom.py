"""A class: its code, who is in it, how far each is in the lesson, and where the desk leads them.

A folder of small files that every page server reads: class.json and lead.json are replaced whole,
each student has a file of lines. Students have no e-mail and no password: a name in this class.
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, unquote
from zipfile import ZipFile

import pandas as pd

from core.datasets.importing import ImportJob, start_import
from core.errors import (
    FeedbackRefused,
    NotAllowed,
    SignInRefused,
)
from core.formats import check_name
from core.people import Person, acts, read_journal, sign, unsign
from core.runs.locks import hold_lock
from core.runs.run_files import append_line
from core.workspace import Workspace, check_identifier, write_atomically, write_json
from data.images import decode_photo, encode_jpeg
from data.sources.found import SourceRequest
from data.sources.names import check_class_name
from data.splits import draw_splits

LONGEST_NAME = 24
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""What is read from a projector without doubt."""
MOST_HANDED, _SIDE = 100, 1024
"""Photos that a student may give to the class, and their longer side in pixels."""
CLASS, _LEAD, STUDENTS, PHOTOS = "class.json", "lead.json", "students", "photos"
_COLUMNS = ["student", "name", "at", "step", "setting", "right", "outcome"]


@dataclass(frozen=True, kw_only=True)
class Classroom:
    """A class; moments in UTC as ISO 8601."""

    id: str
    code: str
    opened: str
    closed: str = ""
    until: str = ""
    """When it closes by itself; "": only at its desk."""
    dataset: str = ""
    """Id of that the lesson is on; "": the newest."""
    asks: tuple[str, ...] = ()
    """Classes of photos that students are asked for; none: they are not."""


@dataclass(frozen=True, kw_only=True)
class Lead:
    """Where the instructor is, for those who follow."""

    step: str = ""
    """Number of the step; "": everybody goes their own way."""
    setting: str = ""
    frozen: bool = False
    """Whether nobody can go elsewhere."""


@acts("make", "class")
def open_class(workspace: Workspace, days: int = 0, dataset: str = "") -> Classroom:
    """Return a new class with a code of its own, which closes after some days; 0: it does not."""
    code = "".join(secrets.choice(_LETTERS) for _ in range(6))
    until = now(timedelta(days=days)) if days else ""
    facts = {"code": code, "opened": now(), "until": until, "dataset": dataset}
    classroom = Classroom(id=secrets.token_hex(8), **facts)  # type: ignore[arg-type]
    write_json(workspace.class_folder(classroom.id) / CLASS, asdict(classroom))
    return classroom


def read_class(workspace: Workspace, class_id: str) -> Classroom:
    """Return a class.

    Raises:
        SignInRefused: There is none of that id.
    """
    try:
        content = json.loads((workspace.class_folder(class_id) / CLASS).read_text("utf-8"))
    except FileNotFoundError as error:
        raise SignInRefused("There is no such class.", "Open one: python -m core class.") from error
    return Classroom(**content | {"asks": tuple(content.get("asks", ()))})


def sign_in(workspace: Workspace, class_id: str, code: str, name: str) -> Person:
    """Return the student of this name, new in the class or let in again.

    Raises:
        SignInRefused: The class is closed, the code another, or the name is taken or none.
    """
    classroom = read_class(workspace, class_id)
    if classroom.closed or not secrets.compare_digest(
        code.strip().upper().encode(), classroom.code.encode()
    ):
        raise SignInRefused(
            "The class is closed." if classroom.closed else "This is not the code of the class.",
            "Look at the board, or ask who teaches.",
        )
    name = check_name(name, LONGEST_NAME, "a student", SignInRefused)
    students = workspace.class_folder(class_id) / STUDENTS
    students.mkdir(exist_ok=True)
    with hold_lock(students / ".lock"):
        names = list_names(students).items()
        known = next((one for one in names if one[1].casefold() == name.casefold()), None)
        if known is not None:
            return _return(students, Person(id=known[0], name=known[1], role="student"))
        person = Person(id=f"student-{secrets.token_hex(6)}", name=name, role="student")
        append_line(students / f"{person.id}.jsonl", {"at": now(), "name": name})
    return person


def _return(students: Path, person: Person) -> Person:
    """Return a student who is in the class already, if the desk let them in again."""
    try:
        (students / f"{person.id}.again").unlink()
    except FileNotFoundError as error:
        raise SignInRefused(
            f"“{person.name}” is in the class already.",
            "Take another name; or, if it is you, ask who teaches to let you in again.",
        ) from error
    return person


@acts("change", "class", "class_id")
def let_in_again(workspace: Workspace, class_id: str, student: str) -> None:
    """Let whoever comes next with the name of a student be them: their browser forgot it."""
    _find_student(workspace, class_id, student).with_suffix(".again").touch()


def make_token(workspace: Workspace, class_id: str, person: Person) -> str:
    """Return what the browser of one who is in the class keeps, to be known again."""
    said = {"class": class_id, "id": person.id, "name": person.name, "role": person.role}
    return sign(workspace.key_file, said)


def make_desk_key(workspace: Workspace, class_id: str) -> str:
    """Return what opens the desk of the class to who has it."""
    desk = Person(id=f"desk-{class_id}", name="Instructor", role="instructor")
    return make_token(workspace, class_id, desk)


def read_token(workspace: Workspace, class_id: str, token: str) -> Person | None:
    """Return who a token of the class is of; None for any other."""
    said = unsign(workspace.key_file, token)
    if said is None or said.pop("class", "") != class_id:
        return None
    return Person(**said)


def note_step(workspace: Workspace, class_id: str, facts: Mapping[str, object]) -> None:
    """Write down what a student did in the lesson: step, setting, right and outcome.

    Raises:
        NotAllowed: The person of the workspace is no student of the class, or it is closed.
    """
    file = _find_student(workspace, class_id, workspace.person.id)
    if not file.exists():
        raise NotAllowed("You are not in this class.", "Sign in with its code.", status=403)
    append_line(file, {"at": now(), **facts})


def is_in(workspace: Workspace, class_id: str, student: str) -> bool:
    """Return whether a student is in the class, and this goes on."""
    return _find_student(workspace, class_id, student).exists()


def read_answers(workspace: Workspace, class_id: str) -> pd.DataFrame:
    """Return what students did, in their order.

    Columns student, name, at, step, setting, right (None where no answer was given: the student
    came to the step or moved its control) and outcome (the share that came out of the setting).
    """
    files = sorted((workspace.class_folder(class_id) / STUDENTS).glob("student-*.jsonl"))
    rows = [
        {"step": "", "setting": ""} | line | {"student": file.stem, "name": lines[0]["name"]}
        for file in files
        if (lines := read_journal(file)[0])
        for line in lines
    ]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return table.assign(at=pd.to_datetime(table["at"], utc=True)).sort_values("at", kind="stable")


def read_lead(workspace: Workspace, class_id: str) -> Lead:
    """Return where the class is led; nowhere unless the desk said so."""
    try:
        return Lead(**json.loads((workspace.class_folder(class_id) / _LEAD).read_text("utf-8")))
    except FileNotFoundError:
        return Lead()


@acts("change", "class", "class_id")
def lead(workspace: Workspace, class_id: str, to: Lead) -> None:
    """Lead the class to a step, hold it there, or let it go."""
    write_json(workspace.class_folder(class_id) / _LEAD, asdict(to))


@acts("change", "class", "class_id")
def use_dataset(workspace: Workspace, class_id: str, dataset_id: str) -> None:
    """Have the lesson be on a dataset, for those who come and name none."""
    classroom = replace(read_class(workspace, class_id), dataset=dataset_id)
    write_json(workspace.class_folder(class_id) / CLASS, asdict(classroom))


# Photos from students' phones, which become one dataset


@acts("change", "class", "class_id")
def ask_photos(workspace: Workspace, class_id: str, classes: Iterable[str]) -> None:
    """Ask the class for photos of these classes; of none: no more are taken.

    Raises:
        PetalscopeError: A name cannot be that of a class, or of its folder.
    """
    asks = tuple(dict.fromkeys(check_class_name(name) for name in classes))
    if bad := next((name for name in asks if name[0] == "." or set(name) & set("/\\")), None):
        raise FeedbackRefused(f"“{bad}” cannot be a folder.", "Take a name without / and dots.")
    classroom = replace(read_class(workspace, class_id), asks=asks)
    write_json(workspace.class_folder(class_id) / CLASS, asdict(classroom))


@acts("make", "photo", noted=False)
def hand_in(workspace: Workspace, class_id: str, class_name: str, content: bytes) -> None:
    """Take a photo of a student for the class: upright, at most 1,024 px, without EXIF data.

    Raises:
        NotAllowed: They are not in the class, it does not ask for this, or it has enough of theirs.
        PhotoRefused: It is no photo, or too large; it was not decoded then.
    """
    student, folder = workspace.person.id, workspace.class_folder(class_id) / PHOTOS
    is_asked = class_name in read_class(workspace, class_id).asks
    if not (is_asked and is_in(workspace, class_id, student)):
        raise NotAllowed("The class does not ask for this photo.", "Ask who teaches.", status=403)
    if len(list(folder.glob(f"*/{student}.*"))) >= MOST_HANDED:
        raise NotAllowed(f"You gave {MOST_HANDED} photos.", "Take some back first.", status=403)
    photo, _ = decode_photo(content, _SIDE)
    photo.thumbnail((_SIDE, _SIDE))
    name = f"{student}.{sha256(content).hexdigest()[:16]}.jpg"
    with write_atomically(folder / quote(class_name, safe="") / name) as temporary:
        temporary.write_bytes(encode_jpeg(photo, 90))


@acts("delete", "photo", "student", noted=False)
def take_back_photos(workspace: Workspace, class_id: str, student: str) -> int:
    """Return how many photos were deleted that a student gave; datasets made of them keep them."""
    handed = list_handed(workspace, class_id)
    theirs = handed.loc[handed["student"] == student, "file"]
    for file in theirs:
        file.unlink(missing_ok=True)
    return len(theirs)


def list_handed(workspace: Workspace, class_id: str) -> pd.DataFrame:
    """Return the photos that students gave: columns student, class and file, a row a photo."""
    files = sorted((workspace.class_folder(class_id) / PHOTOS).glob("*/student-*.jpg"))
    rows = [(file.name.partition(".")[0], unquote(file.parent.name), file) for file in files]
    return pd.DataFrame(rows, columns=["student", "class", "file"])


def divide_photos(handed: pd.DataFrame, *, by_student: bool) -> pd.Series:
    """Return the split of each photo that was given, drawn with seed 0.

    By student: all photos of one are on one side, as those of people who come later will be.
    """
    labels, groups = pd.factorize(handed["class"])[0], handed["file"].map(str)
    groups = handed["student"] if by_student else groups
    return pd.Series(draw_splits(labels, groups.to_numpy(), seed=0), index=handed.index)


@acts("make", "dataset", noted=False)
def gather_photos(workspace: Workspace, class_id: str, *, by_student: bool) -> str:
    """Return the id of the import that makes the photos a dataset; students are numbered in it."""
    handed = list_handed(workspace, class_id)
    splits, numbers = divide_photos(handed, by_student=by_student), pd.factorize(handed["student"])
    way = "student by student" if by_student else "photo by photo"
    file = workspace.temporary / f"upload-{secrets.token_hex(6)}-Class photos, {way}.zip"
    with ZipFile(file, "w") as archive:
        for row, split, number in zip(handed.itertuples(), splits, numbers[0] + 1, strict=True):
            name = f"student {number}, {row.Index + 1}.jpg"
            archive.write(str(row.file), f"{split}/{row[2]}/{name}")
    request = SourceRequest(kind="archive", path=str(file))
    return start_import(workspace, ImportJob(request=request, keep=True, remove_source=True))


def _find_student(workspace: Workspace, class_id: str, student: str) -> Path:
    return workspace.class_folder(class_id) / STUDENTS / f"{check_identifier(student)}.jsonl"


def list_names(students: Path) -> dict[str, str]:
    """Return id → name of those who are in."""
    first = {file.stem: read_journal(file)[0] for file in sorted(students.glob("student-*.jsonl"))}
    return {student: lines[0]["name"] for student, lines in first.items() if lines}


def now(later: timedelta = timedelta()) -> str:
    return (datetime.now(UTC) + later).isoformat(timespec="seconds")
