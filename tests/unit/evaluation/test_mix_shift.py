"""The mix of classes: the index is what it is by hand, and chance is not called a change."""

import numpy as np
import pytest

from core.evaluation.drift import compare_mixes

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
