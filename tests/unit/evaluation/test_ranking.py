"""Areas and curves equal scikit-learn's, ties included; what cannot be ranked is left out."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn import metrics as sk

from core.evaluation.ranking import (
    Kind,
    area_pull,
    average_precision,
    count_thresholds,
    rank_classes,
    roc_area,
    thin_curve,
    trace,
)

Ranked = tuple[np.ndarray, np.ndarray]
SK = {"roc": sk.roc_auc_score, "precision_recall": sk.average_precision_score}
OURS = {"roc": roc_area, "precision_recall": average_precision}


@st.composite
def ranked_photos(draw: st.DrawFn) -> Ranked:
    """Scores with many ties, and which photos are of the class: at least one, and not all."""
    pairs = st.tuples(st.integers(0, 6), st.booleans())
    drawn = draw(st.lists(pairs, min_size=2, max_size=40))
    positive = np.array([own for _, own in drawn])
    assume(0 < positive.sum() < len(positive))
    return np.array([score for score, _ in drawn]) / 6, positive


@st.composite
def scored_classes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n, k) with ties and labels (n,); classes may have no photos, or all."""
    k, n = draw(st.integers(1, 5)), draw(st.integers(1, 25))
    row = st.lists(st.integers(0, 3), min_size=k, max_size=k)
    scores = np.array(draw(st.lists(row, min_size=n, max_size=n)), float) + 0.25
    labels = np.array(draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n)), np.int64)
    return scores / scores.sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize("kind", ["roc", "precision_recall"])
@given(ranked_photos())
def test_areas_equal_scikit_learn(kind: Kind, case: Ranked) -> None:
    scores, positive = case
    found = OURS[kind](count_thresholds(scores, positive))
    assert found == pytest.approx(SK[kind](positive, scores), abs=1e-12)


@given(ranked_photos())
def test_curves_equal_scikit_learn(case: Ranked) -> None:
    scores, positive = case
    counted = count_thresholds(scores, positive)
    false, true, _ = sk.roc_curve(positive, scores, drop_intermediate=False)
    # Neither curve turns between two scores of positives: the corners are compared.
    np.testing.assert_allclose(
        thin_curve(trace("roc", counted)), thin_curve(np.array([false, true])), atol=1e-12
    )
    precision, recall, _ = sk.precision_recall_curve(positive, scores)
    theirs = np.array([recall[:-1][::-1], precision[:-1][::-1]])
    # scikit-learn runs backwards, adds the point (0, 1) and stops where recall is 1.
    ours, theirs = (
        thin_curve(curve[:, : 1 + int((curve[0] == 1).argmax())])
        for curve in (trace("precision_recall", counted)[:, 1:], theirs)
    )
    np.testing.assert_allclose(ours, theirs)


@pytest.mark.parametrize("kind", ["roc", "precision_recall"])
@settings(max_examples=20)
@given(ranked_photos())
def test_the_pull_of_a_photo_is_what_its_weight_changes(kind: Kind, case: Ranked) -> None:
    scores, positive = case
    pull = area_pull(kind, count_thresholds(scores, positive), positive)
    step = 1e-5
    for photo in range(len(scores)):
        heavier, lighter = np.ones(len(scores)), np.ones(len(scores))
        heavier[photo] += step
        lighter[photo] -= step
        ends = [SK[kind](positive, scores, sample_weight=each) for each in (heavier, lighter)]
        assert pull[photo] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-5)
    assert pull.sum() == pytest.approx(0, abs=1e-9)  # all photos twice: the same area


@given(scored_classes())
def test_classes_macro_and_micro_equal_scikit_learn(case: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = case
    k = scores.shape[1]
    found = rank_classes(scores, labels, [str(number) for number in range(k)])
    truth = labels[:, None] == np.arange(k)
    usable = [number for number in range(k) if 0 < truth[:, number].sum() < len(labels)]
    for kind, column in (("roc", "roc_auc"), ("precision_recall", "average_precision")):
        table = found.per_class
        expected = {number: SK[kind](truth[:, number], scores[:, number]) for number in usable}
        for number in range(k):
            row = table.iloc[number]
            if number not in expected:
                assert np.isnan(row[column]) and str(number) not in found.curves[kind]
                continue
            assert row[column] == pytest.approx(expected[number])
        macro, micro = found.macro[kind], found.micro[kind]
        assert macro.value == pytest.approx(
            np.mean(list(expected.values())) if usable else np.nan, nan_ok=True
        )
        if k > 1:
            assert micro.value == pytest.approx(SK[kind](truth.ravel(), scores.ravel()))
        else:
            assert np.isnan(micro.value)


@given(scored_classes(), st.integers(0, 99))
def test_the_order_of_classes_and_photos_means_nothing(
    case: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    scores, labels = case
    rng = np.random.default_rng(seed)
    k = scores.shape[1]
    order, photos = rng.permutation(k), rng.permutation(len(labels))
    names = [str(number) for number in range(k)]
    first = rank_classes(scores, labels, names)
    moved = np.argsort(order)[labels]  # the class at place p now is the old class order[p]
    second = rank_classes(scores[:, order][photos], moved[photos], [names[old] for old in order])
    one = first.per_class.set_index("class").sort_index()
    other = second.per_class.set_index("class").sort_index()
    np.testing.assert_allclose(one.to_numpy(float), other.to_numpy(float), atol=1e-12)
    for kind in ("roc", "precision_recall"):
        assert second.micro[kind].value == pytest.approx(first.micro[kind].value, nan_ok=True)
        assert second.macro[kind].low == pytest.approx(first.macro[kind].low, nan_ok=True)


def test_a_class_without_photos_is_left_out_of_the_mean() -> None:
    scores, labels = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1]]), np.array([0, 1])
    found = rank_classes(scores, labels, ["daisy", "rose", "tulip"])
    assert found.per_class["positives"].tolist() == [1, 1, 0]
    assert found.macro["roc"].value == 1.0
    assert list(found.curves["roc"]) == ["daisy", "rose"]
    # Nothing is out of order, so nothing says how far from it all is: no interval over all classes.
    assert np.isnan(found.macro["roc"].low)


def test_no_photos_and_single_classes_are_not_ranked() -> None:
    for scores, labels in (
        (np.empty((0, 2)), np.empty(0, np.int64)),
        (np.ones((3, 1)), np.zeros(3, np.int64)),
    ):
        found = rank_classes(scores, labels, ["a", "b"][: scores.shape[1]])
        assert not found.curves["roc"] and np.isnan(found.macro["roc"].value)
        assert np.isnan(found.micro["precision_recall"].value)


def test_thinned_curves_keep_their_ends_and_shape() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(5000) < 0.1
    scores = rng.normal(positive * 1.5, 1.0)
    full = trace("roc", count_thresholds(scores, positive))
    thin = thin_curve(full, 100)
    assert thin.shape[1] <= 100
    np.testing.assert_array_equal(thin[:, [0, -1]], full[:, [0, -1]])
    assert np.trapezoid(thin[1], thin[0]) == pytest.approx(
        np.trapezoid(full[1], full[0]), abs=0.003
    )


def test_the_intervals_over_classes_cover_the_truth() -> None:
    rng = np.random.default_rng(1)
    n, k, held = 150, 3, 0
    shift = 1.2
    true = norm.cdf(shift / np.sqrt(2))
    for _ in range(100):
        labels = rng.integers(0, k, n)
        scores = rng.normal(shift * (labels[:, None] == np.arange(k)), 1.0)
        found = rank_classes(scores, labels, ["a", "b", "c"]).macro["roc"]
        held += found.low <= true <= found.high
    assert 89 <= held <= 100
