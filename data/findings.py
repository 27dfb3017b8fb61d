"""Measures of a single photo (light, contrast, sharpness, colour) and the issues that they show.

The import measures all photos and stores the measures in the manifest. No photo is removed for an
issue.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


MEASURES = ("brightness", "contrast", "sharpness", "colourfulness", "hue")
"""Measures of one photo of 224 x 224 px.

brightness: mean luma, 0 (black) to 1 (white). contrast: standard deviation of the luma, 0 to 0.5.
sharpness: log10 of the variance of the Laplacian of the luma in 0..255, about -1 (flat) to 4.
colourfulness: 0 (grey) to about 150. hue: of the mean colour, weighted by chroma, in degrees 0..360
(red 0, green 120, blue 240).

Source: variance of the Laplacian as in Pech-Pacheco et al. 2000; colourfulness as in Hasler and
Süsstrunk 2003.
"""


def measure_photo(photo: np.ndarray) -> dict[str, float]:
    """Return the measures of a packed photo (224, 224, 3) uint8 RGB, by name."""
    colours = photo.astype(np.float32)
    luma = colours @ _LUMA
    red_green = colours[..., 0] - colours[..., 1]
    yellow_blue = (colours[..., 0] + colours[..., 1]) / 2 - colours[..., 2]
    spread = float(np.hypot(red_green.std(), yellow_blue.std()))
    offset_rg, offset_yb = float(red_green.mean()), float(yellow_blue.mean())
    # The two opponent axes span the plane of hues; on it red lies at 0 and green at 120 degrees.
    hue_y = float((colours[..., 1] - colours[..., 2]).mean()) * np.sqrt(3) / 2
    hue_x = float((colours[..., 0] - (colours[..., 1] + colours[..., 2]) / 2).mean())
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    laplacian = around - 4 * luma[1:-1, 1:-1]
    return {
        "brightness": float(luma.mean()) / 255,
        "contrast": float(luma.std()) / 255,
        "sharpness": float(np.log10(laplacian.var() + 0.1)),
        "colourfulness": spread + 0.3 * float(np.hypot(offset_rg, offset_yb)),
        "hue": float(np.degrees(np.arctan2(hue_y, hue_x))) % 360,
    }


ISSUES = ("dark", "bright", "blurred", "small", "odd_shape", "grey", "duplicate")


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The threshold of each issue.

    Each default flags less than 2 % of flower_photos and of Oxford 102; all were confirmed by eye.
    """

    dark: float = 0.12
    """Mean luma 0..1 below which a photo is dark."""
    bright: float = 0.80
    """Mean luma 0..1 above which a photo is bright."""
    blurred: float = 1.5
    """Sharpness (log10 of the variance of the Laplacian) below which a photo is blurred."""
    small: float = 96.0
    """Short side in pixels below which a photo is small: packing enlarges it more than twofold."""
    odd_shape: float = 2.0
    """Long side over short side above which a photo has an odd shape."""
    grey: float = 8.0
    """Colourfulness below which a photo is grey."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The measure behind an issue, and the span of its slider."""

    name: str
    """Name of the issue in `Thresholds` and in the columns of `find_issues`."""
    label: str
    worse: Literal["low", "high"]
    """The bad end of the measure."""
    lowest: float
    highest: float
    step: float
    unit: str = ""

    def is_beyond(self, values: np.ndarray, limit: float) -> np.ndarray:
        """Return which values are an issue, (n,) bool."""
        return np.asarray(values < limit if self.worse == "low" else values > limit)


MEASURED = (
    Measured(name="dark", label="Brightness", worse="low", lowest=0.0, highest=0.5, step=0.01),
    Measured(name="bright", label="Brightness", worse="high", lowest=0.5, highest=1.0, step=0.01),
    Measured(name="blurred", label="Sharpness", worse="low", lowest=-1.0, highest=4.0, step=0.05),
    Measured(
        name="small", label="Short side", worse="low", lowest=0, highest=500, step=1, unit="px"
    ),
    Measured(
        name="odd_shape", label="Long over short side", worse="high", lowest=1, highest=5, step=0.05
    ),
    Measured(name="grey", label="Colourfulness", worse="low", lowest=0, highest=60, step=1),
)


def find_issues(
    manifest: pd.DataFrame, thresholds: Thresholds | None = None, pairs: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the issues of all photos: (n) rows, a bool column for each of ISSUES.

    Args:
        pairs: From data.duplicates.find_pairs, so that “duplicate” includes equal pixels in
            different files; without pairs only equal files count.
    """
    limits = thresholds or Thresholds()
    flags: dict[str, np.ndarray] = {}
    for measured in MEASURED:
        values = measure_issue(manifest, measured.name)
        flags[measured.name] = measured.is_beyond(values, getattr(limits, measured.name))
    duplicate = manifest["sha256"].duplicated(keep=False).to_numpy(dtype=bool)
    if pairs is not None:
        exact = pairs[pairs["kind"] == "exact"]
        duplicate = duplicate.copy()
        duplicate[exact[["a", "b"]].to_numpy(dtype=np.int64).ravel()] = True
    return pd.DataFrame({**flags, "duplicate": duplicate}, columns=list(ISSUES))


def measure_issue(manifest: pd.DataFrame, issue: str) -> np.ndarray:
    """Return the measure behind an issue for each photo, (n,) float64; see MEASURED."""
    if issue in ("small", "odd_shape"):
        sides = manifest[["width", "height"]].to_numpy(dtype=np.float64)
        short, long = sides.min(axis=1), sides.max(axis=1)
        return np.asarray(short if issue == "small" else long / short)
    (column,) = (one.label.lower() for one in MEASURED if one.name == issue)
    return np.asarray(manifest[column], dtype=np.float64)
