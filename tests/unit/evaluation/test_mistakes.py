"""The rankings of mistakes: against plain definitions, on ties, whatever the order of photos."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.evaluation.mistakes import (
    OWN_RANKINGS,
    SHARED_RANKINGS,
    OwnRanking,
    SharedRanking,
    draw_rows,
    find_typical,
    rank_photos,
    rank_shared,
    read_answers,
)

SCORES = np.array(
    [
        [0.70, 0.20, 0.10],  # a, right
        [0.10, 0.85, 0.05],  # b, wrong, sure
        [0.41, 0.40, 0.19],  # c, right, barely
        [0.02, 0.50, 0.48],  # d, wrong, highest loss
        [0.34, 0.33, 0.33],  # e, wrong, least sure
    ],
    dtype=np.float32,
)
LABELS = np.array([0, 0, 0, 0, 1])


@st.composite
def answered(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores on a coarse grid, so that ties are common, labels, and paths in no order."""
    n, k = draw(st.integers(0, 12)), draw(st.integers(2, 4))
    cells = draw(st.lists(st.integers(0, 4), min_size=n * k, max_size=n * k))
    labels = draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    paths = draw(st.permutations([f"{number:02d}.jpg" for number in range(n)]))
    scores = np.array(cells, dtype=np.float32).reshape(n, k) / 4
    return scores, np.array(labels, dtype=np.int64), np.array(paths, dtype=np.str_)


def rank(ranking: OwnRanking, scores: np.ndarray, labels: np.ndarray, paths: np.ndarray) -> list:
    return rank_photos(ranking, read_answers(scores, labels), paths).tolist()


@given(answered())
@example((SCORES, LABELS, np.array([*"abcde"])))
def test_rankings_are_what_a_loop_says(given_: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    scores, labels, paths = given_
    photos = []
    for row, (score, label, path) in enumerate(zip(scores, labels, paths, strict=True)):
        best = max(range(len(score)), key=lambda c: (score[c], -c))
        first, second = sorted(score, reverse=True)[:2]
        photos.append((row, best != label, score[best], score[label], first - second, path))
    wrong = [photo for photo in photos if photo[1]]
    right = [photo for photo in photos if not photo[1]]

    def by(listed: list, key: int, sign: int = 1) -> list[int]:
        return [p[0] for p in sorted(listed, key=lambda p: (sign * p[key], p[5]))]

    assert rank("highest-loss", scores, labels, paths) == by(wrong, 3)
    assert rank("confidently-wrong", scores, labels, paths) == by(wrong, 2, -1)
    assert rank("barely-right", scores, labels, paths) == by(right, 4)
    assert rank("least-sure", scores, labels, paths) == by(photos, 2)


@given(answered(), st.randoms(use_true_random=False))
def test_the_order_of_photos_changes_nothing(given_: tuple, random: object) -> None:
    scores, labels, paths = given_
    order = list(range(len(paths)))
    random.shuffle(order)  # type: ignore[attr-defined]
    for ranking in OWN_RANKINGS:
        before = paths[rank(ranking, scores, labels, paths)]
        after = paths[order][rank(ranking, scores[order], labels[order], paths[order])]
        assert before.tolist() == after.tolist()


def test_several_runs() -> None:
    wrong = np.array([[1, 1, 0, 1], [1, 0, 0, 1], [1, 0, 1, 1]], dtype=bool)
    true_scores = np.array([[0.1, 0.2, 0.9, 0.0], [0.4, 0.9, 0.8, 0.1], [0.4, 0.7, 0.2, 0.3]])
    paths = np.array(["a", "b", "c", "d"])
    assert rank_shared("wrong-in-every-run", wrong, true_scores, paths).tolist() == [3, 0]
    assert rank_shared("wrong-in-this-run-only", wrong, true_scores, paths).tolist() == [1]


@pytest.mark.parametrize("ranking", SHARED_RANKINGS)
def test_one_run_is_not_compared_with_nothing(ranking: SharedRanking) -> None:
    with pytest.raises(ValueError, match="no other run"):
        rank_shared(ranking, np.ones((1, 2), dtype=bool), np.zeros((1, 2)), np.array(["a", "b"]))


@pytest.mark.parametrize("spoilt", [math.nan, math.inf])
def test_scores_that_are_none_are_refused(spoilt: float) -> None:
    scores = SCORES.copy()
    scores[2, 1] = spoilt
    with pytest.raises(ValueError, match="finite"):
        read_answers(scores, LABELS)


@pytest.mark.parametrize(
    ("scores", "labels"), [(SCORES, LABELS[:3]), (SCORES[:, :1], LABELS), (SCORES[0], LABELS)]
)
def test_shapes_that_do_not_fit_are_refused(scores: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="are not"):
        read_answers(scores, labels)


def test_each_photo_is_drawn_as_often_as_another() -> None:
    paths = np.array([f"daisy/{number}.jpg" for number in range(20)])
    wrong = np.arange(20) % 2 == 0
    first = [draw_rows("all", wrong, paths, seed)[:5] for seed in range(2000)]
    drawn = np.bincount(np.concatenate(first), minlength=20)
    assert (abs(drawn - 500) < 5 * np.sqrt(500 * 0.75)).all()
    every = draw_rows("all", wrong, paths, 3)
    assert draw_rows("wrong", wrong, paths, 3).tolist() == every[wrong[every]].tolist()
    assert draw_rows("right", wrong, paths, 3).tolist() == every[~wrong[every]].tolist()
    assert len(draw_rows("wrong", np.zeros(20, bool), paths, 3)) == 0


def test_the_middle_comes_first_and_the_odd_one_last() -> None:
    angles = np.deg2rad([0.0, 20.0, 10.0, 170.0])
    features = np.column_stack([np.cos(angles), np.sin(angles)])
    lengths = np.array([[1.0], [30.0], [0.1], [5.0]])  # lengths say nothing
    assert find_typical(features * lengths, 4).tolist() == [1, 2, 0, 3]
    assert find_typical(features * lengths, 2).tolist() == [1, 2]


def test_none_one_and_nothing_at_all() -> None:
    assert find_typical(np.empty((0, 8)), 6).tolist() == []
    assert find_typical(np.ones((1, 8)), 6).tolist() == [0]
    assert find_typical(np.zeros((2, 8)), 6).tolist() == [0, 1]
