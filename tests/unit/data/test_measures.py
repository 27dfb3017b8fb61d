"""Measures say what a person would say of photos made for the purpose."""

import numpy as np
import pytest
from PIL import ImageFilter

from data.findings import MEASURES, measure_photo
from tests.builders import draw_photo


def plain_photo(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((224, 224, 3), (red, green, blue), dtype=np.uint8)


@pytest.mark.parametrize(("shade", "expected"), [(0, 0.0), (51, 0.2), (255, 1.0)])
def test_brightness_is_the_mean_luma(shade: int, expected: float) -> None:
    measured = measure_photo(plain_photo(shade, shade, shade))
    assert measured["brightness"] == pytest.approx(expected, abs=1e-5)
    assert measured["contrast"] == pytest.approx(0, abs=1e-5)
    assert measured["colourfulness"] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("colour", "hue"),
    [
        ((255, 0, 0), 0),
        ((255, 255, 0), 60),
        ((0, 255, 0), 120),
        ((0, 255, 255), 180),
        ((0, 0, 255), 240),
        ((255, 0, 255), 300),
    ],
)
def test_hue_is_an_angle_on_the_colour_circle(colour: tuple[int, int, int], hue: float) -> None:
    measured = measure_photo(plain_photo(*colour))
    assert measured["hue"] == pytest.approx(hue, abs=0.1)
    assert measured["colourfulness"] > 40


def test_blur_lowers_sharpness_step_by_step() -> None:
    photo = draw_photo(0, 1).resize((224, 224))
    blurred = [np.asarray(photo.filter(ImageFilter.GaussianBlur(radius))) for radius in (0, 1, 3)]
    sharp, soft, softest = (measure_photo(each)["sharpness"] for each in blurred)
    assert sharp > soft + 0.2 > softest + 0.4
    assert measure_photo(plain_photo(9, 9, 9))["sharpness"] == pytest.approx(-1, abs=0.01)


def test_all_measures_are_there_and_finite() -> None:
    rng = np.random.default_rng(0)
    measured = measure_photo(rng.integers(0, 256, (224, 224, 3), dtype=np.uint8))
    assert tuple(measured) == MEASURES
    assert all(np.isfinite(value) for value in measured.values())
