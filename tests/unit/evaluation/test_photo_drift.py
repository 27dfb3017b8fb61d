"""Drift: unchanged photos are left alone, changed ones are told, and a new mix is told as a mix."""

import numpy as np
import pytest

from core.evaluation.drift import FALSE_ALARMS, Drift, PhotoSet, compare_photos, rank_drivers

COMPONENTS = [f"direction {number}" for number in range(20)]
PROPERTIES = ["brightness", "contrast"]
CLASSES = ["rose", "tulip", "daisy"]
MIDDLES = np.array([-2.0, 0.0, 2.0])
"""Of the classes: photos of different classes differ, as features do."""


def draw(rng: np.random.Generator, n: int, mix: tuple[float, ...] = (0.5, 0.3, 0.2)) -> PhotoSet:
    groups = rng.choice(3, size=n, p=mix)
    return PhotoSet(
        components=rng.normal(size=(n, 20)) + MIDDLES[groups][:, None],
        properties=rng.normal(size=(n, 2)),
        groups=groups,
    )


def compare(reference: PhotoSet, current: PhotoSet) -> Drift:
    return compare_photos(
        reference, current, classes=CLASSES, components=COMPONENTS, properties=PROPERTIES
    )


def test_unchanged_photos_are_seldom_called_changed() -> None:
    rng = np.random.default_rng(0)
    told = [bool(compare(draw(rng, 400), draw(rng, 150)).proven) for _ in range(100)]
    assert sum(told) <= 100 * FALSE_ALARMS + 3


def test_a_property_that_moved_is_told_with_its_size() -> None:
    rng = np.random.default_rng(1)
    current = draw(rng, 150)
    current.properties[:, 0] -= 1.5
    found = compare(draw(rng, 400), current)
    assert found.proven == ["properties"]
    row = found.columns.set_index("name").loc["brightness"]
    assert row["now"] < row["before"] - 1
    assert found.size("properties") == pytest.approx(row["distance"])
    assert found.size("features") == found.size("mix") == 0


def test_another_mix_of_classes_is_told_as_a_mix_and_as_nothing_else() -> None:
    rng = np.random.default_rng(2)
    found = compare(draw(rng, 600), draw(rng, 200, (0.1, 0.1, 0.8)))
    assert found.proven == ["mix"]
    assert found.size("mix") > 0.25


def test_what_changes_within_classes_is_told_though_the_mix_stays() -> None:
    rng = np.random.default_rng(3)
    current = draw(rng, 200)
    current.components[:, :4] += 1.0
    found = compare(draw(rng, 600), current)
    assert found.proven == ["features"]
    moved = found.columns.query("is_proven")["name"].tolist()
    assert moved == COMPONENTS[:4]


def test_the_photos_that_drive_it_are_found() -> None:
    rng = np.random.default_rng(4)
    reference, current = draw(rng, 600), draw(rng, 200)
    current.components[:60, :4] += 3.0
    pushes = rank_drivers(reference, current, compare(reference, current))
    assert (np.argsort(-pushes)[:50] < 60).mean() > 0.95
    assert pushes.shape == (200,)


def test_without_a_change_nothing_drives_it() -> None:
    rng = np.random.default_rng(5)
    reference, current = draw(rng, 300), draw(rng, 100)
    assert not rank_drivers(reference, current, compare(reference, current)).any()


def test_classes_that_the_reference_has_not_are_left_to_the_mix() -> None:
    rng = np.random.default_rng(6)
    reference = draw(rng, 300, (0.5, 0.5, 0.0))
    current = draw(rng, 80, (0.0, 0.0, 1.0))
    found = compare(reference, current)
    assert found.n == 80
    assert found.proven == ["mix"]
    assert not rank_drivers(reference, current, found).any()


def test_a_class_that_nobody_knows_hurts_nothing() -> None:
    rng = np.random.default_rng(7)
    current = draw(rng, 60)
    unknown = PhotoSet(
        components=current.components,
        properties=current.properties,
        groups=np.where(np.arange(60) < 5, -1, current.groups),
    )
    found = compare(draw(rng, 300), unknown)
    assert (found.n, found.mix.n) == (60, 55)
