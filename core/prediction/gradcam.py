"""Grad-CAM for a head on pooled features: which places of a photo spoke for a class.

The feature is the mean of the last map over its 7 by 7 places. So the gradient of a logit by the
map is, at every place, the gradient by the feature (over 49), and what a place adds to the logit is
its 2048 channels times that gradient. With a linear head the mean of this over the places is the
logit itself, but for a constant.
"""

import numpy as np
from PIL import Image

# Dark violet, magenta, orange, yellow: lightness only rises, so it reads in grey too (after
# "inferno" of S. van der Walt and N. Smith, CC0).
_COLOURS = ((66, 10, 104), (147, 38, 103), (221, 81, 58), (252, 165, 10), (252, 255, 164))

_LUMA = (0.2126, 0.7152, 0.0722)


def class_activation(last_map: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Returns what spoke for a class, (7, 7) float32 in [0, 1]; all 0 when no place did.

    Args:
        last_map: (7, 7, 2048) float, of the photo.
        gradient: (2048,) float, of the logit of the class by the pooled feature.

    Source:
        R. R. Selvaraju et al. (2017), Grad-CAM, arXiv:1610.02391, equations 1 and 2.
    """
    activation = np.maximum(last_map.astype(np.float64) @ gradient.astype(np.float64), 0.0)
    highest = activation.max()
    if highest > 0:
        activation /= highest
    return activation.astype(np.float32)


def draw_overlay(photo: np.ndarray, activation: np.ndarray, strength: float = 0.65) -> np.ndarray:
    """Returns the photo in grey, coloured where it spoke for the class, (224, 224, 3) uint8 RGB.

    Grey, because colour on colour cannot be told from a yellow flower.

    Args:
        photo: (224, 224, 3) uint8 RGB.
        activation: (7, 7) float in [0, 1].
        strength: Opacity of the colour where the activation is 1, in [0, 1].
    """
    height, width = photo.shape[:2]
    small = Image.fromarray(np.asarray(activation, dtype=np.float32))
    large = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).clip(0.0, 1.0)
    places = np.linspace(0.0, 1.0, len(_COLOURS))
    channels = [np.interp(large, places, channel) for channel in zip(*_COLOURS, strict=True)]
    grey = (photo @ np.array(_LUMA))[..., None]
    opacity = strength * np.sqrt(large)[..., None]
    mixed = grey * (1.0 - opacity) + np.stack(channels, axis=-1) * opacity
    overlay: np.ndarray = mixed.round().astype(np.uint8)
    return overlay
