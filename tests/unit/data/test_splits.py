"""Splits: exact shares, seeded, copies together, few photos."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.splits import SPLITS, draw_splits, draw_validation


def count(splits: np.ndarray) -> list[int]:
    return [int((splits == name).sum()) for name in SPLITS]


def test_each_class_is_divided_70_15_15() -> None:
    labels = np.repeat([0, 1, 2], [100, 200, 633])
    splits = draw_splits(labels, np.arange(933), seed=0)
    assert [count(splits[labels == label]) for label in range(3)] == [
        [70, 15, 15],
        [140, 30, 30],
        [443, 95, 95],
    ]


def test_the_seed_decides() -> None:
    labels, groups = np.repeat([0, 1], 50), np.arange(100)
    first = draw_splits(labels, groups, seed=3)
    assert (first == draw_splits(labels, groups, seed=3)).all()
    assert (first != draw_splits(labels, groups, seed=4)).any()


def test_few_photos_serve_training_first() -> None:
    expected = {1: [1, 0, 0], 2: [1, 1, 0], 3: [1, 1, 1], 4: [2, 1, 1], 7: [5, 1, 1]}
    for photos, counts in expected.items():
        splits = draw_splits(np.zeros(photos, int), np.arange(photos), seed=0)
        assert count(splits) == counts


def test_copies_stay_on_one_side_also_across_classes() -> None:
    labels = np.repeat([0, 1], 40)
    groups = np.array([f"photo {number}" for number in range(80)])
    groups[[1, 5, 9]] = "copied within a class"
    groups[[3, 60]] = "copied across classes"
    for seed in range(20):
        splits = draw_splits(labels, groups, seed=seed)
        assert len(set(splits[[1, 5, 9]])) == len(set(splits[[3, 60]])) == 1


def test_a_large_group_goes_to_training() -> None:
    groups = np.array([0] * 5 + [1, 2])
    for seed in range(10):
        splits = draw_splits(np.zeros(7, int), groups, seed=seed)
        assert set(splits[:5]) == {"train"}
        assert count(splits) == [5, 1, 1]


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=80),
    seed=st.integers(0, 2**32),
)
def test_any_labels_and_groups_are_split(rows: list[tuple[int, int]], seed: int) -> None:
    labels, groups = (np.array(column) for column in zip(*rows, strict=True))
    splits = draw_splits(labels, groups, seed=seed)
    assert set(splits) <= set(SPLITS)
    assert (splits == "train").any()
    for group in np.unique(groups):
        assert len(set(splits[groups == group])) == 1
    if len(np.unique(groups)) == len(groups):
        for label in np.unique(labels):
            train, validation, test = count(splits[labels == label])
            photos = train + validation + test
            assert train >= 1
            assert (validation >= 1) == (photos >= 2)
            assert (test >= 1) == (photos >= 3)
            assert abs(test - 0.15 * photos) <= 1


def test_validation_is_drawn_out_of_train_only() -> None:
    labels = np.repeat([0, 1], 60)
    given_splits = np.array((["train"] * 40 + ["test"] * 20) * 2)
    splits = draw_validation(labels, np.arange(120), given_splits, seed=0)
    assert ((splits == "test") == (given_splits == "test")).all()
    assert [count(splits[labels == label]) for label in (0, 1)] == [[34, 6, 20]] * 2
