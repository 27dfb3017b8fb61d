"""What can be wrong with a photo by its own measures: dark, bright, blurred, small, odd, grey.

Findings are hints for a person, sorted worst first; nothing is ever removed because of one. All of
it is read from the manifest, so that a threshold can be moved and the answer is there at once.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

ISSUES = ("dark", "bright", "blurred", "small", "odd_shape", "grey", "duplicate")


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Where a measure becomes an issue; each is named like its issue.

    Each default flags less than 2 % of flower_photos and of Oxford 102, set where a look at the
    photos agrees with them.
    """

    dark: float = 0.12
    """Mean luma 0..1 below which a photo is dark."""
    bright: float = 0.80
    """Mean luma 0..1 above which a photo is bright."""
    blurred: float = 1.5
    """Sharpness (log10 of the variance of the Laplacian) below which a photo is blurred."""
    small: float = 96.0
    """Short side in pixels below which a photo is small: it is enlarged more than twofold."""
    odd_shape: float = 2.0
    """Long side over short side above which a photo has an odd shape."""
    grey: float = 8.0
    """Colourfulness below which a photo is grey."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How the measure behind an issue is read, and the span of its slider."""

    name: str
    """Of the issue, as in `Thresholds` and in the columns of `find_issues`."""
    label: str
    worse: Literal["low", "high"]
    """Which end of the measure is the bad one."""
    lowest: float
    highest: float
    step: float
    unit: str = ""


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
    manifest: pd.DataFrame,
    thresholds: Thresholds | None = None,
    pairs: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Returns which photo has which issue: (n) rows, a bool column for each of ISSUES.

    Args:
        manifest: Of a dataset.
        thresholds: None: the defaults.
        pairs: Of data.duplicates.find_pairs. With them “duplicate” is also a photo whose file
            differs but whose pixels are equal to another's; without them the digest decides.
    """
    limits = thresholds or Thresholds()
    flags: dict[str, np.ndarray] = {}
    for measured in MEASURED:
        values, limit = measure_issue(manifest, measured.name), getattr(limits, measured.name)
        flags[measured.name] = values < limit if measured.worse == "low" else values > limit
    duplicate = manifest["sha256"].duplicated(keep=False).to_numpy(dtype=bool)
    if pairs is not None:
        exact = pairs[pairs["kind"] == "exact"]
        duplicate = duplicate.copy()
        duplicate[exact[["a", "b"]].to_numpy(dtype=np.int64).ravel()] = True
    return pd.DataFrame({**flags, "duplicate": duplicate}, columns=list(ISSUES))


def measure_issue(manifest: pd.DataFrame, issue: str) -> np.ndarray:
    """Returns the measure behind an issue for each photo, (n,) float64; see MEASURED."""
    if issue in ("small", "odd_shape"):
        sides = manifest[["width", "height"]].to_numpy(dtype=np.float64)
        short, long = sides.min(axis=1), sides.max(axis=1)
        return np.asarray(short if issue == "small" else long / short)
    columns = {
        "dark": "brightness",
        "bright": "brightness",
        "blurred": "sharpness",
        "grey": "colourfulness",
    }
    return np.asarray(manifest[columns[issue]], dtype=np.float64)


def list_worst(manifest: pd.DataFrame, issue: str) -> np.ndarray:
    """Returns all photo numbers (n,) int64, the worst by the issue's measure first."""
    values = measure_issue(manifest, issue)
    worse = {measured.name: measured.worse for measured in MEASURED}[issue]
    return np.argsort(values if worse == "low" else -values, kind="stable")
