"""Metrics equal scikit-learn's, on random answers and on degenerate ones."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from core.evaluation.intervals import f1_interval, wilson_interval
from core.evaluation.metrics import evaluate_scores

Case = tuple[np.ndarray, np.ndarray, list[str]]


@st.composite
def scored_photos(draw: st.DrawFn) -> Case:
    """Scores (rows sum to 1, with ties and zeros), labels, class names; classes may be absent."""
    n_classes = draw(st.integers(3, 8))
    n = draw(st.integers(1, 40))
    whole = st.lists(st.integers(0, 4), min_size=n_classes, max_size=n_classes)
    points = np.array(draw(st.lists(whole, min_size=n, max_size=n)), float)
    points[points.sum(axis=1) == 0] = 1.0
    labels = draw(st.lists(st.integers(0, n_classes - 1), min_size=n, max_size=n))
    names = [f"class {number}" for number in range(n_classes)]
    return points / points.sum(axis=1, keepdims=True), np.array(labels, np.int64), names


@given(scored_photos())
def test_classes_equal_scikit_learn(case: Case) -> None:
    scores, labels, names = case
    found = evaluate_scores(scores, labels, names)
    predictions = scores.argmax(axis=1)
    assert found.per_class["class"].tolist() == names
    assert found.accuracy == pytest.approx(sk.accuracy_score(labels, predictions))
    expected = sk.precision_recall_fscore_support(
        labels, predictions, labels=range(len(names)), zero_division=0
    )
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose(np.nan_to_num(found.per_class[name]), values, atol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that a class was predicted that has no photo
        balanced = sk.balanced_accuracy_score(labels, predictions)
    assert found.balanced_accuracy == pytest.approx(balanced)


@given(scored_photos())
def test_loss_and_top_k_equal_scikit_learn(case: Case) -> None:
    scores, labels, names = case
    numbers = np.arange(len(names))
    found = evaluate_scores(scores, labels, names)
    assert found.loss == pytest.approx(sk.log_loss(labels, scores, labels=numbers))
    # scikit-learn prefers the last of equal scores, argmax (and ours) the first: so mirrored.
    mirrored = (len(names) - 1 - labels, scores[:, ::-1])
    expected = sk.top_k_accuracy_score(*mirrored, k=found.top_k, labels=numbers)
    assert found.top_k_accuracy == pytest.approx(expected)


@given(scored_photos())
def test_intervals_belong_to_their_shares(case: Case) -> None:
    found = evaluate_scores(*case)
    hits = round(found.accuracy * found.n)
    assert (found.accuracy_low, found.accuracy_high) == wilson_interval(hits, found.n)
    for row in found.per_class.to_dict("records"):
        for name, total in (("recall", row["support"]), ("precision", row["predicted"])):
            ends = row[f"{name}_low"], row[f"{name}_high"]
            if total == 0:
                assert np.isnan([row[name], *ends]).all()
            else:
                assert ends == wilson_interval(round(row[name] * total), total)
        both = row["support"] + row["predicted"]
        hits = round(row["f1"] * both / 2) if both else 0
        expected = f1_interval(hits, both - hits)
        np.testing.assert_array_equal([row["f1_low"], row["f1_high"]], expected)


@given(scored_photos(), st.integers(0, 99))
def test_the_order_of_classes_and_photos_means_nothing(case: Case, seed: int) -> None:
    scores, labels, names = case
    scores = scores + np.arange(len(names)) * 1e-9  # no ties: these go by the order of the classes
    rng = np.random.default_rng(seed)
    order, photos = rng.permutation(len(names)), rng.permutation(len(labels))
    first = evaluate_scores(scores, labels, names)
    second = evaluate_scores(
        scores[:, order][photos], np.argsort(order)[labels][photos], [names[old] for old in order]
    )
    pd.testing.assert_frame_equal(
        first.per_class.sort_values("class", ignore_index=True),
        second.per_class.sort_values("class", ignore_index=True),
    )
    for name in ("accuracy", "balanced_accuracy", "top_k_accuracy", "loss"):
        assert getattr(second, name) == pytest.approx(getattr(first, name))


def test_undefined_is_nan_in_the_table() -> None:
    scores = np.eye(3)[[0, 0, 1, 0]]  # the third class is neither there nor predicted
    table = evaluate_scores(scores, np.array([0, 0, 0, 1]), ["daisy", "rose", "tulip"])
    tulip = table.per_class.set_index("class").loc["tulip"]
    assert tulip[["precision", "recall", "f1"]].isna().all()
    rose = table.per_class.set_index("class").loc["rose"]
    assert rose[["precision", "recall", "f1"]].tolist() == [0.0, 0.0, 0.0]


def test_single_precision_scores_lose_nothing() -> None:
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.full(102, 0.05), 3000).astype(np.float32)
    labels = rng.integers(0, 102, 3000)
    names = [str(number) for number in range(102)]
    single = evaluate_scores(scores, labels, names)
    double = evaluate_scores(scores.astype(np.float64), labels, names)
    assert single.accuracy == double.accuracy
    pd.testing.assert_frame_equal(single.per_class, double.per_class)
    # A score of 0 counts as the least that its type can add to 1: no infinite loss.
    assert np.isfinite(single.loss)
    assert single.loss == pytest.approx(sk.log_loss(labels, scores, labels=range(102)), rel=1e-5)


@pytest.mark.parametrize(("classes", "top_k"), [(2, 1), (3, 2), (5, 2), (6, 5), (102, 5)])
def test_top_k_is_chosen_to_say_something(classes: int, top_k: int) -> None:
    names = [str(number) for number in range(classes)]
    scores, labels = np.eye(classes), np.arange(classes)
    assert evaluate_scores(scores, labels, names).top_k == top_k


def test_no_photos_give_nan_without_warnings() -> None:
    found = evaluate_scores(np.empty((0, 3)), np.empty(0, np.int64), ["a", "b", "c"])
    assert found.n == 0
    assert np.isnan([found.accuracy, found.accuracy_low, found.loss, found.top_k_accuracy]).all()
    assert np.isnan(found.balanced_accuracy)


@pytest.mark.parametrize(
    ("scores", "labels", "reason"),
    [
        ([[0.5, np.nan]], [0], "not a finite number"),
        ([[np.inf, 0.0]], [0], "not a finite number"),
        ([[0.5, 0.5]], [2], "lies outside"),
        ([[0.5, 0.5]], [-1], "lies outside"),
        ([[0.5, 0.5]], [0, 1], r"are not \(2, 2\)"),
        ([[0.5, 0.3, 0.2]], [0], r"are not \(1, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(scores: list, labels: list, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        evaluate_scores(np.array(scores), np.array(labels), ["a", "b"])
