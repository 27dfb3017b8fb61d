"""Charts of the model in use: what is drawn is what was counted, in UTC, a colour a version."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from core.charts.theme import DARK, LIGHT
from core.monitoring.log import (
    count_classes,
    log_predictions,
    name_versions,
    read_predictions,
    summarise_days,
)
from core.ui.monitoring.charts import (
    Share,
    Timeline,
    draw_classes,
    draw_shares,
    draw_volume,
)
from core.workspace import Workspace
from tests.predictions import NOON, make_prediction

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


def test_charts_of_one_answer_and_across_a_gap(
    workspace: Workspace,
) -> None:
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
