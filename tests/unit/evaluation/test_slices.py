"""Slices: rules travel through links, bins part the photos, and chance is told from difference."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.slice_search import compare_shares, say_points
from core.evaluation.slices import (
    LEAST_PER_BIN,
    MOST_BINS,
    Condition,
    Property,
    bin_property,
    expect_by_class,
    match_rule,
    measure_bins,
    measure_chance,
    measure_spread,
    rank_properties,
    read_rule,
    say_rule,
    write_rule,
)

N = 300


def number(values: np.ndarray, digits: int = 2, name: str = "brightness") -> Property:
    return Property(
        name=name,
        label="Brightness",
        values=np.asarray(values, dtype=np.float64),
        about="picture",
        digits=digits,
    )


def kind(values: list[str]) -> Property:
    return Property(name="source", label="Source folder", values=np.array(values), about="file")


@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 2)), min_size=1, max_size=200))
def test_bins_part_the_photos_whatever_the_values(values: list[float]) -> None:
    of = number(np.array(values))
    photos = np.arange(len(values))
    inside = np.array([one.holds(of.values) for one in bin_property(of, photos)])
    assert (inside.sum(axis=0) == 1).all()
    assert len(inside) <= MOST_BINS


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=8, unique=True))
def test_kinds_travel_through_links_whatever_they_are_called(names: list[str]) -> None:
    of = kind(names)
    known = {of.name: of}
    for name in names:
        for excluded in (False, True):
            rule = (Condition(name="source", kind=name, excluded=excluded),)
            read = read_rule(write_rule(rule), known)
            assert read == rule
            assert (match_rule(rule, known) == ((of.values == name) != excluded)).all()


def test_a_rule_is_written_read_and_said() -> None:
    light, source = number(np.linspace(0, 1, 10)), kind(["a"] * 5 + ["b"] * 5)
    known = {"brightness": light, "source": source}
    rule = (Condition(name="brightness", high=0.31), Condition(name="source", kind="a"))
    assert write_rule(rule) == "brightness:..0.31;source:a"
    assert read_rule("brightness:..0.31;source:a", known) == rule
    assert say_rule(rule, known) == "brightness below 0.31 and source folder is a"
    assert match_rule(rule, known).tolist() == [True] * 3 + [False] * 7
    both = (Condition(name="brightness", low=0.2, high=0.5),)
    assert say_rule(both, known) == "brightness 0.20 to 0.50"


@pytest.mark.parametrize(
    "text", ["", "brightness", "brightness:1", "height:..2", "brightness:a..b"]
)
def test_a_link_that_is_no_rule_is_none(text: str) -> None:
    assert read_rule(text, {"brightness": number(np.zeros(3))}) is None


def test_bins_carry_their_n_and_interval() -> None:
    values = np.repeat([0.1, 0.9], N // 2)
    right = np.ones(N, dtype=bool)
    right[:50] = False
    bins = measure_bins(number(values), np.arange(N), right, np.full(N, 0.5))
    assert bins["n"].tolist() == [N // 2, N // 2]
    assert bins["wrong"].tolist() == [50, 0]
    assert bins["low"].iloc[0] < bins["accuracy"].iloc[0] == pytest.approx(2 / 3)
    assert bins["high"].iloc[0] < 0.8 < bins["low"].iloc[1]
    assert bins["expected"].tolist() == [0.5, 0.5]


def test_few_photos_make_few_bins() -> None:
    values = number(np.linspace(0, 1, 2 * LEAST_PER_BIN))
    assert len(bin_property(values, np.arange(2 * LEAST_PER_BIN))) == 2
    assert len(bin_property(number(np.zeros(N)), np.arange(N))) == 1


def test_what_the_classes_alone_would_give() -> None:
    expected = expect_by_class(np.array([0, 0, 2, 2]), np.array([True, False, True, True]))
    assert expected.tolist() == [0.5, 0.5, 1.0, 1.0]


def bins_of(*parts: tuple[int, int]) -> pd.DataFrame:
    rows = [(n, wrong, 1 - wrong / n) for n, wrong in parts]
    return pd.DataFrame(rows, columns=["n", "wrong", "accuracy"])


def test_chance_is_told_from_a_difference() -> None:
    assert measure_chance(bins_of((100, 30), (100, 5))) < 0.001
    assert measure_chance(bins_of((100, 11), (100, 10))) > 0.5
    assert measure_chance(bins_of((100, 0), (100, 0))) == 1.0
    assert measure_spread(bins_of((100, 11), (100, 10))) == 0.0
    assert measure_spread(bins_of((1000, 300), (1000, 100))) == pytest.approx(0.1, abs=0.005)


def test_p_values_of_chance_are_spread_evenly() -> None:
    rng = np.random.default_rng(1)
    seen = []
    for _ in range(200):
        wrong = rng.random((3, 60)) < 0.2
        seen.append(measure_chance(bins_of(*((60, int(row.sum())) for row in wrong))))
    assert np.mean(np.array(seen) < 0.05) < 0.1  # 5 % expected; 10 % is 3 standard errors away


def test_what_matters_stands_first_and_what_parts_nothing_last() -> None:
    ranked = rank_properties(
        {
            "format": bins_of((200, 30)),
            "size": bins_of((100, 15), (100, 15)),
            "light": bins_of((100, 28), (100, 2)),
        }
    )
    assert ranked["name"].tolist() == ["light", "size", "format"]
    assert ranked["p_value"].iloc[0] < 0.01 and math.isnan(ranked["p_value"].iloc[2])


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_differences_of_shares_are_antisymmetric(n: int, other_n: int, data: st.DataObject) -> None:
    hits, other = data.draw(st.integers(0, n)), data.draw(st.integers(0, other_n))
    found, back = compare_shares(hits, n, other, other_n), compare_shares(other, other_n, hits, n)
    assert -1 <= found.low <= found.difference <= found.high <= 1
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))
    assert back.p_value == pytest.approx(found.p_value)


def test_the_interval_is_newcombes() -> None:
    found = compare_shares(56, 70, 48, 80)  # Newcombe 1998, table II, method 10
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_points_are_said_with_a_sign() -> None:
    assert [say_points(d) for d in (-0.136, 0.03, -0.004)] == ["−14", "+3", "0"]
