"""A class that goes and two that become one: equal to refits."""

import numpy as np
import pytest

from core.instant.class_costs import drop_class, merge_classes
from core.instant.head import ExactHead, fit_head, one_hot


def make_head(n: int = 120, d: int = 10, k: int = 6) -> ExactHead:
    """Return a head on classes of which 0 and 3 are almost the same."""
    rng = np.random.default_rng(1)
    labels = np.arange(n) % k
    means = rng.normal(size=(k, d))
    means[-3] = means[0] + 0.1
    features = means[labels] * 1.5 + rng.normal(size=(n, d))
    return fit_head(features, labels, np.arange(n * 2 // 3), k)


def refit(head: ExactHead, kept: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the outputs for all photos by a head solved anew."""
    x = np.asarray(head.rows, np.float64)
    a = x[kept].T @ x[kept] + head.ridge * np.eye(x.shape[1])
    targets = one_hot(labels[kept], head.n_classes)
    return np.asarray(x @ np.linalg.solve(a, x[kept].T @ targets))


@pytest.mark.parametrize("d", [10, 200])
def test_without_a_class_it_answers_like_a_refit(d: int) -> None:
    head = make_head(d=d)
    photos = np.arange(80, 120)
    for place in range(head.n_classes):
        found = drop_class(head, place, photos)
        judged = photos[head.labels[photos] != place]
        kept = head.train[head.labels[head.train] != place]
        outputs = refit(head, kept, head.labels)[judged]
        outputs[:, place] = -np.inf
        right = outputs.argmax(axis=1) == head.labels[judged]
        np.testing.assert_array_equal(found.after, right)


def test_merged_classes_answer_like_a_refit_and_look_alikes_come_first() -> None:
    head = make_head()
    photos = np.arange(80, 120)
    labels = head.labels.copy()
    merges = list(merge_classes(head, photos))
    assert (merges[0].one, merges[0].other) == ((0,), (3,))
    assert (merges[0].judged.after & ~merges[0].judged.before).any()
    gone: list[int] = []
    for merge in merges:
        labels[np.isin(labels, merge.other)] = merge.one[0]
        gone += [merge.other[0]]
        outputs = refit(head, head.train, labels)[photos]
        outputs[:, gone] = -np.inf
        right = outputs.argmax(axis=1) == labels[photos]
        np.testing.assert_array_equal(merge.judged.after, right)
    assert len(gone) <= head.n_classes - 2


def test_a_class_without_photos_and_the_only_one_have_an_answer() -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(20, 4)), np.arange(20) % 2
    bare = fit_head(features, labels, np.arange(10), 3)
    photos = np.arange(10, 20)
    found = drop_class(bare, 2, photos)
    np.testing.assert_array_equal(found.before, found.after)
    assert drop_class(bare, 1, photos).after.sum() >= found.before[labels[photos] == 0].sum()
    alone = fit_head(features, np.zeros(20, int), np.arange(10), 2)
    assert len(drop_class(alone, 0, photos).after) == 0
    assert list(merge_classes(fit_head(features, labels, np.arange(10), 2), photos)) == []
