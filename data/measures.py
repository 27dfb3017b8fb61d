"""What can be measured on a packed photo alone: light, contrast, sharpness, colour.

Measured once, at import, and kept in the manifest, so that pages sort and filter by them at once.
"""

from dataclasses import asdict, dataclass

import numpy as np

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Measures of one photo of 224 x 224 px.

    `brightness`: mean luma, 0 (black) to 1 (white). `contrast`: standard deviation of the luma, 0
    to 0.5. `sharpness`: log10 of the variance of the Laplacian of the luma in 0..255, about -1
    (flat) to 4. `colourfulness`: 0 (grey) to about 150. `hue`: of the mean colour, weighted by
    chroma, in degrees 0..360 (red 0, green 120, blue 240).

    Source: variance of the Laplacian as in Pech-Pacheco et al. 2000; colourfulness as in Hasler and
    Süsstrunk 2003.
    """

    brightness: float
    contrast: float
    sharpness: float
    colourfulness: float
    hue: float


MEASURES = tuple(Measures.__annotations__)


def measure_photo(photo: np.ndarray) -> dict[str, float]:
    """Returns the measures of a packed photo (224, 224, 3) uint8 RGB, by name."""
    colours = photo.astype(np.float32)
    luma = colours @ _LUMA
    red_green = colours[..., 0] - colours[..., 1]
    yellow_blue = (colours[..., 0] + colours[..., 1]) / 2 - colours[..., 2]
    spread = float(np.hypot(red_green.std(), yellow_blue.std()))
    offset_rg, offset_yb = float(red_green.mean()), float(yellow_blue.mean())
    # The two opponent axes span the plane of hues; on it red lies at 0 and green at 120 degrees.
    hue_y = float((colours[..., 1] - colours[..., 2]).mean()) * np.sqrt(3) / 2
    hue_x = float((colours[..., 0] - (colours[..., 1] + colours[..., 2]) / 2).mean())
    return asdict(
        Measures(
            brightness=float(luma.mean()) / 255,
            contrast=float(luma.std()) / 255,
            sharpness=float(np.log10(_laplacian(luma).var() + 0.1)),
            colourfulness=spread + 0.3 * float(np.hypot(offset_rg, offset_yb)),
            hue=float(np.degrees(np.arctan2(hue_y, hue_x))) % 360,
        )
    )


def _laplacian(luma: np.ndarray) -> np.ndarray:
    """Returns (222, 222), the sum of the four neighbours less four times the middle."""
    edges = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return np.asarray(edges - 4 * luma[1:-1, 1:-1])
