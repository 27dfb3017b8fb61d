"""Sunflower: a large brown disc of seeds in golden-angle spirals and pointed yellow rays."""

import numpy as np

from data.sources.flowers.leaves import grow_leaf, heart
from data.sources.flowers.mesh import Curve, Floats, Mesh, blend, join_meshes, rgb
from data.sources.flowers.petals import Paint, set_florets, spread_rays
from data.sources.flowers.species import Species, Spot

_PAINTS = {
    "golden": Paint(base=rgb("e08a06"), tip=rgb("f8c614"), veins=0.07, turn=0.25),
    "lemon": Paint(base=rgb("e8bc20"), tip=rgb("f8e258"), veins=0.06, turn=0.3),
    "orange": Paint(base=rgb("b84a08"), tip=rgb("f09a10"), veins=0.08, turn=0.35),
    "rust": Paint(base=rgb("4a1208"), tip=rgb("b4481a"), veins=0.10, turn=0.6),
}
_SEPAL = Paint(base=rgb("5a7c2a"), tip=rgb("7c9c3c"), veins=0.05)


def _outline(u: Curve) -> Curve:
    return 0.35 * (1 - u) + np.sin(np.pi * np.clip(u, 0, 1) ** 0.85) ** 0.85


def grow_sunflower(rng: np.random.Generator, variety: str) -> Mesh:
    """Returns a bloom of a variety of `SUNFLOWER`."""
    name, _, form = variety.partition(", ")
    paint = _PAINTS[name]
    disc = rng.uniform(0.27, 0.31) if form == "small disc" else rng.uniform(0.40, 0.52)
    rays = int(rng.integers(19, 26))
    rise, curl = rng.uniform(0.05, 0.45), rng.uniform(-0.6, 0.35)
    parts = [_grow_sepals(rng, disc)]
    for row, share in enumerate((1.0, 0.92)):
        parts.append(
            spread_rays(
                rng,
                azimuth=(np.arange(rays) + row / 2) * 2 * np.pi / rays + rng.normal(0, 0.06, rays),
                start=disc * 0.9,
                length=(1 - disc * 0.9) * share * rng.normal(1, 0.06, rays),
                half_width=2.6 / rays * rng.normal(1, 0.1, rays),
                outline=_outline,
                rise=rise + 0.18 * row + rng.normal(0, 0.10, rays),
                curl=curl + rng.normal(0, 0.22, rays),
                cup=rng.uniform(0.3, 1.0),
                paint=paint,
                columns=6,
                rows=9,
                height=0.02 * row,
            )
        )
    return join_meshes([*parts, _grow_disc(rng, disc, green=form == "small disc")])


def _grow_sepals(rng: np.random.Generator, disc: float) -> Mesh:
    sepals = 16
    return spread_rays(
        rng,
        azimuth=np.arange(sepals) * 2 * np.pi / sepals,
        start=disc * 0.8,
        length=0.42,
        half_width=0.1,
        outline=_outline,
        rise=0.0,
        curl=-0.3,
        cup=0.4,
        paint=_SEPAL,
        height=-0.06,
        rows=5,
        columns=4,
    )


def _grow_disc(rng: np.random.Generator, radius: float, *, green: bool) -> Mesh:
    """Returns the disc: closed florets in the middle, dark ripe ones, then a ring of pollen."""
    heart_colour = rgb("8a8a3a") if green else blend(rgb("6b6a2c"), rgb("4a2c14"), rng.random())
    dark, pollen = rgb("3a1d0c"), rgb("b8741a") * rng.uniform(0.6, 1.1)
    middle, ring = rng.uniform(0.3, 0.5), rng.uniform(0.72, 0.86)

    def colour(t: Curve) -> Floats:
        inner = blend(heart_colour, dark, (t - middle) / 0.18 + 0.5)
        return blend(inner, pollen, (t - ring) / 0.1 + 0.5) * (1 - 0.45 * (t[:, None] > 0.96))

    return set_florets(
        rng,
        count=440,
        radius=radius,
        dome=radius * rng.uniform(0.08, 0.30),
        colour=colour,
        bump=1.0,
        dimple=radius * rng.uniform(0.0, 0.12),
    )


def grow_leaves(rng: np.random.Generator, top: Spot, foot: Spot, unit: float) -> list[Mesh]:
    """Returns large heart-shaped leaves along the stem."""
    leaves = []
    for number, at in enumerate(rng.uniform(0.3, 0.95, 3)):
        x, y = (a + (b - a) * at for a, b in zip(top, foot, strict=True))
        side, size = (-1) ** number, unit * rng.uniform(0.9, 1.5)
        tip = (
            x + side * size * rng.uniform(0.7, 1.1),
            y + size * rng.uniform(-0.5, 0.5),
            -unit * 0.3,
        )
        bend = (x + side * size * 0.5, y - size * rng.uniform(0.1, 0.4), -unit * 0.2)
        start = (x + side * unit * 0.1, y, -unit * 0.4)
        colour = rgb("4a7a2a") * rng.uniform(0.7, 1.1)
        leaves.append(grow_leaf(rng, (start, bend, tip), size * 0.48, heart, colour, fold=0.25))
    return leaves


SUNFLOWER = Species(
    name="sunflower",
    varieties={"golden": 0.6, "lemon": 0.18, "orange": 0.16, "rust": 0.06},
    lookalikes={"lemon, small disc": "daisy", "golden, small disc": "daisy"},
    bloom=grow_sunflower,
    leaves=grow_leaves,
    tilt=(0, 50),
    stem=rgb("6f8c3c"),
    stem_width=0.16,
    stem_from=-0.12,
    reach=1.12,
)
