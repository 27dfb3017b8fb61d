"""Rose: a spiral of broad overlapping petals, tight in the heart and rolled back at the rim."""

import numpy as np

from data.sources.flowers.leaves import grow_leaf, serrate
from data.sources.flowers.mesh import Curve, Mesh, blend, join_meshes, rgb
from data.sources.flowers.petals import GOLDEN_ANGLE, Paint, round_tip, spread_rays, wrap_petal
from data.sources.flowers.species import Species, Spot

_COLOURS = {  # heart, rim, edge
    "red": ("7c0a18", "c01c2c", "d0364a"),
    "crimson": ("5a0414", "940c24", "a81c34"),
    "pink": ("e0486c", "f494a8", "fac0ca"),
    "white": ("e4dcae", "f4f0e6", "fbf9f4"),
    "yellow": ("f0a820", "fbda50", "fcea98"),
    "apricot": ("e07830", "f4b078", "f8c8a0"),
}
_SEPAL = Paint(base=rgb("4e6c2c"), tip=rgb("6e8c44"), veins=0.05)


def _full(u: Curve) -> Curve:
    return (0.55 + 0.45 * np.clip(u / 0.45, 0, 1)) * (0.15 + 0.85 * round_tip(u, 0.62))


def grow_rose(rng: np.random.Generator, variety: str) -> Mesh:
    """Returns a bloom of a variety of `ROSE`."""
    name, _, form = variety.partition(", ")
    opened = 0.10 if form == "bud" else rng.uniform(0.45, 1.0)
    petals = 12 if form == "bud" else int(rng.integers(18, 34))
    heart, rim, edge = (rgb(code) for code in _COLOURS[name])
    parts = []
    for number in range(petals):
        t = number / (petals - 1)  # 0 the heart, 1 the outermost petal
        colour = blend(heart, rim, np.float32(0.25 + 0.75 * t))
        paint = Paint(
            base=heart * (0.72 + 0.22 * t),
            tip=colour,
            edge=blend(colour, edge, 0.7),
            veins=0.035,
            turn=0.42,
            vary=0.03,
        )
        azimuth = number * GOLDEN_ANGLE + rng.normal(0, 0.12)
        parts.append(_grow_petal(rng, t, opened, azimuth, paint))
    bloom = join_meshes([*parts, _grow_sepals(rng, opened)])
    return bloom.scaled(1.25) if form == "bud" else bloom


def _grow_petal(
    rng: np.random.Generator, t: float, opened: float, azimuth: float, paint: Paint
) -> Mesh:
    """Returns petal t of the spiral; the outer ones lean out, their rims rolled back."""
    wide = 0.035 + (0.27 + 0.20 * opened) * t**0.85  # radius of the bowl it stands in
    lean = (0.05 + 0.55 * t**1.5) * opened * 0.75
    roll = 0.42 * t**1.2 * opened * rng.uniform(0.7, 1.3)
    tall = 0.86 - 0.42 * t * opened

    def radius(u: Curve) -> Curve:
        bowl: Curve = wide * np.sin(np.pi / 2 * np.clip(0.12 + u * 1.5, 0, 1)) ** 0.8
        bowl = bowl * (1 - 0.45 * (1 - opened) ** 2 * u**2.5)  # a bud closes towards its tip
        bowl += lean * u**1.6 + roll * np.clip(u - 0.68, 0, 1) ** 1.4
        return bowl

    def height(u: Curve) -> Curve:
        rolled_back: Curve = 0.9 * roll * np.clip(u - 0.66, 0, 1) ** 1.3
        return tall * np.sin(np.pi / 2 * u**0.9) - rolled_back - 0.35

    return wrap_petal(
        rng,
        azimuth=azimuth,
        half_span=1.5 - 0.45 * t,
        outline=_full,
        radius=radius,
        height=height,
        paint=paint,
        rows=9 if opened > 0.3 else 15,  # a bud shows few petals, but much of each
        columns=14 if opened > 0.3 else 22,
        spiral=0.10 * (1 - t) + 0.03,
        flare=0.10 * t * opened,
        ripple=0.018 * t,
        crown=0.10 + 0.06 * t,
        shade=0.38,
    )


def _grow_sepals(rng: np.random.Generator, opened: float) -> Mesh:
    return spread_rays(
        rng,
        azimuth=np.arange(5) * 2 * np.pi / 5,
        start=0.20 - 0.14 * opened,
        length=0.75,
        half_width=0.13,
        outline=lambda u: (1 - u) ** 0.7 * (0.7 + 0.6 * u),
        rise=1.2 - 1.15 * opened,
        curl=0.3 - 1.0 * opened,
        cup=0.6,
        paint=_SEPAL,
        height=-0.38,
    )


def grow_leaves(rng: np.random.Generator, top: Spot, foot: Spot, unit: float) -> list[Mesh]:
    """Returns compound leaves: stalks with three to five sawn leaflets."""
    leaves = []
    for number, at in enumerate(rng.uniform(0.15, 0.9, 3)):
        x, y = (a + (b - a) * at for a, b in zip(top, foot, strict=True))
        side, colour = (-1) ** number, rgb("2f5a28") * rng.uniform(0.8, 1.25)
        reach, rise = unit * rng.uniform(0.9, 1.4), unit * rng.uniform(-0.5, 0.6)
        for share, off in ((0.45, -1), (0.45, 1), (0.95, -1), (0.95, 1), (1.0, 0)):
            foot_x, foot_y = x + side * reach * share, y - rise * share
            ahead = (side * 0.62, -0.42 * off if off else -rise / unit * 0.4)
            size = unit * rng.uniform(0.55, 0.75)
            tip = (foot_x + ahead[0] * size, foot_y + ahead[1] * size * 1.6, -unit * 0.45)
            bend = (foot_x + ahead[0] * size * 0.3, foot_y + ahead[1] * size, -unit * 0.35)
            curve = ((foot_x, foot_y, -unit * 0.5), bend, tip)
            leaves.append(grow_leaf(rng, curve, size * 0.3, serrate, colour, fold=0.3, rows=18))
    return leaves


ROSE = Species(
    name="rose",
    varieties={
        "red": 0.26,
        "crimson": 0.14,
        "pink": 0.22,
        "white": 0.14,
        "yellow": 0.14,
        "apricot": 0.1,
    },
    lookalikes={"red, bud": "tulip", "pink, bud": "tulip", "yellow, bud": "tulip"},
    bloom=grow_rose,
    leaves=grow_leaves,
    tilt=(8, 55),
    stem=rgb("4f6b33"),
    stem_width=0.10,
    stem_from=-0.36,
    tilts={f"{colour}, bud": (55, 80) for colour in _COLOURS},
)
