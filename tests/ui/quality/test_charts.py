"""Charts of the quality page: what is drawn is what was given, and what is flagged stands out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.charts.theme import DARK, LIGHT
from core.ui.quality.charts import count_bins, draw_class_sizes, draw_leak_effect, draw_threshold
from data.findings import MEASURED, Measured


def measure(worse: str, highest: float) -> Measured:
    return replace(MEASURED["dark"], worse=worse, lowest=0.0, highest=highest)  # type: ignore[arg-type]


def rows(chart: dict, name: str) -> pd.DataFrame:
    """Return the data of a chart that has a column of that name."""
    tables = [pd.DataFrame(data) for data in chart["datasets"].values()]
    return next(table for table in tables if name in table)


@pytest.mark.parametrize(("worse", "flagged"), [("low", 3), ("high", 5)])
def test_every_photo_is_counted_once_on_its_side_of_the_threshold(worse: str, flagged: int) -> None:
    values = np.array([0.0, 0.1, 0.29, 0.3, 0.31, 0.5, 0.7, 0.9, 1.0])
    bins = count_bins(values, 0.3, measure(worse, 1.0))
    assert bins["photos"].sum() == 9
    marked = bins[bins["flagged"]]
    assert marked["photos"].sum() == flagged
    if worse == "low":
        assert marked["end"].max() <= 0.3 <= bins.loc[~bins["flagged"], "start"].min()
    else:
        assert bins.loc[~bins["flagged"], "end"].max() <= 0.3 <= marked["start"].min()


def test_bad_photos_beyond_the_axis_stand_in_its_last_bar_and_good_ones_are_left_out() -> None:
    bins = count_bins(np.array([-5.0, 0.4, 9.0]), 0.2, measure("low", 0.5))
    assert bins[bins["flagged"]][["start", "photos"]].to_numpy().tolist() == [[0.0, 1]]
    assert bins["photos"].sum() == 2


@pytest.mark.parametrize(("dark", "colours"), [(False, LIGHT), (True, DARK)])
def test_the_threshold_is_drawn_and_counted(dark: bool, colours: object) -> None:
    values = np.array([0.05, 0.2, 0.3])
    chart = draw_threshold(values, 0.15, measure("low", 0.5), dark).to_dict()
    assert chart["title"]["text"] == "1 of 3 beyond the threshold"
    assert rows(chart, "at")["at"].tolist() == [0.15]
    colour = chart["layer"][0]["encoding"]["color"]
    assert colour["condition"]["value"] == colours.wrong
    assert colour["value"] == colours.faint


def test_classes_are_spread_over_columns_of_one_scale() -> None:
    counts = pd.Series({f"class {number}": number for number in range(1, 6)})
    left, right = (chart.to_dict() for chart in draw_class_sizes(counts, columns=2))
    assert rows(left, "photos")["photos"].tolist() == [5, 4, 3]
    assert rows(right, "photos")["photos"].tolist() == [2, 1]
    domains = [chart["layer"][0]["encoding"]["x"]["scale"]["domain"] for chart in (left, right)]
    assert domains[0] == domains[1] == [0, pytest.approx(5.75)]
    assert rows(left, "mean")["mean"].tolist() == [3.0]


def test_a_leak_shows_both_accuracies_with_their_intervals() -> None:
    table = pd.DataFrame(
        {
            "photos": ["all", "without"],
            "accuracy": [0.9, 0.8],
            "low": [0.85, 0.7],
            "high": [0.95, 0.9],
            "n": [100, 60],
        }
    )
    drawn = rows(draw_leak_effect(table).to_dict(), "words")
    assert drawn["words"].tolist() == ["90.0 % (85.0 to 95.0 %)", "80.0 % (70.0 to 90.0 %)"]
    assert drawn["n"].tolist() == [100, 60]
