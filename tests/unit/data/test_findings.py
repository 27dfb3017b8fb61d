"""What a photo alone tells: measures of simple pictures, and issues by thresholds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from core.workspace import Workspace
from data.dataset import Dataset
from data.findings import (
    ISSUES,
    MEASURED,
    MEASURES,
    find_issues,
    measure_issue,
    measure_photo,
)
from data.importing import import_source
from tests.builders import draw_photo, encode_photo

FAULTS = ("dark", "bright", "blurred", "small", "odd_shape", "grey")


def draw_fault(fault: str) -> Image.Image:
    photo = draw_photo(1, 1, (300, 240))
    match fault:
        case "dark":
            return ImageEnhance.Brightness(photo).enhance(0.15)
        case "bright":
            return Image.blend(photo, Image.new("RGB", photo.size, "white"), 0.85)
        case "blurred":
            return photo.filter(ImageFilter.GaussianBlur(12))
        case "small":
            return draw_photo(1, 2, (90, 70))
        case "odd_shape":
            return draw_photo(1, 3, (600, 200))
        case _:
            return photo.convert("L").convert("RGB")


@pytest.fixture
def faulty(workspace: Workspace, tmp_path: Path) -> Dataset:
    """A dataset of good photos and one photo for each fault, named by it."""
    for name in ("daisy", "rose"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    for number in range(8):
        content = encode_photo(draw_photo(1, 10 + number, (300, 240)))
        (tmp_path / "photos" / "daisy" / f"good_{number}.jpg").write_bytes(content)
    for fault in FAULTS:
        content = encode_photo(draw_fault(fault))
        (tmp_path / "photos" / "rose" / f"{fault}.jpg").write_bytes(content)
    return import_source(workspace, tmp_path / "photos")


def test_each_fault_is_seen_where_it_is(faulty: Dataset) -> None:
    issues = find_issues(faulty.manifest)
    assert tuple(issues.columns) == ISSUES
    assert issues.to_numpy().dtype == np.bool_
    stems = faulty.manifest["path"].map(lambda path: Path(path).stem)
    good = stems.str.startswith("good").to_numpy()
    assert not issues[good].to_numpy().any()
    for fault in FAULTS:
        assert issues.loc[(stems == fault).to_numpy(), fault].all(), fault


def test_sliders_span_their_thresholds() -> None:
    assert list(MEASURED) == list(FAULTS)
    for measured in MEASURED.values():
        assert measured.lowest < measured.threshold < measured.highest


def test_shape_is_the_same_upright_and_lying() -> None:
    manifest = pd.DataFrame({"width": [300, 100], "height": [100, 300]})
    assert measure_issue(manifest, "odd_shape").tolist() == [3, 3]
    assert measure_issue(manifest, "small").tolist() == [100, 100]


def test_duplicates_by_digest_and_by_pixels(faulty: Dataset) -> None:
    manifest = faulty.manifest.copy()
    manifest.loc[3, "sha256"] = manifest.loc[1, "sha256"]
    assert np.flatnonzero(find_issues(manifest)["duplicate"]).tolist() == [1, 3]
    pairs = pd.DataFrame({"a": [1, 0, 2], "b": [3, 5, 4], "kind": ["exact", "exact", "near"]})
    found = find_issues(manifest, pairs=pairs)["duplicate"]
    assert np.flatnonzero(found).tolist() == [0, 1, 3, 5]


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
