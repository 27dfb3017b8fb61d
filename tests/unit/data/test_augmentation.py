"""What augmentation does to a photo: the right thing, the same thing anywhere, and only once."""

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.augmentation import augment, augment_part, draw_parts
from data.policy import LIMITS, PRESETS, AugmentationPolicy, Part

ROOT = Path(__file__).resolve().parents[3]
BUSY = [name for name in PRESETS if name != "none"]


def make_photo(seed: int = 0) -> np.ndarray:
    """Return a smooth colourful (224, 224, 3) photo, unlike itself under any change."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (8, 8, 3)).astype(np.float64)
    places = np.linspace(0, 7, 224)
    rows = np.stack(
        [np.interp(places, range(8), coarse[:, i, c]) for i in range(8) for c in (0, 1, 2)]
    )
    rows = rows.reshape(8, 3, 224)
    smooth = np.empty((224, 224, 3))
    for channel in range(3):
        for row in range(224):
            smooth[row, :, channel] = np.interp(places, range(8), rows[:, channel, row])
    return smooth.astype(np.uint8)


PHOTO = make_photo()


def always(low: float, high: float | None = None, probability: float = 1) -> Part:
    return Part(low=low, high=low if high is None else high, probability=probability)


def draw(policy: AugmentationPolicy, number: int = 0, seed: int = 0) -> np.ndarray:
    return augment(PHOTO, policy, seed=seed, photo_id="a1", draw=number)


def digest_draws(policy: AugmentationPolicy, numbers: list[int]) -> str:
    return hashlib.sha256(b"".join(draw(policy, n).tobytes() for n in numbers)).hexdigest()


def test_a_policy_that_does_nothing_returns_the_photo_itself() -> None:
    assert draw(PRESETS["none"]) is PHOTO
    assert draw(replace(PRESETS["strong"], pick=0)) is PHOTO


@pytest.mark.parametrize("name", BUSY)
def test_a_draw_is_a_photo_and_leaves_its_photo_alone(name: str) -> None:
    photo = PHOTO.copy()
    photo.setflags(write=False)
    drawn = augment(photo, PRESETS[name], seed=1, photo_id="a1", draw=3)
    assert drawn.shape == photo.shape
    assert drawn.dtype == np.uint8
    assert (photo == PHOTO).all()
    assert (drawn != PHOTO).any()


@pytest.mark.parametrize("name", BUSY)
def test_the_same_draw_in_any_order_and_thread(name: str) -> None:
    policy = PRESETS[name]
    forward = [draw(policy, number) for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda number: draw(policy, number), reversed(range(12))))
    for one, other in zip(forward, reversed(threaded), strict=True):
        assert (one == other).all()


def test_the_same_draw_in_another_process() -> None:
    script = (
        "from tests.unit.data.test_augmentation import digest_draws\n"
        "from data.policy import PRESETS\n"
        "print(digest_draws(PRESETS['strong'], [5, 2, 9]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == digest_draws(PRESETS["strong"], [5, 2, 9])


def test_seed_photo_and_draw_each_change_the_draw() -> None:
    policy = PRESETS["gentle"]
    first = draw(policy)
    assert (draw(policy, number=1) != first).any()
    assert (draw(policy, seed=1) != first).any()
    assert (augment(PHOTO, policy, seed=0, photo_id="a2", draw=0) != first).any()


def test_turning_one_part_up_leaves_the_others_as_they_were() -> None:
    policy = PRESETS["strong"]
    wilder = replace(policy, rotation=always(-90, 90), blur=Part(), noise=always(5, 40))
    for number in range(20):
        before = draw_parts(policy, seed=0, photo_id="a1", draw=number)
        after = draw_parts(wilder, seed=0, photo_id="a1", draw=number)
        assert after["rotation"].amount == pytest.approx(before["rotation"].amount * 90 / 40)
        for name in before.keys() - {"rotation", "blur", "noise"}:
            assert after[name] == before[name]


def test_amounts_fill_their_range_and_happen_as_often_as_they_should() -> None:
    policy = PRESETS["strong"]
    draws = [draw_parts(policy, seed=0, photo_id="a1", draw=number) for number in range(3000)]
    for name, part in policy.parts.items():
        amounts = np.array([drawn[name].amount for drawn in draws if name in drawn])
        assert len(amounts) / len(draws) == pytest.approx(part.probability, abs=0.04)
        assert part.low <= amounts.min() <= amounts.max() <= part.high
        if part.low < part.high:
            span = part.high - part.low
            assert amounts.mean() == pytest.approx((part.low + part.high) / 2, abs=0.04 * span)


def test_randaugment_picks_so_many_evenly() -> None:
    policy = PRESETS["randaugment"]
    draws = [draw_parts(policy, seed=0, photo_id="a1", draw=number) for number in range(3000)]
    assert {len(drawn) for drawn in draws} == {3}
    expected = 3 / len(policy.parts)
    for name in policy.parts:
        share = sum(name in drawn for drawn in draws) / len(draws)
        assert share == pytest.approx(expected, abs=0.04)


def test_mirrors_are_exact() -> None:
    assert (augment_part(PHOTO, "horizontal_flip", 1) == PHOTO[:, ::-1]).all()
    assert (augment_part(PHOTO, "vertical_flip", 1) == PHOTO[::-1]).all()
    assert (augment_part(PHOTO, "vertical_flip", 0) == PHOTO).all()


def test_right_angles_are_exact_and_clockwise() -> None:
    assert (augment_part(PHOTO, "rotation", 90) == np.rot90(PHOTO, -1)).all()
    assert (augment_part(PHOTO, "rotation", 180) == PHOTO[::-1, ::-1]).all()


def test_a_shift_moves_right_and_mirrors_the_edge() -> None:
    moved = augment_part(PHOTO, "width_shift", 28 / 224)
    assert (moved[:, 28:] == PHOTO[:, :-28]).all()
    assert (moved[:, :28] == PHOTO[:, :28][:, ::-1]).all()
    moved = augment_part(PHOTO, "height_shift", -28 / 224)
    assert (moved[:-28] == PHOTO[28:]).all()


def test_geometry_is_interpolated_once() -> None:
    policy = AugmentationPolicy(
        rotation=always(90), width_shift=always(0.25), vertical_flip=always(1), zoom=always(1)
    )
    expected = np.roll(np.rot90(PHOTO[::-1], -1), 56, axis=1)
    assert (draw(policy)[:, 56:] == expected[:, 56:]).all()  # exact: nothing was blurred between
    there_and_back = AugmentationPolicy(zoom=always(2), scale=always(0.5))
    assert (draw(there_and_back) == PHOTO).all()


def test_zoom_and_crop_show_the_middle_larger() -> None:
    middle = PHOTO[56:168, 56:168].astype(np.float64)
    for name, amount in (("zoom", 2.0), ("random_crop", 0.5)):
        larger = augment_part(PHOTO, name, amount)
        small = larger.reshape(112, 2, 112, 2, 3).mean(axis=(1, 3))
        assert np.abs(small - middle).mean() < 2


def test_far_outside_there_are_still_mirrors() -> None:
    extreme = AugmentationPolicy(
        rotation=always(45),
        zoom=always(0.5),
        scale=always(0.5),
        shear=always(45),
        width_shift=always(0.5),
        height_shift=always(-0.5),
    )
    drawn = draw(extreme)
    assert np.abs(drawn.mean(axis=(0, 1)) - PHOTO.mean(axis=(0, 1))).max() < 30
    assert (drawn.max(axis=2) == 0).mean() < 0.01  # no black corners


def test_colour_parts_do_what_they_say() -> None:
    photo = np.clip(PHOTO, 40, 120)
    assert np.abs(augment_part(photo, "brightness", 2) - 2.0 * photo).max() <= 1
    grey = augment_part(photo, "saturation", 0)
    assert (grey.max(axis=2) - grey.min(axis=2)).max() <= 1
    flat = augment_part(photo, "contrast", 0.1)
    assert flat.std() < 0.2 * photo.std()
    red = np.full((8, 8, 3), (200, 20, 20), np.uint8)
    turned = augment_part(red, "hue", 120)
    assert np.abs(turned.astype(int) - (20, 200, 20)).max() <= 1
    even = np.full((8, 8, 3), 90, np.uint8)
    for name in ("saturation", "hue", "contrast"):
        assert np.abs(augment_part(even, name, LIMITS[name].most).astype(int) - 90).max() <= 1


@pytest.mark.parametrize("name", LIMITS)
def test_the_neutral_amount_changes_nothing(name: str) -> None:
    same = augment_part(PHOTO, name, LIMITS[name].neutral)
    assert np.abs(same.astype(int) - PHOTO).max() <= 1


def test_noise_has_its_deviation_and_differs_between_draws() -> None:
    policy = AugmentationPolicy(noise=always(20))
    grey = np.full((224, 224, 3), 128, np.uint8)
    first, second = (
        augment(grey, policy, seed=0, photo_id="a1", draw=number).astype(int) - 128
        for number in (0, 1)
    )
    assert first.std() == pytest.approx(20, rel=0.02)
    assert abs(first.mean()) < 0.3
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


def test_a_cutout_covers_its_square_wherever_it_lies() -> None:
    policy = AugmentationPolicy(cutout=always(0.5))
    black = np.zeros((224, 224, 3), np.uint8)
    corners = set()
    for number in range(10):
        rows, columns = np.nonzero(
            augment(black, policy, seed=0, photo_id="a1", draw=number).any(axis=2)
        )
        assert len(rows) == 112 * 112
        corners.add((rows.min(), columns.min()))
    assert len(corners) == 10


def test_blur_smooths_only() -> None:
    rough = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    assert augment_part(rough, "blur", 3).std() < 0.2 * rough.std()


@pytest.mark.parametrize("shape", [(224, 224), (112, 224), (64, 48)])
def test_any_size_keeps_its_shape(shape: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for number in range(5):
        drawn = augment(photo, PRESETS["strong"], seed=0, photo_id="a1", draw=number)
        assert drawn.shape == photo.shape
