"""Histograms: every photo is in one bar, and a bar's value finds exactly the photos it counts."""

import numpy as np
import pytest

from core.datasets.photo_table import name_colours
from core.ui.dataset.charts import (
    BAR,
    count_colours,
    count_kinds,
    count_numbers,
    describe_value,
    draw_distribution,
    match_value,
)

RNG = np.random.default_rng(0)
SAMPLES = {
    "spread": RNG.normal(300, 60, 5000),
    "one far away": np.append(RNG.uniform(0, 1, 500), 1000.0),
    "all equal": np.full(20, 160.0),
    "all zero": np.zeros(20),
    "one photo": np.array([0.37]),
    "negative": RNG.normal(-3, 1, 400),
    "on the edges": np.arange(0, 1.0001, 0.05),
    "whole numbers": RNG.integers(1, 6000, 3000).astype(np.float64),
    "none": np.empty(0),
}


@pytest.mark.parametrize("values", SAMPLES.values(), ids=SAMPLES)
def test_each_bar_finds_the_photos_it_counts(values: np.ndarray) -> None:
    bars = count_numbers(values)
    assert bars["photos"].sum() == len(values)
    assert len(bars) <= 18
    matched = [match_value(values, value) for value in bars["value"]]
    assert [found.sum() for found in matched] == bars["photos"].tolist()
    assert (np.sum(matched, axis=0) == 1).all()


def test_far_values_are_counted_in_open_bars() -> None:
    values = SAMPLES["one far away"]
    assert count_numbers(values)["value"].iloc[-1].endswith("..")
    assert count_numbers(values)["high"].max() < 2


def test_hues_have_names_and_grey_has_none() -> None:
    hues = np.array([0, 350, 14, 30, 120, 240, 345, 0])
    strength = np.array([50, 50, 50, 50, 50, 50, 50, 3])
    names = name_colours(hues, strength, 12)
    expected = ["red", "red", "red", "orange", "green", "blue", "red", "grey"]
    assert names.tolist() == expected
    bars = count_colours(names)
    assert len(bars) == 13 and bars["photos"].sum() == len(hues)
    assert match_value(names, "red,grey").sum() == 5


def test_kinds_stand_most_frequent_first() -> None:
    assert count_kinds(["PNG", "JPEG", "JPEG"])["value"].tolist() == ["JPEG", "PNG"]


@pytest.mark.parametrize("nonsense", ["", "red", "a..b", "5", "1..2..3", "<b>"])
def test_a_value_that_names_no_bar_matches_nothing(nonsense: str) -> None:
    assert not match_value(np.arange(10.0), nonsense).any()


def test_chosen_bars_are_said_in_words() -> None:
    assert describe_value("0.3..0.35,0.35..0.4") == "0.3 to 0.4"
    assert describe_value("500..,..160") == "under 160, 500 and more"
    assert describe_value("red,pink") == "red, pink"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("meaning", ["size", "brightness", "colour"])
def test_a_chart_sends_bars_not_photos(meaning: str, dark: bool) -> None:
    values = RNG.uniform(0, 1, 100_000)
    bars = count_colours(name_colours(values * 360, values * 100, 12))
    if meaning != "colour":
        bars = count_numbers(values)
    first = bars["value"].iloc[0]
    chart = draw_distribution(bars, meaning, first, dark).to_dict()
    (rows,) = chart["datasets"].values()
    assert len(rows) == len(bars) < 20
    (selection,) = chart["params"]
    assert selection["name"] == BAR and selection["value"] == [{"value": first}]
    assert len({row["fill"] for row in rows}) == (1 if meaning == "size" else len(bars))
