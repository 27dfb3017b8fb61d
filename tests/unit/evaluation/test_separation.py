"""Separation: scikit-learn's area, intervals that cover it, limits that keep what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from core.evaluation.coverage import find_limit, measure_separation, trace_roc

DISTANCES = st.lists(st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0]), min_size=1, max_size=30)


@given(DISTANCES, DISTANCES)
def test_the_area_is_that_of_scikit_learn(like: list[float], unlike: list[float]) -> None:
    truth = [0] * len(like) + [1] * len(unlike)
    found = measure_separation(np.array(like), np.array(unlike))
    assert found.area == pytest.approx(roc_auc_score(truth, like + unlike))
    if min(len(like), len(unlike)) > 1:
        assert 0 <= found.area_low <= found.area <= found.area_high <= 1
    curve = trace_roc(np.array(like), np.array(unlike))
    area = np.trapezoid(np.append(0, curve["found"]), np.append(0, curve["refused"]))
    assert area == pytest.approx(found.area)


def test_the_interval_covers_the_area_that_all_photos_would_have() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        found = measure_separation(rng.normal(0, 1, 80), rng.normal(1.5, 1, 40))
        covered += found.area_low <= 0.8556 <= found.area_high  # Φ(1.5 / √2)
    assert 180 <= covered <= 198


def test_an_empty_set_has_no_area() -> None:
    nothing = measure_separation(np.array([1.0]), np.zeros(0))
    assert np.isnan(nothing.area)
    assert (nothing.like, nothing.unlike) == (1, 0)


def test_a_limit_needs_photos_and_keeps_what_it_promises() -> None:
    assert find_limit(np.arange(18.0)) is None
    assert find_limit(np.arange(19.0)) == 18.0
    assert find_limit(np.arange(39.0)) == 37.0
    rng = np.random.default_rng(1)
    kept = []
    for _ in range(300):
        distances = rng.gamma(3, 1, 60)
        limit = find_limit(distances)
        assert limit is not None
        kept.append(np.mean(rng.gamma(3, 1, 400) <= limit))
    assert np.mean(kept) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize(("m", "low"), [(5, 0.4), (20, 0.8), (1, None)])
def test_photos_told_apart_completely_prove_no_perfection(m: int, low: float | None) -> None:
    found = measure_separation(np.linspace(0, 1, 200), np.linspace(2, 3, m))
    assert found.area == 1
    if low is None:
        assert np.isnan(found.area_low) and np.isnan(found.area_high)
    else:
        assert low < found.area_low < 1 == found.area_high
    turned = measure_separation(np.linspace(2, 3, m), np.linspace(0, 1, 200))
    assert turned.area == 0
    assert low is None or 0 == turned.area_low < turned.area_high < 1 - low
