"""Drift: unchanged photos are left alone, changed ones are told, and a new mix is told as a mix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from core.evaluation.drift import (
    FALSE_ALARMS,
    Drift,
    PhotoSet,
    compare_mixes,
    compare_photos,
    distance_p_values,
    effective_number,
    measure_distances,
    rank_drivers,
    weigh_groups,
    weighted_median,
)

COMPONENTS = [f"direction {number}" for number in range(20)]
PROPERTIES = ["brightness", "contrast"]
CLASSES = ["rose", "tulip", "daisy"]
MIDDLES = np.array([-2.0, 0.0, 2.0])
"""Of the classes: photos of different classes differ, as features do."""


def draw(rng: np.random.Generator, n: int, mix: tuple[float, ...] = (0.5, 0.3, 0.2)) -> PhotoSet:
    groups = rng.choice(3, size=n, p=mix)
    return PhotoSet(
        components=rng.normal(size=(n, 20)) + MIDDLES[groups][:, None],
        properties=rng.normal(size=(n, 2)),
        groups=groups,
    )


def compare(reference: PhotoSet, current: PhotoSet) -> Drift:
    return compare_photos(
        reference, current, classes=CLASSES, components=COMPONENTS, properties=PROPERTIES
    )


def test_unchanged_photos_are_seldom_called_changed() -> None:
    rng = np.random.default_rng(0)
    told = [bool(compare(draw(rng, 400), draw(rng, 150)).proven) for _ in range(100)]
    assert sum(told) <= 100 * FALSE_ALARMS + 3


def test_a_property_that_moved_is_told_with_its_size() -> None:
    rng = np.random.default_rng(1)
    current = draw(rng, 150)
    current.properties[:, 0] -= 1.5
    found = compare(draw(rng, 400), current)
    assert found.proven == ["properties"]
    row = found.columns.set_index("name").loc["brightness"]
    assert row["now"] < row["before"] - 1
    assert found.size("properties") == pytest.approx(row["distance"])
    assert found.size("features") == found.size("mix") == 0


def test_another_mix_of_classes_is_told_as_a_mix_and_as_nothing_else() -> None:
    rng = np.random.default_rng(2)
    found = compare(draw(rng, 600), draw(rng, 200, (0.1, 0.1, 0.8)))
    assert found.proven == ["mix"]
    assert found.size("mix") > 0.25


def test_what_changes_within_classes_is_told_though_the_mix_stays() -> None:
    rng = np.random.default_rng(3)
    current = draw(rng, 200)
    current.components[:, :4] += 1.0
    found = compare(draw(rng, 600), current)
    assert found.proven == ["features"]
    moved = found.columns.query("is_proven")["name"].tolist()
    assert moved == COMPONENTS[:4]


def test_the_photos_that_drive_it_are_found() -> None:
    rng = np.random.default_rng(4)
    reference, current = draw(rng, 600), draw(rng, 200)
    current.components[:60, :4] += 3.0
    pushes = rank_drivers(reference, current, compare(reference, current))
    assert (np.argsort(-pushes)[:50] < 60).mean() > 0.95
    assert pushes.shape == (200,)


def test_without_a_change_nothing_drives_it() -> None:
    rng = np.random.default_rng(5)
    reference, current = draw(rng, 300), draw(rng, 100)
    assert not rank_drivers(reference, current, compare(reference, current)).any()


def test_classes_that_the_reference_has_not_are_left_to_the_mix() -> None:
    rng = np.random.default_rng(6)
    reference = draw(rng, 300, (0.5, 0.5, 0.0))
    current = draw(rng, 80, (0.0, 0.0, 1.0))
    found = compare(reference, current)
    assert found.n == 80
    assert found.proven == ["mix"]
    assert not rank_drivers(reference, current, found).any()


def test_a_class_that_nobody_knows_hurts_nothing() -> None:
    rng = np.random.default_rng(7)
    current = draw(rng, 60)
    unknown = PhotoSet(
        components=current.components,
        properties=current.properties,
        groups=np.where(np.arange(60) < 5, -1, current.groups),
    )
    found = compare(draw(rng, 300), unknown)
    assert (found.n, found.mix.n) == (60, 55)


values = st.lists(st.integers(-5, 5), min_size=1, max_size=20)


@given(values, values)
def test_without_weights_it_is_the_distance_of_kolmogorov_and_smirnov(
    some: list[int], others: list[int]
) -> None:
    reference, current = (np.array(numbers, dtype=float)[:, None] for numbers in (some, others))
    (found,) = measure_distances(reference, np.ones(len(some)), current)
    gaps = [abs((reference <= at).mean() - (current <= at).mean()) for at in range(-5, 6)]
    assert found == pytest.approx(max(gaps))


def test_a_weight_of_two_is_as_good_as_a_copy() -> None:
    rng = np.random.default_rng(0)
    reference, current = rng.normal(size=(20, 3)), rng.normal(size=(15, 3))
    twice = np.concatenate([reference, reference[:5]])
    weights = np.where(np.arange(20) < 5, 2.0, 1.0)
    np.testing.assert_allclose(
        measure_distances(reference, weights, current),
        measure_distances(twice, np.ones(25), current),
    )


def test_p_values_are_those_of_scipy() -> None:
    rng = np.random.default_rng(1)
    reference, current = rng.normal(size=300), rng.normal(0.15, size=200)
    exact = ks_2samp(reference, current, method="exact")
    (found,) = distance_p_values(np.array([exact.statistic]), 300, 200)
    assert found == pytest.approx(exact.pvalue, rel=0.1)


def test_the_weighted_reference_has_the_mix_of_now() -> None:
    reference = np.array([0, 0, 0, 1, 2])
    current = np.array([0, 1, 1, 1, 7, -1])
    weights = weigh_groups(reference, current)
    np.testing.assert_allclose(weights, [1 / 3, 1 / 3, 1 / 3, 3, 0])
    assert weights.sum() == 4  # the two of unknown groups count for nothing
    assert effective_number(np.ones(9)) == 9
    assert effective_number(np.array([1.0, 0, 0])) == 1
    assert effective_number(np.zeros(3)) == 0


def test_the_median_takes_the_weights() -> None:
    assert weighted_median(np.array([3.0, 1.0, 2.0]), np.ones(3)) == 2
    assert weighted_median(np.array([3.0, 1.0, 2.0]), np.array([9.0, 1, 1])) == 3
    assert np.isnan(weighted_median(np.array([1.0]), np.zeros(1)))


ROSE_TULIP = ["rose", "tulip"]


def test_the_index_is_the_one_of_the_formula() -> None:
    found = compare_mixes(ROSE_TULIP, np.array([500, 500]), np.array([800, 200]))
    assert found.index == pytest.approx(0.3 * np.log(1.6) + 0.3 * np.log(2.5), rel=0.01)
    assert found.table["current"].tolist() == [0.8, 0.2]
    assert found.table["part"].sum() == pytest.approx(found.index)
    assert found.p_value < 0.001
    assert found.beyond_chance == pytest.approx(found.index - found.by_chance)


def test_a_mix_that_is_the_same_moved_by_nothing() -> None:
    found = compare_mixes(ROSE_TULIP, np.array([50, 50]), np.array([25, 25]))
    assert (found.index, found.beyond_chance, found.p_value) == (0, 0, 1)


def test_many_rare_classes_are_no_change_though_the_index_is_large() -> None:
    rng = np.random.default_rng(3)
    classes = [str(number) for number in range(102)]
    mix = rng.dirichlet(np.ones(102))
    false, indices = 0, []
    for _ in range(20):
        found = compare_mixes(classes, rng.multinomial(1000, mix), rng.multinomial(200, mix))
        indices.append(found.index)
        false += found.p_value < 0.01
    assert np.median(indices) > 0.25  # what is customarily called a large change
    assert false <= 2


def test_a_class_that_was_never_there_is_told_and_finite() -> None:
    found = compare_mixes(ROSE_TULIP, np.array([300, 0]), np.array([150, 60]))
    assert np.isfinite(found.index)
    assert found.p_value < 0.001
