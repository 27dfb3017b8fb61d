"""The page Monitoring: empty, with answers, with drift and its alarm."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.charts.theme import DARK, LIGHT
from core.monitoring.feedback import give_feedback
from core.monitoring.kept_photos import Photo, keep_photo
from core.monitoring.log import (
    count_classes,
    log_predictions,
    name_versions,
    read_predictions,
    summarise_days,
)
from core.monitoring.readings import check_rules
from core.monitoring.rules import list_alarms
from core.registry.promoting import promote
from core.ui.monitoring.charts import Share, Timeline, draw_classes, draw_shares, draw_volume
from core.workspace import Workspace
from tests.asking import ask
from tests.builders import draw_photo, encode_photo
from tests.predictions import NOON, make_prediction
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
        give_feedback(trained_copy, row["id"], class_name=row["top"])
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
    opened = {"folded.Alarms so far: 1": True}
    app = open_page("monitoring", opened, watch=version.label, period="7")
    said = text_of(app)
    assert ":red-badge[critical] **Drift of the photos of v1:**" in said
    assert "The photos are darker: median brightness" in said
    assert "· photo not stored" in said
    [history] = [frame.value for frame in app.dataframe if "Level" in frame.value]
    assert "critical" in history["Level"].tolist()
    assert list_alarms(trained_copy, active=True)


def test_answers_of_runs_have_no_reference_and_are_counted(trained_copy: Workspace) -> None:
    log_predictions(trained_copy, [make_prediction(0)])
    app = open_page("monitoring", period="90")
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


SPAN = (datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 21, 15, tzinfo=UTC))


@pytest.fixture
def steps() -> pd.DataFrame:
    """Two days; on the second two versions answered, the second without feedback."""
    days = pd.to_datetime(["2026-11-20", "2026-11-21", "2026-11-21"], utc=True)
    return pd.DataFrame(
        {
            "time": days,
            "version": ["v1", "v1", "v2"],
            "photos": [12, 4, 6],
            "different": [10, 4, 6],
            "judged": [5, 2, 0],
            **{f"unknown{end}": [0.1, 0.2, 0.0] for end in ("", "_low", "_high")},
            **{f"accuracy{end}": [0.8, 0.5, np.nan] for end in ("", "_low", "_high")},
        }
    )


def rows(chart: dict) -> pd.DataFrame:
    return pd.DataFrame(next(iter(chart["datasets"].values())))


def test_bars_of_a_day_stand_on_each_other(steps: pd.DataFrame) -> None:
    chart = draw_volume(steps, Timeline(["v1", "v2"], SPAN)).to_dict()
    drawn = rows(chart)
    assert drawn["bottom"].tolist() == [0, 0, 4]
    assert drawn["top"].tolist() == [12, 4, 10]
    assert drawn["day"].tolist() == ["2026-11-20", "2026-11-21", "2026-11-21"]
    assert chart["title"]["subtitle"] == "n = 22; UTC"
    assert chart["encoding"]["x"]["scale"]["type"] == "utc"


@pytest.mark.parametrize(("dark", "colours"), [(False, LIGHT), (True, DARK)])
def test_a_version_has_its_colour_in_every_chart(
    steps: pd.DataFrame, dark: bool, colours: object
) -> None:
    versions = ["v1", "v2"]
    course = Timeline(versions, SPAN)
    charts = [
        draw_volume(steps, course, dark).to_dict()["encoding"],
        draw_shares(steps, course, "unknown", dark).to_dict()["layer"][0]["encoding"],
    ]
    scales = [chart["color"]["scale"] for chart in charts]
    assert scales[0] == scales[1]
    assert scales[0]["domain"] == versions
    assert set(scales[0]["range"]) <= set(colours.groups)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("which", "n"), [("unknown", 20), ("accuracy", 7)])
def test_shares_carry_their_n_and_leave_out_what_is_unknown(
    steps: pd.DataFrame, which: Share, n: int
) -> None:
    chart = draw_shares(steps, Timeline(["v1", "v2"], SPAN), which).to_dict()
    assert f"n = {n}" in chart["title"]["subtitle"]
    drawn = rows(chart)
    assert len(drawn) == (3 if which == "unknown" else 2)
    first = "10 % to 10 %" if which == "unknown" else "80 % to 80 %"
    assert drawn["interval"].iloc[0] == first


def test_of_many_classes_those_that_moved_most_are_shown() -> None:
    names = [f"class {number}" for number in range(102)]
    table = pd.DataFrame(
        {
            "class": names,
            "photos": np.r_[50, np.ones(101)],
            "now": np.r_[0.5, np.full(101, 0.005)],
            "low": 0.0,
            "high": 0.6,
            "before": np.r_[np.full(101, 0.005), 0.495],
        }
    )
    chart = draw_classes(table, 100).to_dict()
    drawn = rows(chart)["class"].tolist()
    assert len(drawn) == 20 and drawn[:2] == ["class 0", "class 101"]
    assert "20 of 102 classes; n = 100" in chart["title"]["subtitle"]
    without = draw_classes(table.assign(before=np.nan), 100).to_dict()
    assert len(without["layer"]) == 2


def test_charts_of_one_answer_and_across_a_gap(workspace: Workspace) -> None:
    rows = [make_prediction(0), make_prediction(1, time=NOON + timedelta(days=40))]
    log_predictions(workspace, rows)
    for since, n in ((NOON + timedelta(days=1), 1), (NOON, 2)):
        table = read_predictions(workspace, since=since)
        assert len(table) == n
        steps, names = summarise_days(table), sorted(name_versions(table).unique())
        course = Timeline(names, (since, NOON + timedelta(days=42)))
        drawn = [
            draw_volume(steps, course),
            draw_shares(steps, course, "unknown"),
            draw_shares(steps, course, "accuracy"),
            draw_classes(count_classes(table, (), None), n),
            draw_classes(count_classes(table, ("daisy", "rose"), None), n),
        ]
        assert all(chart.to_dict()["title"] for chart in drawn)
        assert f"n = {n}" in drawn[0].to_dict()["title"]["subtitle"]
