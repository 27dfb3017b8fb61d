"""Figures over all classes equal scikit-learn's; their resamples keep the classes, and cover."""

import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from core.evaluation.agreement import (
    AVERAGED,
    count_classes,
    estimate_agreement,
    estimate_balanced,
    estimate_matrix,
    measure_agreement,
    redraw_counts,
)
from core.evaluation.confusion import count_confusions
from core.evaluation.intervals import wilson_interval

Answers = tuple[int, np.ndarray, np.ndarray]


@st.composite
def answered_photos(draw: st.DrawFn) -> Answers:
    """Number of classes, labels and predictions; any class may be absent from either."""
    n_classes = draw(st.integers(1, 7))
    pairs = st.tuples(st.integers(0, n_classes - 1), st.integers(0, n_classes - 1))
    drawn = np.array(draw(st.lists(pairs, min_size=1, max_size=40)), np.int64)
    return n_classes, drawn[:, 0], drawn[:, 1]


def measure(labels: np.ndarray, predictions: np.ndarray, n_classes: int) -> dict[str, float]:
    counts = count_classes(count_confusions(labels, predictions, n_classes))
    return {name: float(value) for name, value in measure_agreement(counts).items()}


@given(answered_photos())
@pytest.mark.filterwarnings("ignore")  # scikit-learn's: about classes that are not there
def test_equals_scikit_learn(case: Answers) -> None:
    n_classes, labels, predictions = case
    found = measure(labels, predictions, n_classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "balanced_accuracy": sk.balanced_accuracy_score(labels, predictions),
            "cohen_kappa": sk.cohen_kappa_score(labels, predictions),
            "matthews": sk.matthews_corrcoef(labels, predictions),
        }
        for kind in ("macro", "weighted"):
            values = sk.precision_recall_fscore_support(
                labels, predictions, labels=np.unique(labels), average=kind, zero_division=0
            )
            expected |= {
                f"{kind}_{name}": value for name, value in zip(AVERAGED, values[:3], strict=True)
            }
    assert found == pytest.approx(expected, nan_ok=True, abs=1e-12)


def test_one_class_leaves_nothing_to_chance() -> None:
    zeros = np.zeros(5, np.int64)
    found = measure(zeros, zeros, 1)
    assert np.isnan(found["cohen_kappa"]) and found["matthews"] == 0.0
    assert found["balanced_accuracy"] == found["macro_f1"] == 1.0


def test_no_photos_give_nan_without_warnings() -> None:
    found = estimate_agreement(np.empty((0, 3)), np.empty(0, np.int64), ["a", "b", "c"])
    for estimate in found.values():
        assert np.isnan([estimate.value, estimate.low, estimate.high]).all() and estimate.n == 0


@settings(max_examples=30)
@given(answered_photos())
def test_resamples_keep_the_photos_of_each_class(case: Answers) -> None:
    n_classes, labels, predictions = case
    drawn = redraw_counts(count_confusions(labels, predictions, n_classes), resamples=20)
    assert (drawn.support == np.bincount(labels, minlength=n_classes)).all()
    assert (drawn.predicted.sum(axis=1) == len(labels)).all()
    assert (drawn.hits <= np.minimum(drawn.support, drawn.predicted)).all()


def test_a_class_with_one_photo_varies_in_resamples() -> None:
    drawn = redraw_counts(np.diag([1] * 15) + np.eye(15, k=1, dtype=int), 300)
    assert (drawn.hits.std(axis=0) > 0.3).all()


def random_answers(n: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    scores = rng.dirichlet(np.full(classes, 0.1), n)
    scores[np.arange(n), labels] += 0.3
    return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32), labels


def test_estimates_lie_in_their_intervals_and_stay_the_same() -> None:
    scores, labels = random_answers(400, 6)
    names = [str(number) for number in range(6)]
    found = estimate_agreement(scores, labels, names)
    assert found == estimate_agreement(scores, labels, names)  # seeded
    for name, estimate in found.items():
        assert estimate.low < estimate.value <= estimate.high, name
        assert estimate.n == 400
    hits = int((scores.argmax(axis=1) == labels).sum())
    accuracy = found["accuracy"]
    assert (accuracy.low, accuracy.high) == wilson_interval(hits, 400)


def test_one_quantity_has_one_interval() -> None:
    scores, labels = random_answers(400, 6)
    found = estimate_agreement(scores, labels, list("abcdef"))
    assert found["weighted_recall"] == found["accuracy"]
    assert found["macro_recall"] == found["balanced_accuracy"]
    matrix = np.diag([7] * 5) + np.eye(5, k=1, dtype=int) * 3
    matrix[4, 4] = 10  # ten photos of each class
    alike = estimate_matrix(matrix)
    balanced, accuracy = alike["balanced_accuracy"], alike["weighted_recall"]
    ends = (accuracy.value, accuracy.low, accuracy.high)
    assert (balanced.value, balanced.low, balanced.high) == pytest.approx(ends)


def test_a_class_without_photos_counts_in_no_mean() -> None:
    found = measure(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2]), 3)
    assert found["balanced_accuracy"] == found["macro_recall"] == 0.5
    assert found["macro_precision"] == pytest.approx((1 + 0.5) / 2)


def test_where_no_interval_would_hold_there_is_none_and_why() -> None:
    few = estimate_matrix(np.diag([2, 2]))
    assert np.isnan(few["matthews"].low) and few["matthews"].reason == "fewer than 10 photos"
    assert few["weighted_recall"].low == pytest.approx(wilson_interval(4, 4)[0])
    many = estimate_matrix(np.diag([1] * 102))
    assert np.isnan(many["macro_f1"].low) and "too few photos per class" in many["macro_f1"].reason
    assert many["balanced_accuracy"].low == pytest.approx(wilson_interval(102, 102)[0])
    uneven = estimate_matrix(np.diag([1, 60]))
    assert "1 photo" in uneven["cohen_kappa"].reason


def make_setting(
    classes: int, photos: int, accuracy: float, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return sizes of classes, (k,) int, and the accuracy of each, (k,); `accuracy` on average."""
    right = np.full(classes, accuracy)
    sizes = np.full(classes, photos)
    if kind != "alike":
        right = np.clip(np.linspace(accuracy - 0.25, accuracy + 0.25, classes), 0.2, 0.995)
    if kind == "sizes differ":
        sizes = np.maximum(1, np.round(photos * np.geomspace(0.25, 8, classes))).astype(int)
    return sizes, right


def cover_balanced(sizes: np.ndarray, right: np.ndarray, rounds: int) -> float | None:
    """Return how often the interval of balanced accuracy held the truth; None: no interval."""
    drawn = np.random.default_rng(0).binomial(sizes, right, (rounds, len(right)))
    found = [estimate_balanced(sizes, hits) for hits in drawn]
    shown = [one for one in found if not np.isnan(one.low)]
    held = [one.low - 1e-9 <= right.mean() <= one.high + 1e-9 for one in shown]
    return float(np.mean(held)) if held else None


@pytest.mark.parametrize("photos", [1, 3, 30])
@pytest.mark.parametrize("kind", ["alike", "sizes differ"])
def test_balanced_accuracy_covers_the_truth_from_one_photo_a_class_on(
    photos: int, kind: str
) -> None:
    held = cover_balanced(*make_setting(30, photos, 0.9, kind), 500)
    assert held is not None and held > 0.93  # resamples alone: 74 % with one photo


def test_it_covers_the_truth_with_small_classes() -> None:
    """Two classes have 5 photos, which are all right in most draws."""
    held = cover_balanced(np.array([200, 200, 200, 5, 5]), np.full(5, 0.9), 500)
    assert held is not None and held > 0.93  # the bootstrap alone: 0.64


@pytest.mark.parametrize("classes", [2, 5, 20])
@pytest.mark.parametrize("photos", [2, 5])
@pytest.mark.parametrize("accuracy", [0.7, 0.99])
def test_it_covers_the_truth_in_each_setting_or_there_is_none(
    classes: int, photos: int, accuracy: float
) -> None:
    held = cover_balanced(*make_setting(classes, photos, accuracy, "alike"), 500)
    assert held is None if classes * photos < 10 else held is not None and held > 0.93


def test_the_intervals_cover_the_truth() -> None:
    """Of a hundred sets of photos about 95 have an interval that holds the true figure."""
    rng = np.random.default_rng(0)
    shares = np.array([[0.8, 0.15, 0.05], [0.2, 0.7, 0.1], [0.05, 0.05, 0.9]])
    supports = np.array([60, 40, 25])
    truth = measure_agreement(count_classes(shares * supports[:, None] * 1e6))
    held = {"macro_f1": 0, "matthews": 0, "cohen_kappa": 0}
    names = ["a", "b", "c"]
    for _ in range(100):
        matrix = np.array(
            [rng.multinomial(n, row) for n, row in zip(supports, shares, strict=True)]
        )
        labels = np.repeat(np.arange(3), matrix.sum(axis=1))
        predictions = np.concatenate([np.repeat(np.arange(3), row) for row in matrix])
        found = estimate_agreement(np.eye(3)[predictions], labels, names, resamples=100)
        for name in held:
            held[name] += found[name].low <= truth[name] <= found[name].high
    assert all(88 <= times <= 100 for times in held.values()), held


def test_a_thousand_resamples_of_102_classes_take_well_under_a_second() -> None:
    scores, labels = random_answers(6149, 102)
    names = [str(number) for number in range(102)]
    started = time.process_time()
    estimate_agreement(scores, labels, names)
    assert time.process_time() - started < 1.0


def test_a_run_without_mistakes_is_not_proven_perfect() -> None:
    labels = np.repeat(np.arange(3), 10)
    found = estimate_agreement(np.eye(3)[labels], labels, list("abc"))
    for name in ("balanced_accuracy", "macro_precision", "macro_recall", "macro_f1"):
        assert 0.7 < found[name].low < found[name].high == found[name].value == 1
