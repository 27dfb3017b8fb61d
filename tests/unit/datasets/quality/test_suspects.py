"""Planted wrong labels are suspects, copies share a fold, small classes have no suspects."""

from pathlib import Path

import numpy as np
import pytest

from core.datasets.quality.suspects import (
    FILE,
    confirm_labels,
    deal_folds,
    find_suspects,
    read_confirmed,
    score_out_of_fold,
)
from core.workspace import Workspace
from data.importing import import_source
from tests.builders import write_class_folders


def draw_blobs(n: int, n_classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(6)
    labels = np.arange(n) % n_classes
    features = 2 * np.eye(n_classes, 10)[labels] + rng.normal(0, 0.4, (n, 10))
    return features.astype(np.float32), labels


def measure_accuracy(features: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> float:
    scores = score_out_of_fold(features, labels, folds, 3)
    return float((scores.argmax(axis=1) == labels).mean())


def test_folds_are_even_and_keep_groups() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 3])
    groups = np.arange(83)
    groups[:3] = groups[60] = 0  # a group over two classes
    folds = deal_folds(labels, groups, 5)
    assert len(set(folds[groups == 0])) == 1
    assert np.ptp(np.bincount(folds, minlength=5)) <= 5
    alone = groups != 0
    for label in (0, 1):
        assert np.ptp(np.bincount(folds[(labels == label) & alone], minlength=5)) <= 1
    assert len(set(folds[labels == 2])) == 3
    assert (deal_folds(labels, groups, 5) == folds).all()
    assert (deal_folds(labels, groups, 5, seed=1) != folds).any()


def test_planted_wrong_labels_are_suspects() -> None:
    features, true = draw_blobs(200)
    given = true.copy()
    planted = np.array([3, 50, 77, 120, 181, 199])
    given[planted] = (given[planted] + 1) % 4
    folds = deal_folds(given, np.arange(200), 5)
    scores = score_out_of_fold(features, given, folds, 4)
    assert scores.sum(axis=1) == pytest.approx(1)
    assert (scores.argmax(axis=1) == given).mean() > 0.9
    found = find_suspects(scores, given, ("a", "b", "c", "d"))
    suspects = np.flatnonzero(found["suspect"])
    assert set(planted) <= set(suspects) and len(suspects) <= 9
    assert found["suggested"][planted].tolist() == [
        ("a", "b", "c", "d")[label] for label in true[planted]
    ]
    assert found["label_score"].to_numpy()[planted].max() < 0.2
    own = scores[np.arange(200), given]
    assert found["given_score"].to_numpy() == pytest.approx(own)


def test_a_photo_is_scored_by_a_head_fitted_without_it() -> None:
    """The features are noise: a head that had seen the labels would know them."""
    rng = np.random.default_rng(7)
    features = rng.normal(size=(300, 200)).astype(np.float32)
    labels = rng.integers(0, 3, 300)
    folds = deal_folds(labels, np.arange(300), 5)
    assert measure_accuracy(features, labels, folds) < 0.45


def test_copies_are_in_one_fold() -> None:
    """The same noise with each photo twice: a copy in another fold would reveal the label."""
    rng = np.random.default_rng(8)
    features = np.repeat(rng.normal(size=(150, 200)), 2, axis=0).astype(np.float32)
    labels = np.repeat(rng.integers(0, 3, 150), 2)
    together = deal_folds(labels, np.repeat(np.arange(150), 2), 5)
    apart = deal_folds(labels, np.arange(300), 5)
    assert measure_accuracy(features, labels, together) < 0.5
    assert measure_accuracy(features, labels, apart) > 0.7


def test_tiny_and_empty_classes_have_no_suspects() -> None:
    features, labels = draw_blobs(80, 2)
    labels[:2] = 3, 4  # one photo each; class 2 has none
    folds = deal_folds(labels, np.arange(80), 5)
    scores = score_out_of_fold(features, labels, folds, 5)
    assert np.isfinite(scores).all()
    found = find_suspects(scores, labels, ("a", "b", "none", "one", "other"))
    assert not found["suspect"][:2].any()

    features, labels = draw_blobs(8, 2)  # all photos are copies: one fold
    scores = score_out_of_fold(features, labels, np.zeros(8, dtype=np.int64), 2)
    assert scores == pytest.approx(0.5)
    assert not find_suspects(scores, labels, ("a", "b"))["suspect"].any()


def test_a_label_is_confirmed_and_doubted_again(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_source(workspace, write_class_folders(tmp_path / "flowers"))
    assert read_confirmed(workspace) == frozenset()
    confirm_labels(workspace, dataset, [0, 3])
    digests = dataset.manifest["sha256"]
    assert {digest for digest, _ in read_confirmed(workspace)} == {digests[0], digests[3]}
    confirm_labels(workspace, dataset, [3], right=False)
    assert read_confirmed(workspace) == {(digests[0], dataset.manifest["class"][0])}
    with (workspace.analyses / FILE).open("a") as file:  # a line cut short loses only itself
        file.write('{"sha256": "12\n')
    confirm_labels(workspace, dataset, [2])
    assert len(read_confirmed(workspace)) == 2


def test_one_wrong_label_among_easy_classes_is_a_suspect() -> None:
    labels = np.repeat([0, 1], 14)
    scores = np.where(labels[:, None] == [0, 1], 0.999, 0.001)
    labels[3] = 1
    scores[3] = 0.99, 0.01  # less sure than its class is on average
    found = find_suspects(scores, labels, ("rose", "tulip"))
    assert list(np.flatnonzero(found["suspect"])) == [3]
