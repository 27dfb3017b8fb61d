"""The page Monitoring: empty, with answers, with drift and its alarm."""

from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core.monitoring.feedback import give_feedback
from core.monitoring.kept_photos import Photo, keep_photo
from core.monitoring.log import log_predictions
from core.monitoring.readings import check_rules
from core.monitoring.rules import list_alarms
from core.registry.promoting import promote
from core.workspace import Workspace
from tests.asking import ask
from tests.builders import draw_photo, encode_photo
from tests.predictions import make_prediction
from tests.registered import change_byte, register_versions, version_file
from tests.retraining import let_first_run_answer
from tests.ui import driver
from tests.ui.driver import open_page


def text_of(app: AppTest) -> str:
    return driver.text_of(app).replace("\\", "")


def test_before_the_first_answer_it_leads_on(workspace: Workspace) -> None:
    assert workspace.root
    app = open_page("monitoring")
    assert "No predictions yet" in text_of(app)
    assert not app.metric


def test_answers_are_counted_and_compared(trained_copy: Workspace) -> None:
    version = let_first_run_answer(trained_copy)
    rows = ask(trained_copy, version, 60)
    for row in rows[:4]:
        give_feedback(trained_copy, row.id, class_name=row.top)
    app = open_page("monitoring")
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Answers"] == "60"
    assert metrics["Accuracy on feedback"] == "100 %"
    said = text_of(app)
    assert "No significant change in the newest 60 photos" in said
    assert "too few photos with feedback: 4 of 10" in said
    assert not app.error and not list_alarms(trained_copy)


def test_a_champion_that_has_not_answered_leaves_alarms_and_the_log_in_reach(
    trained_copy: Workspace,
) -> None:
    version = let_first_run_answer(trained_copy)
    log_predictions(trained_copy, [make_prediction(9)])  # by a run
    app = open_page("monitoring")
    assert f"No answers of {version.label} in the last 30 days" in text_of(app)
    ask(trained_copy, version, 1, until=datetime.now(UTC) - timedelta(days=40))
    assert {"Rules", "Have the photos changed?"} <= {head.value for head in app.subheader}
    assert app.selectbox(key="log.which").value == "photo"
    assert not app.metric and not app.error
    (second,) = register_versions(trained_copy, 1)
    promote(trained_copy, second.number, reason="at once", override=True)
    assert f"answers of {second.label}, the champion" in text_of(app.run())
    promote(trained_copy, version.number, reason="back", override=True)
    ask(trained_copy, version, 1, first=1)
    app = open_page("monitoring", period="90")
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Answers"] == "2"


def test_darker_photos_raise_an_alarm_and_are_shown(trained_copy: Workspace) -> None:
    version = let_first_run_answer(trained_copy)
    photo = encode_photo(draw_photo(0, 90))
    ask(trained_copy, version, 60, darker=0.1)
    keep_photo(trained_copy, Photo(photo), consent=True)
    app = open_page("monitoring", watch=version.label, period="7")
    said = text_of(app)
    assert ":red-badge[critical] **Drift of the photos of v1:**" in said
    assert "The photos are darker: median brightness" in said
    assert "· photo not stored" in said
    [history] = [frame.value for frame in app.dataframe if "Level" in frame.value]
    assert "critical" in history["Level"].tolist()
    assert list_alarms(trained_copy, active=True)


def test_answers_of_runs_have_no_reference_and_are_counted(trained_copy: Workspace) -> None:
    log_predictions(trained_copy, [make_prediction(0)])
    app = open_page("monitoring", period="90", watch="v7")
    assert {metric.label: metric.value for metric in app.metric}["Answers"] == "1"
    assert "Only registered versions have a reference" in text_of(app)


def test_a_damaged_reference_is_said_and_the_figures_stay(trained_copy: Workspace) -> None:
    version = let_first_run_answer(trained_copy)
    ask(trained_copy, version, 60)
    change_byte(version_file(trained_copy, version, "reference"))
    app = open_page("monitoring")
    assert any("altered" in error.value for error in app.error)
    assert {metric.label: metric.value for metric in app.metric}["Answers"] == "60"
    assert "Rules" in [heading.value for heading in app.subheader]


@pytest.mark.parametrize("page", ["predict", "models"])
def test_an_active_alarm_is_one_line_on_other_pages(page: str, trained_copy: Workspace) -> None:
    version = let_first_run_answer(trained_copy)
    ask(trained_copy, version, 60, darker=0.1)
    check_rules(trained_copy)
    app = open_page(page)
    assert any("An alarm is active" in caption.value for caption in app.caption)
    assert not app.error
