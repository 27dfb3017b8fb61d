"""A class: its code, who is in it, how far each is in the lesson, and where the desk leads them.

A folder of small files that every page server reads: class.json and lead.json are replaced whole,
each student has a file of lines. Students have no e-mail and no password: a name in this class.
"""

import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from core.datasets.selections import delete_selection
from core.errors import NotAllowed, PetalscopeError, RunGoing, SignInRefused
from core.exporting.store import delete_export
from core.formats import check_name
from core.monitoring.log import delete_predictions
from core.people import Person, acts, find_makers, read_journal, sign, unsign
from core.runs.locks import hold_lock
from core.runs.queue.queue import delete_run
from core.runs.run_files import append_line
from core.workspace import Workspace, check_identifier, write_json

LONGEST_NAME = 24
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""What is read from a projector without doubt."""
_CLASS, _LEAD, _STUDENTS = "class.json", "lead.json", "students"
_COLUMNS = ["student", "name", "at", "step", "setting", "right", "outcome"]


@dataclass(frozen=True, kw_only=True)
class Classroom:
    """A class; moments in UTC as ISO 8601."""

    id: str
    code: str
    opened: str
    closed: str = ""


@dataclass(frozen=True, kw_only=True)
class Lead:
    """Where the instructor is, for those who follow."""

    step: str = ""
    """Number of the step; "": everybody goes their own way."""
    setting: str = ""
    frozen: bool = False
    """Whether nobody can go elsewhere."""


@acts("make", "class")
def open_class(workspace: Workspace) -> Classroom:
    """Return a new class with a code of its own."""
    code = "".join(secrets.choice(_LETTERS) for _ in range(6))
    classroom = Classroom(id=secrets.token_hex(8), code=code, opened=_now())
    write_json(workspace.class_folder(classroom.id) / _CLASS, asdict(classroom))
    return classroom


def read_class(workspace: Workspace, class_id: str) -> Classroom:
    """Return a class.

    Raises:
        SignInRefused: There is none of that id.
    """
    try:
        content = json.loads((workspace.class_folder(class_id) / _CLASS).read_text("utf-8"))
    except FileNotFoundError as error:
        raise SignInRefused("There is no such class.", "Open one: python -m core class.") from error
    return Classroom(**content)


def sign_in(workspace: Workspace, class_id: str, code: str, name: str) -> Person:
    """Return the student of this name, new in the class.

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
    students = workspace.class_folder(class_id) / _STUDENTS
    students.mkdir(exist_ok=True)
    with hold_lock(students / ".lock"):
        if name.casefold() in (known.casefold() for known in _list_names(students).values()):
            raise SignInRefused(f"“{name}” is in the class already.", "Take another name.")
        person = Person(id=f"student-{secrets.token_hex(6)}", name=name, role="student")
        append_line(students / f"{person.id}.jsonl", {"at": _now(), "name": name})
    return person


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
    append_line(file, {"at": _now(), **facts})


def is_in(workspace: Workspace, class_id: str, student: str) -> bool:
    """Return whether a student is in the class, and this goes on."""
    return _find_student(workspace, class_id, student).exists()


def read_answers(workspace: Workspace, class_id: str) -> pd.DataFrame:
    """Return what students did, in their order.

    Columns student, name, at, step, setting, right (None where no answer was given: the student
    came to the step or moved its control) and outcome (the share that came out of the setting).
    """
    files = sorted((workspace.class_folder(class_id) / _STUDENTS).glob("student-*.jsonl"))
    rows = [
        {"step": "", "setting": ""} | line | {"student": file.stem, "name": lines[0]["name"]}
        for file in files
        if (lines := read_journal(file)[0])
        for line in lines
    ]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return table.assign(at=pd.to_datetime(table["at"], utc=True)).sort_values("at", kind="stable")


def list_tiles(answers: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each student: name, step, setting, tries, right, solved, since.

    Who has waited longest for a right answer comes first: `since` is when the last one was given,
    or when they came in. `tries` and `right` are of the step they are at; `solved` counts steps.
    """
    rows = []
    for student, of in answers.groupby("student", sort=False):
        last = of.iloc[-1]
        here = of[of["step"] == last["step"]]
        right = of[of["right"].eq(True)]
        rows.append(
            {
                "student": student,
                "name": last["name"],
                "step": last["step"],
                "setting": last["setting"],
                "tries": int(here["right"].notna().sum()),
                "right": bool(here["right"].eq(True).any()),
                "solved": right["step"].nunique(),
                "since": (right if len(right) else of.head(1))["at"].iloc[-1],
            }
        )
    columns = ["student", "name", "step", "setting", "tries", "right", "solved", "since"]
    return pd.DataFrame(rows, columns=columns).sort_values("since", ignore_index=True)


def write_results(answers: pd.DataFrame) -> str:
    """Return the answers as CSV without names: students are numbered as they came in."""
    given = answers[answers["right"].notna()]
    numbers = pd.factorize(answers["student"])[0] + 1
    table = given.assign(student=numbers[answers["right"].notna()])
    return str(table[["student", "at", "step", "setting", "right"]].to_csv(index=False))


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


@acts("delete", "class", "class_id")
def close_class(workspace: Workspace, class_id: str) -> Counter[str]:
    """Return how much of each kind was deleted that students made; nobody can sign in any more.

    What others made as well stays, and what a worker has just now: its kind is "going".
    """
    folder = workspace.class_folder(class_id)
    write_json(folder / _CLASS, asdict(read_class(workspace, class_id)) | {"closed": _now()})
    gone: Counter[str] = Counter()
    made, _ = read_journal(workspace.journal_file)
    for student, name in _list_names(folder / _STUDENTS).items():
        theirs = replace(workspace, person=Person(id=student, name=name, role="student"))
        for row in made:
            if row["who"] == student and row["did"] == "make" and row["kind"] in _DELETE:
                gone[_delete(theirs, row["kind"], row["id"])] += 1
        gone["prediction"] += delete_predictions(workspace, visitor=student)
        (folder / _STUDENTS / f"{student}.jsonl").unlink(missing_ok=True)
        gone["student"] += 1
    del gone[""]
    return +gone


_DELETE: dict[str, Callable[[Workspace, str], None]] = {
    "run": delete_run,
    "selection": delete_selection,
    "export": delete_export,
}


def _delete(workspace: Workspace, kind: str, thing: str) -> str:
    """Return the kind of what was deleted; "" where it was gone or stays for others; "going"."""
    try:
        _DELETE[kind](workspace, thing)
    except RunGoing:
        return "going"
    except PetalscopeError:
        return ""
    others = find_makers(workspace.journal_file, kind, thing).keys() - {workspace.person.id}
    return "" if others else kind


def _find_student(workspace: Workspace, class_id: str, student: str) -> Path:
    return workspace.class_folder(class_id) / _STUDENTS / f"{check_identifier(student)}.jsonl"


def _list_names(students: Path) -> dict[str, str]:
    """Return id → name of those who are in."""
    first = {file.stem: read_journal(file)[0] for file in sorted(students.glob("student-*.jsonl"))}
    return {student: lines[0]["name"] for student, lines in first.items() if lines}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
