"""What a camera adds: focus, exposure, colour of the light, vignette and grain."""

import numpy as np
from PIL import Image, ImageFilter

from data.sources.flowers.mesh import Floats


def soften_layer(layer: Image.Image, radius: float) -> Image.Image:
    """Returns a premultiplied layer out of focus by a blur of `radius` pixels."""
    return layer.filter(ImageFilter.GaussianBlur(radius)) if radius > 0.25 else layer


def lay_over(photo: Image.Image, layer: Image.Image) -> Image.Image:
    """Returns the RGB photo with a premultiplied layer in front of it."""
    front = np.asarray(layer, np.uint16)
    behind = np.asarray(photo, np.uint16)
    mixed = front[..., :3] + (behind * (255 - front[..., 3:]) + 127) // 255
    return Image.fromarray(np.minimum(mixed, 255).astype(np.uint8), "RGB")


def develop_photo(rng: np.random.Generator, photo: Image.Image) -> Image.Image:
    """Returns the photo as a camera would give it: exposed, tinted, vignetted, slightly grainy."""
    pixels = np.asarray(photo, np.float32) / 255
    height, width = pixels.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] ** 2
    corner = 1 - np.float32(rng.uniform(0, 0.22)) * (x + y)
    exposure = np.exp(rng.normal(0.07, 0.11))
    warmth = rng.normal(0, 0.035)
    balance = np.array([1 + warmth, 1.0, 1 - warmth], np.float32) * np.float32(exposure)
    pixels = pixels * corner[..., None] * balance
    grey = pixels @ np.full((3, 1), 1 / 3, np.float32)
    pixels = grey + (pixels - grey) * np.float32(rng.uniform(0.78, 1.0))
    contrast = np.float32(rng.uniform(0.92, 1.15))
    pixels = (pixels - 0.4) * contrast + 0.4
    grain = rng.standard_normal((height, width, 1), np.float32) * np.float32(
        rng.uniform(0.003, 0.013)
    )
    pixels = np.clip((_bend_highlights(pixels) + grain) * 255, 0, 255)
    return Image.fromarray(pixels.astype(np.uint8), "RGB")


def _bend_highlights(pixels: Floats) -> Floats:
    """Returns brightness bent to stay below 1, as film does: white petals keep shades."""
    knee = np.float32(0.72)
    over = np.maximum(pixels - knee, 0)
    bent: Floats = np.minimum(pixels, knee) + over / (1 + over / (1 - knee))
    return bent
