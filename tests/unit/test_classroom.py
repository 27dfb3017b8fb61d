"""A class: who gets in, what students do is written down, what closing it deletes."""

import io
from dataclasses import replace

import pandas as pd
import pytest
from PIL import Image

from core.classroom import (
    Lead,
    ask_photos,
    divide_photos,
    gather_photos,
    hand_in,
    is_in,
    lead,
    let_in_again,
    list_handed,
    make_desk_key,
    make_token,
    note_step,
    open_class,
    read_answers,
    read_class,
    read_lead,
    read_token,
    sign_in,
    take_back_photos,
)
from core.closing import close_class, close_overdue
from core.datasets.importing import read_import
from core.errors import NotAllowed, PetalscopeError, PhotoRefused, RunMissing, SignInRefused
from core.people import Person
from core.runs.database import close_databases
from core.runs.queue.control import extend_run
from core.runs.queue.queue import submit_run
from core.runs.store import list_runs, read_run
from core.ui.desk.reading import list_tiles, write_results
from core.workspace import Workspace
from data.manifest import read_dataset
from tests.builders import draw_photo, encode_photo
from tests.processes import wait_until
from tests.training import make_recipe, train


def join(workspace: Workspace, name: str, class_id: str) -> Workspace:
    code = read_class(workspace, class_id).code
    return replace(workspace, person=sign_in(workspace, class_id, f" {code.lower()} ", name))


def answer(workspace: Workspace, class_id: str, step: str, setting: str, right: bool) -> None:
    facts = {"step": step, "setting": setting, "outcome": None}
    note_step(workspace, class_id, facts | {"right": None, "outcome": 0.5})
    note_step(workspace, class_id, facts | {"right": right})


def test_who_has_lost_the_cookie_is_let_in_again_once(workspace: Workspace) -> None:
    one = open_class(workspace)
    mia = join(workspace, "Mia", one.id).person
    let_in_again(workspace, one.id, mia.id)
    assert sign_in(workspace, one.id, one.code, "mia") == mia
    with pytest.raises(SignInRefused, match="in the class already"):
        sign_in(workspace, one.id, one.code, "Mia")


def test_two_students_give_a_run_more_epochs_and_a_third_does_not_see_it(
    trained_copy: Workspace,
) -> None:
    one = open_class(trained_copy)
    mia, ben, tom = (join(trained_copy, name, one.id) for name in ("Mia", "Ben", "Tom"))
    dataset = list_runs(trained_copy)[0].recipe.dataset
    recipe = make_recipe(trained_copy, dataset, seed=78)
    for student in (mia, ben):
        run, _ = submit_run(student, recipe)
    assert train(trained_copy, run).state == "done"
    (first, is_new), (second, is_again) = (extend_run(one, run.id, 2) for one in (mia, ben))
    assert first.id == second.id and is_new and not is_again
    with pytest.raises(NotAllowed):
        extend_run(tom, run.id, 2)


def test_a_name_is_nowhere_once_the_class_is_closed(trained_copy: Workspace) -> None:
    one = open_class(trained_copy)
    mia = join(trained_copy, "Mia Nobody", one.id)
    dataset = list_runs(trained_copy)[0].recipe.dataset
    recipe = make_recipe(trained_copy, dataset, seed=77)
    submit_run(mia, recipe, submitter=mia.person.name)
    answer(mia, one.id, "rate", "0.1", True)
    close_class(trained_copy, one.id)
    close_databases()
    kept = [file for file in trained_copy.root.rglob("*") if file.is_file()]
    assert not [file for file in kept if b"Mia Nobody" in file.read_bytes() and file.suffix]


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


def hand(student: Workspace, class_id: str, name: str, number: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Phone of Mia"  # turned by 90°, and whose it is
    photo = encode_photo(draw_photo(number % 5, number, (1600, 900)), exif=exif, quality=80)
    hand_in(student, class_id, name, photo)
    return photo


def test_photos_come_upright_smaller_and_without_what_the_phone_wrote(workspace: Workspace) -> None:
    classroom = open_class(workspace)
    mia, ben = (join(workspace, name, classroom.id) for name in ("Mia", "Ben"))
    ask_photos(workspace, classroom.id, [" mug", "Ärger & Co", "mug"])
    assert read_class(workspace, classroom.id).asks == ("mug", "Ärger & Co")
    for _ in range(2):  # the same photo once more is no second one
        hand(mia, classroom.id, "Ärger & Co", 1)
    hand(ben, classroom.id, "mug", 2)
    handed = list_handed(workspace, classroom.id)
    assert sorted(handed["class"]) == ["mug", "Ärger & Co"] and len(handed) == 2
    for file in handed["file"]:
        with Image.open(file) as photo:
            assert photo.size == (576, 1024) and not photo.getexif()
    with pytest.raises(NotAllowed):
        take_back_photos(mia, classroom.id, ben.person.id)
    assert take_back_photos(mia, classroom.id, mia.person.id) == 1
    assert list(list_handed(workspace, classroom.id)["student"]) == [ben.person.id]
    assert close_class(workspace, classroom.id) == {"student": 2, "photo": 1}
    assert list_handed(workspace, classroom.id).empty


def test_no_photo_is_taken_that_was_not_asked_for(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    classroom = open_class(workspace)
    mia = join(workspace, "Mia", classroom.id)
    stranger = replace(workspace, person=Person(id="student-0", name="X", role="student"))
    with pytest.raises(NotAllowed):
        hand(mia, classroom.id, "mug", 1)
    for bad in ("../mug", ".mug", "a\\b", "\u202e"):
        with pytest.raises(PetalscopeError):
            ask_photos(workspace, classroom.id, [bad])
    with pytest.raises(NotAllowed):
        ask_photos(mia, classroom.id, ["mug"])
    ask_photos(workspace, classroom.id, ["mug"])
    with pytest.raises(NotAllowed):
        hand(stranger, classroom.id, "mug", 1)
    photo = hand(mia, classroom.id, "mug", 1)
    for content in (b"no photo", photo[: len(photo) // 2]):
        with pytest.raises(PhotoRefused):
            hand_in(mia, classroom.id, "mug", content)
    monkeypatch.setattr("core.classroom.MOST_HANDED", 1)
    with pytest.raises(NotAllowed, match="You gave 1"):
        hand(mia, classroom.id, "mug", 3)
    assert len(list_handed(workspace, classroom.id)) == 1


def test_divided_by_student_nobody_is_on_two_sides_and_the_dataset_keeps_it(
    workspace: Workspace,
) -> None:
    classroom = open_class(workspace)
    ask_photos(workspace, classroom.id, ["mug", "glass"])
    for number, name in enumerate(("Mia", "Ben", "Ida", "Tom")):
        student = join(workspace, name, classroom.id)
        for one in range(4):
            hand(student, classroom.id, ("mug", "glass")[one % 2], 4 * number + one)
    handed = list_handed(workspace, classroom.id)
    sides = divide_photos(handed, by_student=True).groupby(handed["student"]).nunique()
    assert (sides == 1).all()
    assert divide_photos(handed, by_student=False).groupby(handed["student"]).nunique().max() > 1
    made = gather_photos(workspace, classroom.id, by_student=True)
    wait_until(lambda: read_import(workspace, made).state != "going", "the photos are a dataset")
    status = read_import(workspace, made)
    assert status.dataset_id is not None, status.problem
    manifest = read_dataset(workspace, status.dataset_id).manifest
    who = manifest["path"].str.extract(r"(student \d), ")[0]
    assert len(manifest) == 16 and manifest["split"].groupby(who).nunique().eq(1).all()
    assert set(manifest["split"]) >= {"train", "validation"}
    assert not {"Mia", "Ben"} & set(" ".join(manifest["path"]).split())


def test_a_class_closes_when_its_days_are_over(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    week, endless = open_class(workspace, 7), open_class(workspace)
    for classroom in (week, endless):
        join(workspace, "Mia", classroom.id)
    (workspace.classes / "damaged").mkdir()
    (workspace.classes / "damaged" / "class.json").write_text("{")
    close_overdue(workspace)
    assert not read_class(workspace, week.id).closed
    monkeypatch.setattr("core.closing.now", lambda: "2100-01-01T00:00:00+00:00")
    close_overdue(workspace)
    assert read_class(workspace, week.id).closed and not read_class(workspace, endless.id).closed
    assert read_answers(workspace, week.id).empty and len(read_answers(workspace, endless.id)) == 1
