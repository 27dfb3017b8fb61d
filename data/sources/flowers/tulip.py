"""Tulip: a cup of six broad petals on a stem, with long grey-green leaves that clasp it."""

import numpy as np

from data.sources.flowers.leaves import blade, grow_leaf
from data.sources.flowers.mesh import Curve, Mesh, blend, join_meshes, rgb
from data.sources.flowers.petals import Paint, disc_mesh, spread_rays, wrap_petal
from data.sources.flowers.species import Species, Spot

_COLOURS = {  # base, tip, edge
    "red": ("d8541c", "c8141e", "d42a28"),
    "yellow": ("e8b010", "f6cc1e", "f8dc50"),
    "pink": ("f4d8d0", "e0608c", "f0a4bc"),
    "purple": ("8a5090", "6a2070", "8c4890"),
    "white": ("e8ecc8", "f6f4ec", "fbfaf6"),
    "flamed": ("f0c020", "d03418", "f8c828"),
    "orange": ("f0b020", "ee6c14", "f49a34"),
}


def _outline(u: Curve) -> Curve:
    return np.sin(np.pi * (0.12 + 0.88 * np.clip(u, 0, 1)) ** 1.05) ** 0.62 * (1 - 0.12 * u) + 0.02


def grow_tulip(rng: np.random.Generator, variety: str) -> Mesh:
    """Returns a bloom of a variety of `TULIP`."""
    name, _, form = variety.partition(", ")
    opened = {"closed": 0.02, "wide open": 1.0}.get(form, rng.uniform(0.12, 0.6))
    base, tip, edge = (rgb(code) for code in _COLOURS[name])
    paint = Paint(base=base, tip=tip, edge=edge, veins=0.05, turn=rng.uniform(0.1, 0.3), vary=0.04)
    pointed = rng.uniform(0.10, 0.30)
    parts = [
        _grow_petal(rng, ring, number, opened, pointed, paint)
        for ring in (0, 1)
        for number in range(3)
    ]
    return join_meshes([*parts, _grow_stamens(rng)]).scaled(0.95)


def _grow_petal(
    rng: np.random.Generator, ring: int, number: int, opened: float, pointed: float, paint: Paint
) -> Mesh:
    """Returns one of three inner (ring 0) or three outer petals of the egg-shaped cup."""
    stand = opened * rng.uniform(0.8, 1.2) + 0.03 * ring
    wide = 0.50 + 0.10 * opened + 0.06 * ring
    tall = 1.45 - 0.25 * opened + rng.normal(0, 0.025)

    def radius(u: Curve) -> Curve:
        egg = np.sin(np.pi * (0.06 + 0.80 * u**0.72)) ** 0.75
        return wide * egg + stand * (0.42 * u**1.7 + 0.35 * np.clip(u - 0.8, 0, 1))

    def height(u: Curve) -> Curve:
        return tall * (u**1.15) * (1 - 0.16 * opened * u**2) - 0.7

    return wrap_petal(
        rng,
        azimuth=(number + ring / 2) * 2 * np.pi / 3 + rng.normal(0, 0.07),
        half_span=1.12 - 0.25 * opened,
        outline=_outline,
        radius=radius,
        height=height,
        paint=paint,
        rows=18,
        columns=18,
        spiral=0.03,
        flare=0.05,
        ripple=0.012 + 0.02 * opened,
        crown=pointed * 0.4,
        shade=0.15,
    )


def _grow_stamens(rng: np.random.Generator) -> Mesh:
    """Returns the dark base inside the cup, six stamens and the pistil."""
    stamens = spread_rays(
        rng,
        azimuth=np.arange(6) * np.pi / 3,
        start=0.1,
        length=0.42,
        half_width=0.035,
        outline=lambda u: np.where(u > 0.5, 1.0, 0.4),
        rise=1.2,
        curl=0.0,
        cup=0.2,
        paint=Paint(base=rgb("302018"), tip=rgb("1c1418")),
        height=-0.62,
    )
    pistil = spread_rays(
        rng,
        azimuth=np.arange(3) * 2 * np.pi / 3,
        start=0.0,
        length=0.45,
        half_width=0.06,
        outline=lambda u: 0.8 + 0.2 * u,
        rise=1.5,
        curl=-0.6,
        cup=0.2,
        paint=Paint(base=rgb("a8b060"), tip=rgb("d8d890")),
        height=-0.62,
    )
    return join_meshes([disc_mesh(0.3, 0.05, rgb("2c2420")).moved(0, 0, -0.62), stamens, pistil])


def grow_leaves(rng: np.random.Generator, top: Spot, foot: Spot, unit: float) -> list[Mesh]:
    """Returns two or three broad upright blades from the foot of the stem."""
    leaves = []
    tall = foot[1] - top[1]
    for number in range(int(rng.integers(2, 4))):
        side = (-1) ** number
        size = max(tall, unit * 1.5) * rng.uniform(0.7, 1.0)
        x, y = foot[0] + side * unit * 0.06, foot[1]
        tip = (x + side * unit * rng.uniform(0.5, 1.3), y - size, -unit * rng.uniform(-0.2, 0.7))
        bend = (x + side * unit * rng.uniform(0.1, 0.5), y - size * 0.55, -unit * 0.2)
        colour = blend(rgb("5c8450"), rgb("7c9c78"), rng.random()) * rng.uniform(0.8, 1.1)
        curve = ((x, y, -unit * 0.25), bend, tip)
        leaves.append(
            grow_leaf(
                rng, curve, unit * rng.uniform(0.3, 0.42), blade, colour, fold=0.8, veins=0.06
            )
        )
    return leaves


TULIP = Species(
    name="tulip",
    varieties={
        "red": 0.22,
        "yellow": 0.16,
        "pink": 0.18,
        "purple": 0.12,
        "white": 0.1,
        "flamed": 0.08,
        "orange": 0.08,
        "red, wide open": 0.03,
        "yellow, wide open": 0.03,
    },
    lookalikes={"red, closed": "rose", "pink, closed": "rose", "yellow, closed": "rose"},
    bloom=grow_tulip,
    leaves=grow_leaves,
    tilt=(52, 86),
    stem=rgb("7f9c5c"),
    stem_width=0.13,
    stem_from=-0.68,
    reach=0.78,
)
