"""The search finds a planted weakness, and confirms no slice that is worse by chance."""

import numpy as np
import pytest

from core.evaluation.slice_search import (
    DEPTH,
    Judged,
    find_worst_slices,
    grow_tree,
    split_in_halves,
)
from core.evaluation.slices import Property, match_rule, say_rule

N = 800


def draw(seed: int, weak: float | None) -> tuple[dict[str, Property], Judged]:
    """Return photos with an accuracy of 90 %, and of `weak` where they are small and dark."""
    rng = np.random.default_rng(seed)
    light, side, noise = rng.random(N), rng.integers(100, 500, N).astype(float), rng.random(N)
    dark = (light < 0.4) & (side < 300)
    share = np.where(dark & (weak is not None), weak or 0.0, 0.9)
    named = {
        "brightness": Property(
            name="brightness", label="Brightness", values=light, about="picture"
        ),
        "short_side": Property(
            name="short_side", label="Short side", values=side, about="file", unit="px", digits=0
        ),
        "noise": Property(name="noise", label="Noise", values=noise, about="picture"),
        "camera": Property(
            name="camera",
            label="Camera",
            values=np.array(["x", "y", "z"])[rng.integers(0, 3, N)],
            about="file",
        ),
    }
    right = rng.random(N) < share
    return named, Judged(photos=np.arange(N), right=right, expected=np.full(N, 0.9))


def test_a_planted_weakness_is_found() -> None:
    properties, judged = draw(1, weak=0.5)
    found = find_worst_slices(properties, judged)
    worst = found.slices[0]
    words = say_rule(worst.rule, properties)
    assert worst.is_confirmed
    assert "brightness below 0." in words and "short side below" in words
    assert worst.accuracy.low < 0.5 < worst.accuracy.high
    assert worst.apart.high < -0.2
    assert (
        worst.accuracy.n + worst.rest.n == N // 2
    )  # measured on the half that it was not found on


def test_chance_is_not_confirmed() -> None:
    confirmed = 0
    for seed in range(40):
        properties, judged = draw(seed, weak=None)
        search = find_worst_slices(properties, judged)
        confirmed += any(one.is_confirmed for one in search.slices)
        # They look bad on the photos they were found on.
        assert all(one.found.value < 0.9 for one in search.slices)
    assert confirmed <= 6  # 5 % of 40 expected, by Holm at most


def test_slices_found_on_other_photos_are_measured_on_all_judged_photos() -> None:
    properties, judged = draw(3, weak=0.5)
    found, measured = judged.part(np.arange(0, 300)), judged.part(np.arange(300, N))
    search = find_worst_slices(properties, measured, found)
    assert {one.accuracy.n + one.rest.n for one in search.slices} == {N - 300}
    inside = match_rule(search.slices[0].rule, properties)
    assert search.slices[0].accuracy.n == int(inside[300:].sum())
    assert search.slices[0].accuracy.value == judged.right[300:][inside[300:]].mean()


def test_halves_are_disjoint_and_have_equally_many_errors() -> None:
    _, judged = draw(1, weak=0.5)
    one, other = split_in_halves(judged)
    assert sorted([*one.photos, *other.photos]) == list(range(N))
    assert abs(int((~one.right).sum()) - int((~other.right).sum())) <= 1
    again, _ = split_in_halves(judged)
    assert np.array_equal(one.photos, again.photos)


def test_rules_are_short_and_name_each_property_once() -> None:
    properties, judged = draw(5, weak=0.5)
    nodes = grow_tree(properties, judged)
    assert nodes
    for rule in nodes:
        assert len(rule) <= DEPTH
        spans = [one.name for one in rule if one.kind is None]
        assert len(spans) == len(set(spans))
        assert match_rule(rule, properties).sum() >= 15


@pytest.mark.parametrize("n", [0, 30, 119])
def test_too_few_photos_are_not_searched(n: int) -> None:
    properties, judged = draw(0, weak=0.5)
    assert find_worst_slices(properties, judged.part(np.arange(n))).too_few


def test_a_perfect_run_is_not_searched() -> None:
    properties, judged = draw(0, weak=None)
    perfect = Judged(photos=judged.photos, right=np.ones(N, dtype=bool), expected=judged.expected)
    assert find_worst_slices(properties, perfect).too_few
