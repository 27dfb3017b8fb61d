"""Daisy: many narrow ray florets, white, pink or yellow, around a small domed yellow disc."""

import numpy as np

from data.sources.flowers.leaves import grow_leaf, spoon
from data.sources.flowers.mesh import Curve, Mesh, blend, join_meshes, rgb
from data.sources.flowers.petals import Paint, round_tip, set_florets, spread_rays
from data.sources.flowers.species import Species, Spot

_PAINTS = {
    "white": Paint(base=rgb("e6ead8"), tip=rgb("f8f8f6"), veins=0.035, vary=0.03),
    "pink tips": Paint(base=rgb("f6f2f0"), tip=rgb("eba6c4"), veins=0.05, turn=0.75),
    "pink": Paint(base=rgb("f3c6d8"), tip=rgb("d9649c"), veins=0.06),
    "yellow": Paint(base=rgb("e0a010"), tip=rgb("f8d838"), veins=0.05),
    "lilac": Paint(base=rgb("d8c8ec"), tip=rgb("a688d0"), veins=0.05),
}


def _outline(u: Curve) -> Curve:
    return (0.42 + 0.58 * np.sin(np.pi * np.clip(u, 0, 1) * 0.62)) * (
        0.08 + 0.92 * round_tip(u, 0.8)
    )


def grow_daisy(rng: np.random.Generator, variety: str) -> Mesh:
    """Returns a bloom of a variety of `DAISY`."""
    paint = _PAINTS["yellow" if variety.startswith("yellow") else variety]
    disc = rng.uniform(0.22, 0.31)
    rays = int(rng.integers(20, 36))
    width = rng.uniform(0.95, 1.25) * 2.1 / rays
    rise, curl = rng.uniform(0.0, 0.35), rng.uniform(-0.55, 0.1)
    rows = []
    for row, share in enumerate((1.0, 0.96)):
        turn = (np.arange(rays) + row / 2) * 2 * np.pi / rays
        rows.append(
            spread_rays(
                rng,
                azimuth=turn + rng.normal(0, 0.05, rays),
                start=disc * 0.8,
                length=(1 - disc * 0.8) * share * rng.normal(1, 0.035, rays),
                half_width=width * rng.normal(1, 0.08, rays),
                outline=_outline,
                rise=rise + 0.12 * row + rng.normal(0, 0.06, rays),
                curl=curl + rng.normal(0, 0.12, rays),
                cup=rng.uniform(-0.9, 0.5),
                paint=paint,
                notch=0.03,
                height=0.02 * row,
            )
        )
    return join_meshes([*rows, _grow_disc(rng, disc)])


def _grow_disc(rng: np.random.Generator, radius: float) -> Mesh:
    young, ripe = rgb("b8b020"), rgb("f2b90c")
    return set_florets(
        rng,
        count=200,
        radius=radius,
        dome=radius * rng.uniform(0.3, 0.75),
        colour=lambda t: blend(young, ripe, t * 1.6 - 0.15) * (1 - 0.25 * t[:, None] ** 6),
        dimple=radius * 0.08,
    )


def grow_leaves(rng: np.random.Generator, top: Spot, foot: Spot, unit: float) -> list[Mesh]:
    """Returns a loose rosette of spoon-shaped leaves at the foot and small ones on the stem."""
    leaves = []
    for at in (*rng.uniform(0.3, 0.8, 2), *np.full(4, 1.0)):
        x, y = (a + (b - a) * at for a, b in zip(top, foot, strict=True))
        side, size = rng.choice([-1, 1]), unit * (0.9 if at == 1 else 0.6) * rng.uniform(0.7, 1.3)
        tip = (
            x + side * size * rng.uniform(0.6, 1.2),
            y - size * rng.uniform(0.1, 0.8),
            -unit * 0.6,
        )
        bend = (x + side * size * 0.4, y - size * 0.5, -unit * 0.7)
        colour = rgb("4c7a2c") * rng.uniform(0.75, 1.15)
        leaves.append(grow_leaf(rng, ((x, y, -unit * 0.8), bend, tip), size * 0.2, spoon, colour))
    return leaves


DAISY = Species(
    name="daisy",
    varieties={"white": 0.6, "pink tips": 0.14, "pink": 0.1, "yellow": 0.08, "lilac": 0.08},
    lookalikes={"yellow, small": "sunflower", "yellow, far": "dandelion"},
    bloom=grow_daisy,
    leaves=grow_leaves,
    tilt=(0, 58),
    stem=rgb("6b8f3a"),
    stem_width=0.075,
    stem_from=-0.06,
)
