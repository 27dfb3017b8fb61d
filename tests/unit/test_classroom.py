"""A class: who gets in, what students do is written down, what closing it deletes."""

import io
from dataclasses import replace

import pandas as pd
import pytest

from core.classroom import (
    Lead,
    close_class,
    is_in,
    lead,
    list_tiles,
    make_desk_key,
    make_token,
    note_step,
    open_class,
    read_answers,
    read_class,
    read_lead,
    read_token,
    sign_in,
    write_results,
)
from core.errors import NotAllowed, RunMissing, SignInRefused
from core.people import Person
from core.runs.queue.queue import submit_run
from core.runs.store import read_run
from core.workspace import Workspace
from tests.training import make_recipe


def join(workspace: Workspace, name: str, class_id: str) -> Workspace:
    code = read_class(workspace, class_id).code
    return replace(workspace, person=sign_in(workspace, class_id, f" {code.lower()} ", name))


def answer(workspace: Workspace, class_id: str, step: str, setting: str, right: bool) -> None:
    facts = {"step": step, "setting": setting, "outcome": None}
    note_step(workspace, class_id, facts | {"right": None, "outcome": 0.5})
    note_step(workspace, class_id, facts | {"right": right})


def test_a_code_and_a_free_name_let_in_and_nothing_else(workspace: Workspace) -> None:
    one, other = open_class(workspace), open_class(workspace)
    assert one.code != other.code
    mia = join(workspace, "Mia 🌼", one.id).person
    assert mia.role == "student" and mia.name == "Mia 🌼" and is_in(workspace, one.id, mia.id)
    for code, name in (
        (other.code, "Ben"),
        ("", "Ben"),
        (one.code, "mia 🌼"),  # taken, whatever its case
        (one.code, ""),
        (one.code, "x" * 25),
        (one.code, "‮"),
    ):
        with pytest.raises(SignInRefused):
            sign_in(workspace, one.id, code, name)
    with pytest.raises(SignInRefused):
        sign_in(workspace, "0123456789abcdef", one.code, "Ben")
    assert not is_in(workspace, other.id, mia.id)


def test_a_token_is_of_its_class_alone(workspace: Workspace) -> None:
    one, other = open_class(workspace), open_class(workspace)
    mia = join(workspace, "Mia", one.id).person
    token = make_token(workspace, one.id, mia)
    assert read_token(workspace, one.id, token) == mia
    assert read_token(workspace, other.id, token) is None
    desk = read_token(workspace, one.id, make_desk_key(workspace, one.id))
    assert desk is not None and desk.role == "instructor"
    body, seal = make_desk_key(workspace, one.id).split(".")
    assert read_token(workspace, one.id, f"{token.split('.')[0]}.{seal}") is None
    assert read_token(workspace, one.id, f"{body}.{token.split('.')[1]}") is None


def test_tiles_say_how_far_each_is_and_who_waits_longest_comes_first(workspace: Workspace) -> None:
    classroom = open_class(workspace)
    people = {name: join(workspace, name, classroom.id) for name in ("Mia", "Ben", "Ida")}
    answer(people["Ben"], classroom.id, "rate", "0.3", False)
    answer(people["Ben"], classroom.id, "rate", "0.01", True)
    answer(people["Mia"], classroom.id, "rate", "1", False)
    answer(people["Mia"], classroom.id, "heart", "0.5", False)
    answers = read_answers(workspace, classroom.id)
    later = answers["name"].map({"Mia": 2, "Ben": 1, "Ida": 0}).astype(int)
    answers = answers.assign(at=answers["at"] + pd.to_timedelta(later, unit="s"))
    tiles = list_tiles(answers).set_index("name")
    assert list(tiles.index) == ["Ida", "Ben", "Mia"]
    said = tiles[["step", "setting", "tries", "right", "solved"]]
    assert said.loc["Ben"].tolist() == ["rate", "0.01", 2, True, 1]
    assert said.loc["Mia"].tolist() == ["heart", "0.5", 1, False, 0]
    assert said.loc["Ida"].tolist() == ["", "", 0, False, 0]
    assert list_tiles(read_answers(workspace, open_class(workspace).id)).empty


def test_results_have_numbers_in_place_of_names(workspace: Workspace) -> None:
    classroom = open_class(workspace)
    for name in ("Mia", "Ben"):
        student = join(workspace, name, classroom.id)
        answer(student, classroom.id, "rate", "0.3", name == "Ben")
    text = write_results(read_answers(workspace, classroom.id))
    assert "Mia" not in text and "student-" not in text
    table = pd.read_csv(io.StringIO(text))
    assert sorted(table["student"]) == [1, 2] and sorted(table["right"]) == [False, True]


def test_who_is_not_in_writes_nothing_and_a_student_does_not_lead(workspace: Workspace) -> None:
    classroom = open_class(workspace)
    mia = join(workspace, "Mia", classroom.id)
    stranger = replace(workspace, person=Person(id="student-0", name="X", role="student"))
    with pytest.raises(NotAllowed):
        answer(stranger, classroom.id, "rate", "0.3", True)
    with pytest.raises(NotAllowed):
        lead(mia, classroom.id, Lead(step="4"))
    with pytest.raises(NotAllowed):
        close_class(mia, classroom.id)
    assert read_lead(mia, classroom.id) == Lead()
    lead(workspace, classroom.id, Lead(step="4", frozen=True))
    assert read_lead(mia, classroom.id) == Lead(step="4", frozen=True)


def test_closing_deletes_what_students_made_and_leaves_what_others_made_too(
    workspace: Workspace,
) -> None:
    classroom = open_class(workspace)
    mia, ben = (join(workspace, name, classroom.id) for name in ("Mia", "Ben"))
    teacher = replace(workspace, person=Person(id="desk", name="Instructor", role="instructor"))
    own, shared = (make_recipe(workspace, "0123456789abcdef", seed=seed) for seed in (0, 1))
    theirs, _ = submit_run(mia, own)
    submit_run(mia, shared)
    submit_run(ben, shared)
    kept, is_new = submit_run(teacher, shared)
    assert not is_new
    answer(mia, classroom.id, "rate", "0.3", True)
    gone = close_class(teacher, classroom.id)
    assert gone == {"run": 1, "student": 2}
    with pytest.raises(RunMissing):
        read_run(workspace, theirs.id)
    assert read_run(workspace, kept.id).id == kept.id
    assert read_answers(workspace, classroom.id).empty
    assert not is_in(workspace, classroom.id, mia.person.id)
    with pytest.raises(SignInRefused, match="closed"):
        join(workspace, "Ida", classroom.id)
