"""Grad-CAM for a head on pooled features: the places of a photo that raise the score of a class.

The feature is the mean of the last map over its places, so what a place adds to a logit is
its channels times the logit's gradient by the feature (over their number).
"""

import functools

import numpy as np
from PIL import Image

OCCLUDED = 9
"""Places of the grey square in a row and in a column."""
_GREY = 128
_LEAST = 1e-30
"""Scores below it count as this one."""
_STRENGTH = 0.65
"""Opacity of the strongest place of an overlay."""

# Dark violet, magenta, orange, yellow: lightness only rises, so it reads in grey too (after
# "inferno" of S. van der Walt and N. Smith, CC0).
_COLOURS = ((66, 10, 104), (147, 38, 103), (221, 81, 58), (252, 165, 10), (252, 255, 164))

_LUMA = (0.2126, 0.7152, 0.0722)


def measure_evidence(last_map: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Return what each place adds to the logit of each class, (c, h, w) float32, times h * w.

    Args:
        last_map: (h, w, d) float, of the photo.
        gradients: (c, d) float, of the logit of each class by the pooled feature.
    """
    evidence = last_map.astype(np.float64) @ gradients.astype(np.float64).T
    moved: np.ndarray = np.moveaxis(evidence, -1, 0).astype(np.float32)
    return moved


def scale_evidence(evidence: np.ndarray) -> np.ndarray:
    """Return the positive evidence for each class, (c, h, w) float32; 1 is its strongest place.

    Source:
        R. R. Selvaraju et al. (2017), Grad-CAM, arXiv:1610.02391, equations 1 and 2.
    """
    activations = np.maximum(evidence, 0.0)
    highest = activations.max(axis=(1, 2), keepdims=True, initial=0.0)
    scaled: np.ndarray = np.divide(
        activations, highest, out=np.zeros_like(activations, np.float32), where=highest > 0
    )
    return scaled


def draw_overlay(photo: np.ndarray, activation: np.ndarray) -> np.ndarray:
    """Return the photo in grey, coloured where the evidence is, (224, 224, 3) uint8 RGB.

    Args:
        activation: (h, w) float in [0, 1].
    """
    height, width = photo.shape[:2]
    small = Image.fromarray(np.asarray(activation, dtype=np.float32))
    large = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).clip(0.0, 1.0)
    levels = (255 * large).round().astype(np.uint8)
    colours, opacities = _make_table()
    opacity = (np.float32(_STRENGTH) * opacities)[levels][..., None]
    ground = (photo @ np.array(_LUMA)).round().astype(np.float32)[..., None]
    overlay: np.ndarray = (ground + (colours[levels] - ground) * opacity).round().astype(np.uint8)
    return overlay


def occlude_photo(photo: np.ndarray) -> np.ndarray:
    """Return the photo with a grey square at each place of a grid, (81, 224, 224, 3) uint8 RGB.

    A square has twice the side of a cell, so that no part lies between two squares.
    """
    covered, cell = np.repeat(photo[None], OCCLUDED**2, axis=0), len(photo) / OCCLUDED
    for number, one in enumerate(covered):
        top, left = (round(max(0.0, cell * (at - 0.5))) for at in divmod(number, OCCLUDED))
        bottom, right = (round(cell * (at + 1.5)) for at in divmod(number, OCCLUDED))
        one[top:bottom, left:right] = _GREY
    return covered


def measure_occlusion(scores: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Return how far a covered place lowers the logarithm of each score, (k, 9, 9) float32.

    Args:
        scores: (k,) of the photo.
        covered: (81, k) of `occlude_photo`.

    Source:
        M. D. Zeiler and R. Fergus (2014), arXiv:1311.2901, section 4.2.
    """
    whole, parts = (np.log(np.maximum(some, _LEAST)) for some in (scores, covered))
    drops: np.ndarray = (whole - parts).T.reshape(-1, OCCLUDED, OCCLUDED)
    return drops


@functools.cache
def _make_table() -> tuple[np.ndarray, np.ndarray]:
    """Return colour (256, 3) and opacity (256,) float32 of each level of activation."""
    levels = np.linspace(0.0, 1.0, 256)
    places = np.linspace(0.0, 1.0, len(_COLOURS))
    channels = [np.interp(levels, places, channel) for channel in zip(*_COLOURS, strict=True)]
    return np.stack(channels, axis=-1).astype(np.float32), np.sqrt(levels).astype(np.float32)


def draw_scale() -> np.ndarray:
    """Return the colours of an overlay from 0 to 1, left to right, (16, 240, 3) uint8 RGB."""
    colours, _ = _make_table()
    levels = np.linspace(0, 255, 240).round().astype(np.int64)
    return np.tile(colours[levels].round().astype(np.uint8), (16, 1, 1))
