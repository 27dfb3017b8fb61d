"""Reasons of an answer: effects and sets that flip it, against refits."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.errors import FeaturesMissing
from core.exact.head import ExactHead, fit_head
from core.exact.whatif import Change, answer_changed
from core.exact.why import MOST_LEFT_OUT, find_reasons
from tests.unit.exact.test_head import Drawn, draw_many, drawn_photos, refit


def answer_without(head: ExactHead, features: np.ndarray, photo: int, out: list[int]) -> np.ndarray:
    """Return outputs by a refit without the photo and others; -inf: no photo of a class."""
    train = np.setdiff1d(head.train, [photo, *out])
    change = Change(labels=head.labels, train=train, n_classes=head.n_classes)
    taught = np.isin(np.arange(head.n_classes), head.labels[train])
    return np.where(taught, refit(head, features, change)[photo], -np.inf)


def answer_by(outputs: np.ndarray) -> int:
    """Return the answer, if one class is ahead: of two that are level either may be it."""
    second, first = np.sort(outputs)[-2:]
    assume(first - second > 1e-9 or first == -np.inf)
    return int(outputs.argmax())


@settings(max_examples=40, deadline=None)
@given(drawn=drawn_photos(), seed=st.integers(0, 999))
def test_effects_and_sets_equal_refits(drawn: Drawn, seed: int) -> None:
    features, labels, train, k = drawn
    head = fit_head(features, labels, train, k)
    photo = int(np.random.default_rng(seed).integers(len(labels)))
    before = answer_without(head, features, photo, [])
    if (np.delete(before, labels[photo]) == -np.inf).all():
        with pytest.raises(FeaturesMissing):
            find_reasons(head, photo)
        return
    found = find_reasons(head, photo)
    assert found.answer == answer_by(before) and found.true == labels[photo]
    assert photo not in found.train
    assert found.taught == (before[found.true] > -np.inf)
    if not found.taught:
        assert found.flip is None and not found.right
        return
    lead = before[found.rival] - before[found.true]
    assert found.lead == pytest.approx(lead, rel=1e-6, abs=1e-6)
    for place in (0, len(found.train) - 1):
        after = answer_without(head, features, photo, [int(found.train[place])])
        gain = after[found.rival] - after[found.true] - lead
        if np.isfinite(gain):
            assert found.effects[place] == pytest.approx(gain, rel=1e-6, abs=1e-6)
    if found.flip is None:
        return

    def turns(out: list[int]) -> bool:
        after = answer_without(head, features, photo, out)
        return (answer_by(after) == found.true and after.max() > -np.inf) != found.right

    flip = found.flip.tolist()
    assert len(set(flip)) == len(flip) <= MOST_LEFT_OUT
    assert turns(flip)
    assert not any(turns([one for one in flip if one != spared]) for spared in flip)


def test_without_training_photos_of_its_class_no_set_flips_the_answer() -> None:
    labels, features = np.array([0, 1, 1]), np.array([[1.0], [2.0], [-4.0]])
    found = find_reasons(fit_head(features, labels, np.array([1, 2]), 2), 0)
    assert not found.taught and not found.right and found.flip is None


def test_no_smaller_set_flips_the_answer() -> None:
    features, labels, train = draw_many(40, 12, 3)
    features = features.astype(np.float64)
    head = fit_head(features, labels, train, 3)
    sizes = []
    for photo in np.setdiff1d(np.arange(40), train).tolist():
        found = find_reasons(head, photo)
        if found.flip is None or len(found.flip) > 3:
            continue
        for size in range(1, len(found.flip)):
            for out in combinations(found.train.tolist(), size):
                change = Change(labels=labels, train=np.setdiff1d(train, out), n_classes=3)
                answer = answer_changed(head, change, np.array([photo])).argmax()
                assert (answer == found.true) == found.right
        sizes.append(len(found.flip))
    assert len(set(sizes)) > 1


def test_single_precision_is_enough() -> None:
    features, labels, train = draw_many(100, 120, 5)
    head, sets = fit_head(features, labels, train, 5), 0
    for photo in range(20):
        found = find_reasons(head, photo)
        if found.flip is None:
            continue
        out = np.setdiff1d(train, [photo, *found.flip])
        change = Change(labels=labels, train=out, n_classes=5)
        answer = answer_changed(head, change, np.array([photo])).argmax()
        assert (answer == found.true) != found.right
        sets += 1
    assert sets > 5


def test_a_copy_with_a_wrong_label_is_the_strongest_photo() -> None:
    features, labels, train = draw_many(200, 30, 2)
    right = 1 - labels[0]
    train = np.union1d(train, [1])
    train = train[train != 0]
    features[1], labels[0], labels[1] = features[0], right, 1 - right
    found = find_reasons(fit_head(features.astype(np.float64), labels, train, 2), 0)
    pulling, effects = found.find_strongest(True, 8)
    assert pulling[0] == 1 and effects[0] < 0
    assert found.find_strongest(False, 8)[1].min() > 0
