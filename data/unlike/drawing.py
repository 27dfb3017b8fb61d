"""The whole set of drawn photos without a flower, the same bytes from the same seed."""

from dataclasses import dataclass

import numpy as np

from data.images import pack_photo
from data.sources.flowers.backgrounds import (
    Place,
    draw_bokeh,
    draw_grass,
    draw_leaves,
    draw_sky,
    draw_soil,
)
from data.sources.flowers.camera import develop_photo
from data.unlike import surfaces, things

DRAWN_VERSION = 1
"""To be raised when the photos change: what was measured on them is measured again."""

MOTIFS: dict[str, Place] = {
    "page": surfaces.draw_page,
    "screen": surfaces.draw_chart,
    "bricks": surfaces.draw_bricks,
    "cloth": surfaces.draw_cloth,
    "wood": surfaces.draw_wood,
    "noise": surfaces.draw_noise,
    "bare light": surfaces.draw_light,
    "night": surfaces.draw_lights,
    "face": things.draw_face,
    "cup": things.draw_cup,
    "car": things.draw_car,
    "house": things.draw_house,
    "room": things.draw_room,
    "animal": things.draw_animal,
    # The hardest: what stands behind flowers, without any.
    "grass": draw_grass,
    "leaves": draw_leaves,
    "sky": draw_sky,
    "soil": draw_soil,
    "blur": draw_bokeh,
}
"""Name of each motif → what draws it."""

PER_MOTIF = 8
_SIZE = (360, 300)


@dataclass(frozen=True, kw_only=True, eq=False)
class UnlikePhotos:
    """Photos that show none of the classes."""

    photos: np.ndarray
    """(n, 224, 224, 3) uint8 RGB, as a backbone sees them."""
    motifs: tuple[str, ...]
    """What each shows."""


def draw_unlike_photos(per_motif: int = PER_MOTIF, seed: int = 7) -> UnlikePhotos:
    """Returns `per_motif` photos of each motif, as a camera would give them.

    Args:
        per_motif: At least 1.
        seed: Everything random comes from it.
    """
    photos, motifs = [], []
    for place, (motif, draw) in enumerate(MOTIFS.items()):
        for number in range(per_motif):
            rng = np.random.default_rng((seed, place, number))
            photos.append(pack_photo(develop_photo(rng, draw(rng, _SIZE))))
            motifs.append(motif)
    return UnlikePhotos(photos=np.stack(photos), motifs=tuple(motifs))
