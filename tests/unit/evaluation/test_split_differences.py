"""Splits that differ are found, the worst first; random splits seldom show a difference."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from core.evaluation.slices import Property
from core.evaluation.split_differences import EVERY, FEATURES, FEWEST, LEVEL, compare_splits

CLASSES = ("daisy", "ferry", "rose")


class Photos:
    """Photos of CLASSES with a brightness, a format and 12 features, all different by class."""

    def __init__(self, per_class: int, shares: Sequence[float] = (0.6, 0.2, 0.2), seed: int = 0):
        rng = np.random.default_rng(seed)
        self.labels = np.repeat(np.arange(3), per_class)
        n = len(self.labels)
        self.splits = rng.choice(["train", "validation", "test"], n, p=shares)
        self.brightness = rng.normal(0.5 + 0.1 * self.labels, 0.1)
        self.format = rng.choice(["JPEG", "PNG"], n)
        self.reduced = rng.normal(self.labels[:, None], 1, (n, 12))

    def compare(self) -> pd.DataFrame:
        measures = (
            Property(name="brightness", label="", values=self.brightness, about="picture"),
            Property(name="format", label="", values=self.format, about="file"),
            Property(name="width", label="", values=np.ones(len(self.labels)), about="file"),
        )
        return compare_splits(measures, self.reduced, self.labels, self.splits, CLASSES)

    def find(self, name: str, split: str = "test") -> np.ndarray:
        return np.flatnonzero((self.labels == CLASSES.index(name)) & (self.splits == split))


def test_dark_photos_of_one_class_and_split_come_first() -> None:
    photos = Photos(60)
    dark = photos.find("ferry")
    photos.brightness[dark] *= 0.38
    table = photos.compare()
    first = table.iloc[0]
    assert (first["class"], first["split"], first["measure"]) == ("ferry", "test", "brightness")
    assert (first["m"], first["n"]) == (len(photos.find("ferry", "train")), len(dark))
    assert first["now"] == pytest.approx(np.median(photos.brightness[dark]))
    before = photos.brightness[photos.find("ferry", "train")]
    pairs = photos.brightness[dark][:, None] > before
    assert first["area"] == pytest.approx(pairs.mean())
    assert first["low"] <= first["area"] <= first["high"]
    differing = table[table["adjusted"] < LEVEL]
    assert set(differing["class"]) <= {"ferry", EVERY} and set(differing["split"]) == {"test"}
    assert "width" not in set(table["measure"]), "what never differs is not compared"
    assert len(table) == 4 * 2 * 3


def test_another_format_and_other_features_are_found() -> None:
    photos = Photos(60)
    photos.format[:] = "JPEG"
    photos.format[photos.find("rose")] = "PNG"
    photos.reduced[photos.find("daisy", "validation"), 3] += 4
    table = photos.compare()
    found = table[table["adjusted"] < LEVEL].set_index(["class", "split", "measure"])
    assert found.loc[("rose", "test", "format"), ["before", "now"]].tolist() in ([0, 1], [1, 0])
    assert np.isnan(found.loc[("daisy", "validation", FEATURES), "now"])


def test_another_mix_of_classes_is_no_difference() -> None:
    photos = Photos(300)
    leaves = (photos.labels == 2) & (photos.splits == "test")
    photos.splits[leaves & (np.arange(900) % 8 > 0)] = "train"
    table = photos.compare()
    assert EVERY in set(table["class"])
    assert (table["adjusted"] >= LEVEL).all()


def test_a_difference_over_small_classes_is_found_over_all_of_them() -> None:
    photos = Photos(16, shares=(0.75, 0.0, 0.25))
    photos.brightness[photos.splits == "test"] += 0.4
    first = photos.compare().iloc[0]
    assert (first["class"], first["measure"]) == (EVERY, "brightness")
    assert first["adjusted"] < LEVEL


@pytest.mark.parametrize(
    ("per_class", "shares"), [(1, (0.6, 0.2, 0.2)), (0, (1, 0, 0)), (40, (1, 0, 0))]
)
def test_without_enough_photos_nothing_is_compared(per_class: int, shares: Sequence[float]) -> None:
    assert Photos(per_class, shares).compare().empty
    assert FEWEST > 1


def test_random_splits_show_a_difference_in_at_most_5_percent() -> None:
    reported = sum((Photos(30, seed=n).compare()["adjusted"] < LEVEL).any() for n in range(20))
    assert reported <= 3
