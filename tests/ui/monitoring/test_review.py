"""The tab Review without a browser: the inbox, its actions, and its empty state."""

import pytest
from streamlit.testing.v1 import AppTest

from core.monitoring.feedback import Feedback, count_feedback, list_feedback, review_feedback
from core.monitoring.log import read_predictions
from core.runs.store import list_runs
from core.ui.predict import page as predict_page
from core.workspace import Workspace
from data.manifest import list_datasets
from tests.builders import draw_photo, encode_photo
from tests.predictions import ask_and_tell
from tests.ui.driver import labels, open_page, press, text_of


def draw(number: int) -> bytes:
    return encode_photo(draw_photo(number % 3, 300 + number).rotate(30 + 7 * number), quality=90)


@pytest.fixture
def told(trained_copy: Workspace) -> list[Feedback]:
    """Four answers of the trained run, of which people say: rose, rose, tulip, aster."""
    run = list_runs(trained_copy)[-1].id
    return [
        ask_and_tell(trained_copy, number, draw(number), name, run_id=run)
        for number, name in enumerate(("rose", "rose", "tulip", "aster"))
    ]


def open_review(**link: str) -> AppTest:
    return open_page("monitoring", tab="review", **link)


@pytest.mark.usefixtures("trained_copy")
def test_an_empty_inbox_says_where_feedback_comes_from() -> None:
    assert "No feedback yet" in text_of(open_review())


def test_one_after_another_is_decided_on(trained_copy: Workspace, told: list[Feedback]) -> None:
    app = open_review()
    assert "The model predicted **daisy**" in text_of(
        app
    ) and "The feedback says **rose**" in text_of(app)
    assert "**1 of 4**" in text_of(app)
    press(app, "Accept")
    assert "1 photo accepted" in text_of(app)
    assert "**1 of 3**" in text_of(app), "the next that waits comes"
    press(app, "Discard")
    counts = count_feedback(trained_copy)
    assert (counts["waiting"], counts["accepted"], counts["discarded"]) == (2, 1, 1)
    press(app, "Undo")
    assert "1 review undone" in text_of(app)
    assert count_feedback(trained_copy)["discarded"] == 0
    assert app.query_params["item"] == str(told[1].number), "undo comes back to its photo"


def test_a_digit_relabels_to_what_the_model_thought_of(
    trained_copy: Workspace, told: list[Feedback]
) -> None:
    app = open_review(item=str(told[2].number))
    assert "The feedback says **tulip**" in text_of(app)
    label = next(one for one in labels(app) if one.startswith("rose ·"))
    press(app, label)
    [relabelled] = list_feedback(trained_copy, state="relabelled")
    assert (relabelled.number, relabelled.final_class) == (told[2].number, "rose")


def test_what_another_reviewer_decided_is_not_decided_again(
    trained_copy: Workspace, told: list[Feedback]
) -> None:
    app = open_review()
    review_feedback(trained_copy, [told[0].number], "discard", reviewer="another")
    press(app, "Accept")
    assert "already reviewed by another person" in text_of(app)
    assert count_feedback(trained_copy)["discarded"] == 1
    assert count_feedback(trained_copy)["accepted"] == 0


def test_two_answers_on_one_photo_are_decided_on_once(
    trained_copy: Workspace, told: list[Feedback]
) -> None:
    run = list_runs(trained_copy)[-1].id
    ask_and_tell(trained_copy, len(told), draw(0), "tulip", run_id=run, top="aster")
    app = open_review()
    assert "**1 of 4**" in text_of(app), "five answers, four photos"
    assert "predicted aster, the feedback says tulip" in text_of(app).replace("\\", "")
    press(app, "Accept")
    assert "1 photo accepted" in text_of(app)
    assert [one.final_class for one in list_feedback(trained_copy, state="accepted")] == [
        "rose",
        "rose",
    ]
    assert "**1 of 3**" in text_of(app)
    press(app, "Undo")
    assert "1 review undone" in text_of(app)
    assert count_feedback(trained_copy)["waiting"] == 5
    assert "**1 of 2**" in text_of(open_review(said_class="tulip")), "found by what either says"


def test_a_new_class_that_is_nearly_a_known_one_is_asked_about(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[-1].id
    ask_and_tell(trained_copy, 0, draw(0), "tulips", run_id=run)
    ask_and_tell(trained_copy, 1, draw(1), "roses", run_id=run)
    app = open_review()
    assert "The model does not know “tulips”" in text_of(app)
    press(app, "Did they mean tulip?")
    [relabelled] = list_feedback(trained_copy, state="relabelled")
    assert relabelled.final_class == "tulip"
    press(app, "Accept")
    assert "New class: “roses”" in text_of(app)


def test_links_filters_and_lost_photos(trained_copy: Workspace, told: list[Feedback]) -> None:
    app = open_review(said_class="aster")
    assert "**1 of 1**" in text_of(app) and "The feedback says **aster**" in text_of(app)
    app = open_review(said="right")
    assert "No match" in text_of(app)
    app = open_review(state="discarded", item="no number")
    assert not app.exception and "No feedback in this state" in text_of(app)
    trained_copy.kept_photo_file(told[0].photo).unlink()
    assert "The photo is not stored" in text_of(open_review())


def test_reviewed_photos_become_a_version(trained_copy: Workspace, told: list[Feedback]) -> None:
    [original] = list_datasets(trained_copy)
    review_feedback(trained_copy, [one.number for one in told], "accept")
    trained_copy.kept_photo_file(told[0].photo).unlink()
    app = open_review()
    metrics = {metric.label: metric.value for metric in app.metric}
    assert (metrics["Photos to add"], metrics["Left out"]) == ("3", "1")
    assert "New class: “aster”" in text_of(app)
    press(app, "Make a new version with 3 reviewed photos")
    made = next(one for one in list_datasets(trained_copy) if one.id != original.id)
    assert (made.photos, made.parent) == (39, original.id)
    assert "is ready: 39 photos" in text_of(app)
    undo = next(one for one in app.button if one.label == "Undo")
    assert undo.disabled, "photos in a dataset cannot be undone"
    assert count_feedback(trained_copy)["used"] == 4


def test_the_log_panel_takes_away_and_deletes(
    trained_copy: Workspace, told: list[Feedback]
) -> None:
    def draw_panel() -> None:
        from core.monitoring.log import count_predictions
        from core.ui.monitoring.page import show_log_panel
        from core.workspace import open_workspace

        show_log_panel(count_predictions(open_workspace()))

    app = AppTest.from_function(draw_panel, default_timeout=60).run()
    assert not app.exception and "The prediction log: 4 predictions" in app.expander[0].label
    app.selectbox(key="log.which").set_value("id").run()
    app.text_input(key="log.id").set_value("nobody's").run()
    assert "No such prediction in the log" in text_of(app)
    app.text_input(key="log.id").set_value(told[1].prediction).run()
    assert app.button(key="log.delete").disabled
    app.checkbox[0].check().run()
    app.button(key="log.delete").click().run()
    assert not app.exception
    ids = read_predictions(trained_copy)["id"].tolist()
    assert len(ids) == 3 and told[1].prediction not in ids
    assert not trained_copy.kept_photo_file(told[1].photo).exists()


def test_a_visitor_deletes_what_is_theirs(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        predict_page, "name_browser", lambda: "me"
    )  # AppTest draws an address a run

    def draw_line() -> None:
        from core.ui.predict.page import show_privacy_line

        show_privacy_line()

    app = AppTest.from_function(draw_line, default_timeout=60).run()
    assert "photos are not stored unless you send feedback" in text_of(app)
    press(app, "Delete my data")
    assert "Nothing is stored for this browser" in text_of(app)
    for number, visitor in enumerate(("me", "another")):
        ask_and_tell(trained_copy, number, draw(number), "rose", visitor=visitor)
    press(app, "Delete my data")
    assert "1 answer: time, scores" in text_of(app)
    press(app, "Delete all")
    assert read_predictions(trained_copy)["visitor"].tolist() == ["another"]
