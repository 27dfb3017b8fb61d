"""The order of labelling against brute force on few photos; its replay where labels are known."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.instant import herding
from core.instant.herding import (
    STRATEGIES,
    herd,
    measure_likeness,
    measure_uncertainty,
    order_photos,
    plan_sizes,
    reduce_rows,
    replay_labels,
    score_photos,
)


def draw_rows(seed: int, n: int, copies: bool = False) -> np.ndarray:
    features = np.random.default_rng(seed).normal(size=(n, 6)).astype(np.float32)
    if copies:
        features[n // 2 :] = features[: n - n // 2]
    return reduce_rows(features)


def draw_clusters(seed: int, photos: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Return features and labels of three classes that lie apart; the last is rare."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [photos, photos, photos // 5])
    centres = 4 * np.eye(3, 12)
    return rng.normal(size=(len(labels), 12)) + centres[labels], labels


def cover(rows: np.ndarray, weights: np.ndarray, chosen: list[int]) -> float:
    """Return what the chosen rows cover, as the definition says it."""
    if not chosen:
        return 0.0
    alike = [[float(measure_likeness(one[None], rows[[c]])[0, 0]) for c in chosen] for one in rows]
    return float(np.max(alike, axis=1) @ weights)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 999), n=st.integers(2, 12), known=st.integers(0, 3), copies=st.booleans()
)
def test_each_next_photo_adds_most_to_what_is_covered(
    seed: int, n: int, known: int, copies: bool
) -> None:
    rows = draw_rows(seed, n + known, copies)
    weights = np.random.default_rng(seed).uniform(0, 1, n + known)
    before, candidates = list(range(n, n + known)), range(n)
    weights[n:] = 0
    chosen: list[int] = []
    for photo in herd(rows[:n], weights[:n], rows[n:], n).tolist():
        gains = {c: cover(rows, weights, [*before, *chosen, c]) for c in candidates}
        best = max(gains[c] for c in candidates if c not in chosen)
        assert gains[photo] == pytest.approx(best, abs=1e-5)
        chosen.append(photo)
    assert sorted(chosen) == list(candidates)


def test_the_greedy_order_is_near_the_best_set() -> None:
    rows, weights = draw_rows(3, 11), np.ones(11)
    best = max(cover(rows, weights, list(some)) for some in combinations(range(11), 3))
    greedy = cover(rows, weights, herd(rows, weights, rows[:0], 3).tolist())
    assert greedy >= (1 - 1 / np.e) * best
    assert greedy >= 0.95 * best  # here


def test_left_out_scores_are_those_of_a_refit(monkeypatch: pytest.MonkeyPatch) -> None:
    """λ and temperature stand on answers by the ridge without the photo: refitted here."""
    features, labels = draw_clusters(1, 5)
    rows, ridge = reduce_rows(features), 0.1
    seen: list[np.ndarray] = []
    monkeypatch.setattr(herding, "_RIDGES", np.array([ridge]))
    monkeypatch.setattr(herding, "fit_temperature", lambda left_out, _: seen.append(left_out) or 1)
    score_photos(rows, labels)
    targets = np.eye(3)[labels] - 1 / 3
    for photo in range(len(rows)):
        x, y = np.delete(rows, photo, 0).astype(float), np.delete(targets, photo, 0)
        weights = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)
        assert seen[0][photo] == pytest.approx(rows[photo] @ weights, abs=1e-6)


def test_while_nothing_is_known_all_count_the_same() -> None:
    features, labels = draw_clusters(2)
    rows = reduce_rows(features)
    for known in (np.full(len(rows), -1), np.where(np.arange(len(rows)) == 4, 1, -1)):
        assert np.array_equal(measure_uncertainty(rows, known), np.ones(len(rows)))
    order = order_photos(rows, np.full(len(rows), -1), most=3)
    assert np.array_equal(order, herd(rows, np.ones(len(rows)), rows[:0], 3))
    assert {0, 1} <= set(labels[order])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_order_is_of_photos_that_are_not_known(strategy: herding.Strategy) -> None:
    features, labels = draw_clusters(5)
    rows = reduce_rows(features)
    known = np.where(np.arange(len(rows)) % 3 == 0, labels, -1)
    order = order_photos(rows, known, by=strategy, most=10_000, seed=1)
    assert sorted(order.tolist()) == np.flatnonzero(known < 0).tolist()
    assert np.array_equal(order[:4], order_photos(rows, known, by=strategy, most=4, seed=1))
    assert not len(order_photos(rows, labels, by=strategy))


def test_margin_asks_where_two_classes_are_as_likely() -> None:
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(size=(20, 8)) + 6 * sign for sign in (-1, 1)])
    features = np.concatenate([features, rng.normal(size=(1, 8))])
    known = np.full(41, -1)
    known[:5], known[20:25] = 0, 1
    assert order_photos(reduce_rows(features), known, by="margin")[0] == 40


def test_one_photo_and_copies_have_an_order() -> None:
    assert order_photos(reduce_rows(np.ones((1, 4))), np.array([-1])).tolist() == [0]
    rows = reduce_rows(np.ones((5, 4)))
    known = np.array([0, 1, -1, -1, -1])
    assert sorted(order_photos(rows, known, most=9).tolist()) == [2, 3, 4]
    assert np.isfinite(score_photos(rows, known)).all()


def test_a_replay_gives_labels_round_after_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(herding, "REPEATS", 2)
    features, labels = draw_clusters(7, 60)
    drawn = np.random.default_rng(0).permutation(len(labels))
    told: list[tuple[int, int]] = []
    found = replay_labels(
        reduce_rows(features),
        labels,
        drawn[:90],
        drawn[90:],
        lambda *at: told.append(at),
    )
    assert told == [(1, 2), (2, 2)]
    assert found.accuracies.shape == (3, 2, len(found.sizes))
    assert found.judged == len(labels) - 90 and found.pool == 72
    assert (np.diff(found.classes, axis=2) >= 0).all()
    assert found.accuracies[:, :, -1].min() > 0.9
    # Herding finds all classes at once; chance misses the rare one.
    assert found.classes[0, :, 1].mean() >= found.classes[2, :, 1].mean()


@pytest.mark.parametrize("photos", [2, 5, 40, 100_000])
def test_sizes_are_within_the_photos(photos: int) -> None:
    sizes = plan_sizes(photos)
    assert sizes[0] >= 2 and sizes[-1] <= max(2, photos // 2)
    assert len(set(sizes.tolist())) == len(sizes)
