"""What the scene needs to know of a kind of flower; each flower's module makes one `Species`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from data.sources.flowers.mesh import Floats, Mesh

Spot = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Species:
    """A kind of flower.

    Attributes:
        varieties: the usual colours and forms, each with its share of the photos.
        lookalikes: varieties that are honestly hard, each with the class it may be taken for.
        bloom: (rng, variety) -> a bloom around the origin, about one unit in radius.
        leaves: (rng, top, foot, unit) -> leaves in pixels along a stem from top to foot; `unit` is
            the bloom's radius in pixels.
        tilt: lowest and highest tilt of a bloom away from the viewer, degrees; `tilts`: of the
            varieties that are seen otherwise, such as buds.
        reach: size in the photo relative to other flowers.
        stem: colour; `stem_width` in units, `stem_from`: z at which it joins the bloom.
    """

    name: str
    varieties: Mapping[str, float]
    lookalikes: Mapping[str, str]
    bloom: Callable[[np.random.Generator, str], Mesh]
    leaves: Callable[[np.random.Generator, Spot, Spot, float], list[Mesh]]
    tilt: tuple[float, float]
    stem: Floats
    stem_width: float
    stem_from: float
    reach: float = 1.0
    tilts: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def draw_tilt(self, rng: np.random.Generator, variety: str) -> float:
        """Returns the tilt of one bloom, degrees."""
        return float(rng.uniform(*self.tilts.get(variety, self.tilt)))
