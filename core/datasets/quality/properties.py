"""The properties of photos that accuracy may depend on: light, colour, file, source, issues.

All are read from the manifest and, where it was made, from the quality analysis; nothing is
decoded.
"""

import numpy as np
import pandas as pd

from core.datasets.quality.store import QualityResult
from core.evaluation.slices import About, Property
from data.dataset import Dataset
from data.findings import ISSUES, Thresholds, find_issues

SOUND = "none"
"""The kind of a photo without any issue."""
_MEASURES: tuple[tuple[str, str, About, int], ...] = (
    ("brightness", "Brightness", "picture", 2),
    ("contrast", "Contrast", "picture", 3),
    ("sharpness", "Sharpness", "picture", 2),
    ("colourfulness", "Colourfulness", "colour", 0),
)
_HUES = ("red", "yellow", "green", "cyan", "blue", "magenta")
_WORDS = {"odd_shape": "odd shape"}
_OWN = ("dark", "bright", "blurred", "small", "odd_shape", "grey")
"""Issues that follow from measures that are properties themselves."""


def list_properties(
    dataset: Dataset, splits: np.ndarray, analysis: QualityResult | None = None
) -> dict[str, Property]:
    """Returns the properties of all photos of a dataset, by name.

    Args:
        dataset: Whose photos they are.
        splits: (n,) str, those of the run: where they were drawn anew, the dataset's own count as a
            property.
        analysis: The quality analysis of the dataset, or None.
    """
    manifest = dataset.manifest
    listed = [
        Property(
            name=name, label=label, values=_numbers(manifest[name]), about=about, digits=digits
        )
        for name, label, about, digits in _MEASURES
    ]
    listed += [_name_hues(manifest), *_measure_files(manifest), _find_sources(dataset)]
    if not np.array_equal(splits, dataset.splits):
        listed.append(
            Property(
                name="own_split", label="Split in the dataset", values=dataset.splits, about="file"
            )
        )
    listed.append(_name_issues(find_flags(manifest, analysis)))
    return {one.name: one for one in listed}


def find_flags(manifest: pd.DataFrame, analysis: QualityResult | None) -> pd.DataFrame:
    """Returns which photo has which issue, (n) rows of bool columns.

    Those of data.findings; after the quality analysis also leak, outlier and suspect.
    """
    if analysis is None:
        return find_issues(manifest)
    leaks = analysis.pairs[analysis.pairs["leak"].astype(bool)]
    return find_issues(manifest, pairs=analysis.pairs).assign(
        leak=np.isin(np.arange(len(manifest)), leaks[["a", "b"]].to_numpy()),
        outlier=analysis.photos["outlier"].to_numpy(dtype=bool),
        suspect=analysis.photos["suspect"].to_numpy(dtype=bool),
    )


def _numbers(column: pd.Series) -> np.ndarray:
    return np.asarray(column, dtype=np.float64)


def _name_hues(manifest: pd.DataFrame) -> Property:
    """Returns the sixth of the colour circle that the mean colour lies in, or grey."""
    hues = _numbers(manifest["hue"])
    names = np.array(_HUES)[((hues + 30) % 360 // 60).astype(np.int64) % len(_HUES)]
    grey = _numbers(manifest["colourfulness"]) < Thresholds().grey
    return Property(
        name="colour", label="Main colour", values=np.where(grey, "grey", names), about="colour"
    )


def _measure_files(manifest: pd.DataFrame) -> list[Property]:
    width, height = _numbers(manifest["width"]), _numbers(manifest["height"])
    return [
        Property(
            name="short_side",
            label="Short side",
            values=np.minimum(width, height),
            about="file",
            unit="px",
            digits=0,
        ),
        Property(name="shape", label="Width over height", values=width / height, about="file"),
        Property(
            name="file_size",
            label="File size",
            values=_numbers(manifest["bytes"]) / 1000,
            about="picture",  # photos of fine detail have large files
            unit="kB",
            digits=1,
        ),
        Property(
            name="format",
            label="File format",
            values=np.asarray(manifest["format"], dtype=np.str_),
            about="file",
        ),
    ]


def _find_sources(dataset: Dataset) -> Property:
    """Returns the folder that each photo came from, without the folder of its class."""
    folders = dataset.manifest["path"].str.rpartition("/")[0].str.split("/")
    names = dataset.manifest["class"]
    parts = [
        "/".join(part for part in folder if part != name) or "(no folder)"
        for folder, name in zip(folders, names, strict=True)
    ]
    return Property(name="source", label="Source folder", values=np.array(parts), about="file")


def _name_issues(flags: pd.DataFrame) -> Property:
    """Returns the first issue of each photo; what the findings rest on labels for comes first."""
    order = [name for name in ("suspect", "leak", "outlier", "duplicate", *ISSUES) if name in flags]
    named = np.full(len(flags), SOUND, dtype=object)
    for name in reversed(order):
        named[flags[name].to_numpy(dtype=bool)] = _WORDS.get(name, name)
    return Property(
        name="issue",
        label="First issue",
        values=named.astype(np.str_),
        about="issue",
        searched=False,
    )
