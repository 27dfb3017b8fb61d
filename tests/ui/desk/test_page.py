"""The desk and those who sit before it: the code, tiles, answers, where all are led, the end."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.classroom import (
    Classroom,
    Lead,
    lead,
    make_desk_key,
    make_token,
    note_step,
    open_class,
    read_class,
    read_lead,
    sign_in,
)
from core.closing import close_class
from core.links import PAGES, list_links, make_link, write_address
from core.people import Person, read_journal
from core.runs.store import list_runs
from core.workspace import Workspace
from data.importing import import_source
from data.manifest import list_datasets
from tests.builders import draw_photo, encode_photo, write_class_folders
from tests.ui.driver import labels, open_page, press, run, text_of


@pytest.fixture
def classroom(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Classroom:
    """A class that the page server is for."""
    opened = open_class(workspace)
    monkeypatch.setenv("PETALSCOPE_CLASS_ID", opened.id)
    return opened


def open_as(workspace: Workspace, classroom: Classroom, person: Person, page: str) -> AppTest:
    """Return a page as somebody sees it whose browser was here before."""
    return open_page(page, {"person.token": make_token(workspace, classroom.id, person)})


def open_desk(workspace: Workspace, classroom: Classroom) -> AppTest:
    return open_page("desk", desk=make_desk_key(workspace, classroom.id))


def join(workspace: Workspace, classroom: Classroom, name: str) -> Workspace:
    person = sign_in(workspace, classroom.id, classroom.code, name)
    return replace(workspace, person=person)


def test_without_a_class_the_desk_says_how_to_open_one(workspace: Workspace) -> None:
    del workspace
    app = open_page("desk")
    assert "No class is open" in text_of(app) and "make class" in app.code[0].value


def test_a_stranger_is_asked_for_code_and_name_and_nothing_else_is_drawn(
    workspace: Workspace, classroom: Classroom
) -> None:
    app = open_page("lesson")
    assert "Join the class" in text_of(app) and not app.title
    for code, name, said in (("WRONG1", "Mia", "not the code"), (classroom.code, "", "name")):
        app.text_input[0].set_value(code)
        app.text_input[1].set_value(name)
        assert said in press(app, "Join").error[0].value
    app.text_input[0].set_value(classroom.code)
    app.text_input[1].set_value("Mia")
    assert press(app, "Join").title[0].value == "Lesson"
    other = open_page("lesson", desk=make_desk_key(workspace, open_class(workspace).id))
    assert "Join the class" in text_of(other)


def test_the_desk_shows_code_tiles_and_answers_and_names_only_when_asked(
    workspace: Workspace, classroom: Classroom
) -> None:
    assert "Nobody has joined yet." in text_of(open_desk(workspace, classroom))
    for name, right in (("Mia *x*", True), ("Ben", False)):
        student = join(workspace, classroom, name)
        facts = {"step": "rate", "setting": "0.3", "right": None, "outcome": 0.61}
        note_step(student, classroom.id, facts)
        note_step(student, classroom.id, facts | {"right": right, "outcome": None})
    app = open_desk(workspace, classroom)
    assert classroom.code in text_of(app) and "2 students" in text_of(app)
    assert "Mia" not in text_of(app) and "step 4 · 0\\.3" in text_of(app)
    assert len(app.get("vega_lite_chart")) == 2
    assert "Student 1" in text_of(app) and "1 of 10 right" in text_of(app)
    app.toggle(key="desk.names").set_value(True)
    assert "Mia \\*x\\*" in text_of(run(app))
    app.query_params["present"] = "1"
    app = run(app)
    assert classroom.code in text_of(app) and "1 right answer where" in text_of(app)
    assert "Mia" not in text_of(app) and not app.selectbox
    assert len(app.get("vega_lite_chart")) == 2


def test_the_desk_leads_holds_and_lets_go(workspace: Workspace, classroom: Classroom) -> None:
    app = open_desk(workspace, classroom)
    app.selectbox(key="desk.step").set_value("4")
    app = run(app)
    assert read_lead(workspace, classroom.id) == Lead(step="4")
    app.toggle(key="desk.hold").set_value(True)
    app = run(app)
    assert read_lead(workspace, classroom.id) == Lead(step="4", frozen=True)
    app.selectbox(key="desk.step").set_value("free")
    run(app)
    assert read_lead(workspace, classroom.id) == Lead()


def test_closing_lets_nobody_in_any_more(workspace: Workspace, classroom: Classroom) -> None:
    mia = join(workspace, classroom, "Mia").person
    assert open_as(workspace, classroom, mia, "lesson").title[0].value == "Lesson"
    app = press(open_desk(workspace, classroom), "Close it")
    assert "closed" in text_of(app) and set(labels(app)) == {"Full screen"}
    assert read_class(workspace, classroom.id).closed
    assert "Join the class" in text_of(open_as(workspace, classroom, mia, "lesson"))


def test_a_student_finds_no_desk(workspace: Workspace, classroom: Classroom) -> None:
    mia = join(workspace, classroom, "Mia").person
    app = open_as(workspace, classroom, mia, "desk")
    assert classroom.code not in text_of(app)


def test_pages_of_evaluation_open_for_a_student_on_runs_of_others(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    classroom = open_class(trained_copy)
    monkeypatch.setenv("PETALSCOPE_CLASS_ID", classroom.id)
    run_id = list_runs(trained_copy)[0].id
    mia = join(trained_copy, classroom, "Mia").person
    for page in ("training", "metrics", "confusion", "mistakes"):
        app = open_page(
            page, {"person.token": make_token(trained_copy, classroom.id, mia)}, run=run_id
        )
        assert app.title and not app.error, page
        assert "Register" not in labels(app), page
    assert not [row for row in read_journal(trained_copy.journal_file)[0] if row["did"] == "see"]


def test_a_part_of_a_page_says_nothing_to_who_is_out(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a fragment is drawn again by itself, without the frame."""
    classroom = open_class(trained_copy)
    monkeypatch.setenv("PETALSCOPE_CLASS_ID", classroom.id)
    mia = join(trained_copy, classroom, "Mia").person

    def part() -> None:
        import streamlit as st

        from core.ui.parts import cache
        from core.ui.parts.messages import report_errors

        with report_errors():
            st.write(cache.workspace().person.name)

    app = AppTest.from_function(part, default_timeout=60)
    app.session_state["person.token"] = make_token(trained_copy, classroom.id, mia)
    assert "Mia" in text_of(run(app))
    close_class(trained_copy, classroom.id)
    assert "not in here any more" in run(app).error[0].value and "Mia" not in text_of(app)


def test_the_lesson_is_on_the_photos_of_the_class(
    trained_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest = list_datasets(trained_copy)[-1].id
    import_source(trained_copy, write_class_folders(tmp_path / "more"))
    assert list_datasets(trained_copy)[0].id != oldest
    classroom = open_class(trained_copy)
    monkeypatch.setenv("PETALSCOPE_CLASS_ID", classroom.id)
    app = open_desk(trained_copy, classroom)
    app.selectbox(key="desk.dataset").set_value(oldest)
    run(app)
    mia = join(trained_copy, classroom, "Mia").person
    app = open_as(trained_copy, classroom, mia, "lesson")
    assert app.query_params["dataset"] in (oldest, [oldest])


def test_a_student_follows_and_what_they_answer_is_written_down(
    workspace: Workspace, classroom: Classroom
) -> None:
    lead(workspace, classroom.id, Lead(step="7", frozen=True))
    app = open_as(workspace, classroom, join(workspace, classroom, "Mia").person, "lesson")
    assert not app.exception


def test_a_link_shows_its_pages_to_whoever_has_it_until_it_is_taken_back(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    classroom = open_class(trained_copy)
    monkeypatch.setenv("PETALSCOPE_CLASS_ID", classroom.id)
    app = open_desk(trained_copy, classroom)
    app.selectbox(key="desk.link.what").set_value("run")
    app = press(run(app), "Make the link")
    (link,) = list_links(trained_copy)
    (token,) = [block.value.partition("link=")[2] for block in app.code]
    for page in PAGES["run"]:
        guest = open_page(page, link=token)
        assert guest.title and not guest.error and not guest.exception, page
        assert guest.query_params["link"] == token  # a reload knows it, too
    for page in ("lesson", "dataset", "training", "desk", "review", "monitoring", "overview"):
        assert not open_page(page, link=token).title, page
    press(app, "Take back")
    gone = open_page("metrics", link=token)
    assert "shows nothing any more" in text_of(gone) and "Join the class" in text_of(gone)
    assert link not in list_links(trained_copy)


@pytest.mark.parametrize("what", ["lesson", "dataset"])
def test_a_link_to_the_lesson_or_to_photos_opens_for_a_guest(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("PETALSCOPE_CLASS_ID", open_class(trained_copy).id)
    dataset = list_datasets(trained_copy)[-1].id
    runs = [one.id for one in list_runs(trained_copy, dataset)] if what == "lesson" else []
    link = make_link(trained_copy, what, what, dataset, runs)
    token = write_address(trained_copy, link).partition("link=")[2]
    guest = open_page(what, link=token, dataset=dataset)
    assert guest.title and not guest.exception
    assert what == "lesson" or not guest.error  # what is not prepared is no guest's to make
    assert str(trained_copy.root.parent) not in text_of(guest)
    assert what == "lesson" or "from a folder" in text_of(guest)


def test_photos_are_asked_for_given_and_counted(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    classroom = open_class(trained_copy)
    monkeypatch.setenv("PETALSCOPE_CLASS_ID", classroom.id)
    mia = join(trained_copy, classroom, "Mia").person
    assert "Photos for the class" not in text_of(open_as(trained_copy, classroom, mia, "predict"))
    app = open_desk(trained_copy, classroom)
    app.text_input[0].set_value("mug, glass, ")
    press(app, "Ask for photos")
    assert read_class(trained_copy, classroom.id).asks == ("mug", "glass")
    app = open_as(trained_copy, classroom, mia, "predict")
    app.segmented_control[0].set_value("glass")
    photo = encode_photo(draw_photo(0, 77, (300, 260)))
    files = app.get("file_uploader")[0].upload("a.jpg", photo, "image/jpeg")
    files.upload("b.jpg", b"no photo", "image/jpeg")
    app = press(app, "Give them")
    assert "1 photo → glass" in app.success[0].value and "is not a picture" in app.error[0].value
    assert "1 photo** from 1 student: glass 1" in text_of(open_desk(trained_copy, classroom))
    assert "Taken back: 1 photo" in press(app, "Take mine back").success[0].value


def test_what_is_switched_off_is_not_there(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    del trained_copy
    assert len(open_page("predict").get("file_uploader")) == 2
    monkeypatch.setenv("PETALSCOPE_WITHOUT", "uploads,camera")
    app = open_page("predict")
    assert not app.get("file_uploader") and "Use the camera" not in labels(app)
