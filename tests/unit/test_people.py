"""Who may do what: roles, the journal that says whose a thing is, and tokens nobody can forge."""

import ast
import itertools
import stat
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from core.errors import NotAllowed
from core.people import OWNER, Person, acts, find_makers, may, read_journal, sees, sign, unsign
from core.runs.database import write_database
from core.workspace import PROJECT_ROOT, Workspace

MIA, BEN = (Person(id=name, name=name.title(), role="student") for name in ("mia", "ben"))
TEACHER = Person(id="teacher", name="Teacher", role="instructor")
GUEST = Person(id="link", role="guest", sees=frozenset({"run shown"}))

ALLOWED = {
    "owner": "see make change delete",
    "instructor": "see make change delete",
    "student": "see make",
    "guest": "",
}
"""What each may do with a run that the owner made."""


def write_a_row(workspace: Workspace) -> None:
    with write_database(workspace):
        pass


@dataclass(frozen=True)
class Made:
    id: str


@acts("make", "run")
def make(workspace: Workspace, thing: str) -> tuple[Made, bool]:
    write_a_row(workspace)
    return Made(thing), True


@acts("delete", "run", "thing")
def delete(workspace: Workspace, thing: str) -> str:
    write_a_row(workspace)
    return f"deleted {thing}"


@acts("change", "run", "thing")
def change(workspace: Workspace, thing: str) -> str:
    write_a_row(workspace)
    return f"changed {thing}"


def by(workspace: Workspace, person: Person) -> Workspace:
    return replace(workspace, person=person)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.mark.parametrize("role", ALLOWED)
def test_what_each_role_may_do_with_what_the_owner_made(role: str) -> None:
    person = Person(id="somebody", role=role)  # type: ignore[arg-type]
    for action in ("see", "make", "change", "delete"):
        allowed = may(person, action, "run", "x", {"owner": "owner"})  # type: ignore[arg-type]
        assert allowed is (action in ALLOWED[role].split()), action


def test_nobody_but_the_owner_touches_what_is_the_owners_alone() -> None:
    kinds = ("folder", "weights")
    for person, kind, action in itertools.product(
        (TEACHER, MIA, GUEST), kinds, ("see", "make", "change", "delete")
    ):
        if (person, action) != (MIA, "see"):  # there is nothing by that name to be seen
            assert not may(person, action, kind, "", {})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["tag", "model", "rule", "class", "unheard of"])
def test_a_student_makes_and_changes_nothing_that_is_not_named(kind: str) -> None:
    for action in ("make", "change", "delete"):
        assert not may(MIA, action, kind, "", {"mia": "student"})  # type: ignore[arg-type]


def test_a_student_makes_no_dataset_but_versions_and_deletes_only_theirs() -> None:
    assert not may(MIA, "make", "dataset", "", {}) and may(MIA, "make", "version", "", {})
    for makers, theirs in (({}, False), ({"owner": "owner"}, False), ({"mia": "student"}, True)):
        assert may(MIA, "delete", "dataset", "x", makers) is theirs  # type: ignore[arg-type]


def test_a_student_sees_theirs_and_the_classs_and_nobody_elses(place: Workspace) -> None:
    make(by(place, MIA), "of-mia")
    make(by(place, TEACHER), "of-teacher")
    make(place, "of-owner")
    for person, seen in ((MIA, True), (BEN, False), (TEACHER, True), (OWNER, True), (GUEST, False)):
        assert sees(by(place, person), "run")("of-mia") is seen
    assert all(sees(by(place, BEN), "run")(run) for run in ("of-teacher", "of-owner", "older"))
    assert sees(by(place, GUEST), "run")("shown")
    with pytest.raises(NotAllowed):
        by(place, BEN).run_folder("of-mia")
    assert by(place, MIA).run_folder("of-mia").name == "of-mia"


def test_what_two_students_made_is_let_go_of_by_one_and_deleted_by_the_last(
    place: Workspace,
) -> None:
    for person in (MIA, BEN):
        make(by(place, person), "shared")
    with pytest.raises(NotAllowed, match="others"):
        change(by(place, MIA), "shared")
    assert delete(by(place, MIA), "shared") is None  # it stays for the other
    assert not sees(by(place, MIA), "run")("shared") and sees(by(place, BEN), "run")("shared")
    assert change(by(place, BEN), thing="shared") == "changed shared"
    assert delete(by(place, BEN), "shared") == "deleted shared"
    with pytest.raises(NotAllowed):
        delete(by(place, MIA), "of nobody")


def test_what_writes_outside_of_an_act_is_refused_to_all_but_the_owner(place: Workspace) -> None:
    write_a_row(place)
    for person in (TEACHER, MIA, GUEST):
        with pytest.raises(NotAllowed):
            write_a_row(by(place, person))
    make(by(place, MIA), "allowed")
    with pytest.raises(NotAllowed):  # the act is over
        write_a_row(by(place, MIA))


def test_the_journal_says_who_did_what_and_survives_a_line_cut_short(place: Workspace) -> None:
    make(by(place, MIA), "first")
    for cut in (b"{not JSON}\n", b'{"did": "make", "kind": "run", "id": "half'):
        with place.journal_file.open("ab") as file:
            file.write(cut)
    make(by(place, BEN), "second")
    rows, _ = read_journal(place.journal_file)
    said = [(row["name"], row["did"], row["kind"], row["id"], row["role"]) for row in rows]
    assert said == [
        ("", "make", "run", "first", "student"),  # a student's name goes with the class
        ("", "make", "run", "second", "student"),
    ]
    assert find_makers(place.journal_file, "run", "second") == {"ben": "student"}
    make(by(place, TEACHER), "third")
    assert read_journal(place.journal_file)[0][-1]["name"] == "Teacher"


def test_what_is_returned_as_its_id_is_known_by_it(place: Workspace) -> None:
    @acts("make", "export")
    def export(workspace: Workspace) -> str:
        del workspace
        return "0123456789abcdef"

    export(by(place, MIA))
    assert find_makers(place.journal_file, "export", "0123456789abcdef") == {"mia": "student"}
    assert not sees(by(place, BEN), "export")("0123456789abcdef")


def test_a_token_is_read_here_and_neither_altered_nor_from_elsewhere(tmp_path: Path) -> None:
    key = tmp_path / "key"
    token = sign(key, {"id": "mia", "name": "Mïa 🌼"})
    assert unsign(key, token) == {"id": "mia", "name": "Mïa 🌼"}
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    body, seal = token.split(".")
    other = sign(tmp_path / "other", {"id": "mia", "name": "Mïa 🌼"})
    forged = sign(tmp_path / "other", {"id": "owner"}).split(".")[0]
    for bad in (other, f"{forged}.{seal}", f"{body}.", body, "", ".", f"{body}.{seal}é", "é.é"):
        assert unsign(key, bad) is None


# What writes asks first

_WRITES = {"write_database", "write_json", "write_atomically", "make_folder_atomically"}
_WRITES |= {"rmtree", "unlink", "write_whole", "append_line"}
_INTERNAL = {
    "core.classroom": "note_step sign_in",
    "core.closing": "close_overdue",
    "core.datasets.importing": "clean_imports execute_import",
    "core.datasets.quality.results": "write_result",
    "core.exporting.store": "keep_export sweep_leftovers",
    "core.monitoring.alarms": "keep_facts tell_alarms",
    "core.monitoring.kept_photos": "forget_photos sweep_kept_photos sweep_when_due",
    "core.registry.events": "record_event",
    "core.registry.files": "keep_bytes sweep_blobs",
    "core.runs.carrying": "fetch_run",
    "core.runs.database": "read_database write_database",
    "core.runs.fetching": "probe_weights",
    "core.runs.kept": "write_marked",
    "core.runs.queue.queue": "claim_next_run mark_lost queue_lost_runs",
    "core.runs.queue.run_lock": "begin_run fail_run finish_run lock_run mark_paused record_epoch "
    "record_phase renew_heartbeat",
    "core.runs.queue.speeds": "note_speed",
    "core.runs.queue.units": "hold_unit",
    "core.runs.queue.starting": "ensure_scheduler start_missing_scheduler write_scheduler_facts",
    "core.runs.repairing": "find_fault make_copy repair_index",
    "core.runs.result": "keep_arrays",
    "core.runs.bin": "sweep_bin throw_away",
    "core.runs.run_files": "take_tuned_backbone",
    "core.runs.training.preparing": "delete_features delete_views",
    "core.workspace": "restore_backup write_backup",
    "data.additions": "add_photos",
    "data.importing": "import_source keep_dataset make_staging_folder prepare_dataset",
}
"""What an act, a job, a worker or the scheduler calls, or who asks by themselves (the class)."""


def list_writers() -> dict[str, ast.FunctionDef]:
    """Return the public functions of a workspace that write, themselves or by a neighbour."""
    found: dict[str, ast.FunctionDef] = {}
    for file in [*(PROJECT_ROOT / "core").rglob("*.py"), *(PROJECT_ROOT / "data").rglob("*.py")]:
        parts = file.relative_to(PROJECT_ROOT).with_suffix("").parts
        if parts[:2] in {("core", "ui"), ("core", "cli"), ("core", "exporting", "shipped")}:
            continue
        functions = {
            node.name: node
            for node in ast.parse(file.read_text()).body
            if isinstance(node, ast.FunctionDef)
        }
        called = {
            name: {
                getattr(call.func, "id", getattr(call.func, "attr", ""))
                for call in ast.walk(node)
                if isinstance(call, ast.Call)
            }
            for name, node in functions.items()
        }
        writers = {name for name, calls in called.items() if calls & _WRITES}
        while more := {name for name, calls in called.items() if calls & writers} - writers:
            writers |= more
        for name in writers:
            first = functions[name].args.args[:1]
            if first and first[0].arg == "workspace" and not name.startswith("_"):
                found[f"{'.'.join(parts)}.{name}"] = functions[name]
    return found


def test_what_writes_is_an_act_or_named_as_internal() -> None:
    writers = list_writers()
    assert len(writers) > 60
    silent = {
        name
        for name, node in writers.items()
        if not any("acts" in ast.dump(decorator) for decorator in node.decorator_list)
    }
    internal = {f"{file}.{name}" for file, names in _INTERNAL.items() for name in names.split()}
    assert silent == internal
