"""The five flowers: how a bloom is laid petal by petal, in which varieties, with which leaves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from data.sources.flowers.petals import Floats, Patch, Petals, blend, rgb

Rng = np.random.Generator
_UP = -np.pi / 2
_COLOURS = {  # base (or heart) and tip of the petals
    "white": "d4dac8 eeeeec",
    "pink tips": "f6f2f0 e89abc",
    "pink": "f2bccb e0648f",
    "lilac": "d8c8ec a688d0",
    "yellow": "e0a010 f8d838",
    "golden": "e08a06 f8c614",
    "lemon": "e8bc20 f8e258",
    "orange": "d87808 f49a20",
    "rust": "4a1208 b4481a",
    "red": "a81016 d0222c",
    "crimson": "5a0414 9c1028",
    "apricot": "e07830 f6bc90",
    "purple": "8a5090 702878",
    "flamed": "f0c020 d03418",
    "pale": "ecb81c fae458",
    "dandelion": "eaa806 fcd81c",
}


@dataclass(frozen=True, kw_only=True)
class Species:
    """A kind of flower; lengths in radii of its bloom.

    Attributes:
        varieties: the usual colours and forms, each with its percentage of the photos.
        lookalikes: varieties that are honestly hard, each with the class it may be taken for.
        bloom: lays a bloom of a variety onto an empty patch.
        leaf: its length, its half width and its shape; `away` from the stem, radians.
        teeth: of a leaf.
        from_foot: whether leaves grow from the foot of the stem, not along it.
        reach: size in the photo relative to other flowers.
    """

    varieties: Mapping[str, int]
    lookalikes: Mapping[str, str]
    bloom: Callable[[Rng, Patch, str], None]
    leaf: tuple[float, float, tuple[float, float]]
    leaf_colour: str
    stem_colour: str = "6b8f3a"
    stem_width: float = 0.1
    away: tuple[float, float] = (0.8, 1.7)
    teeth: int = 0
    from_foot: bool = False
    reach: float = 1.0

    def draw_variety(self, rng: Rng) -> str:
        """Return one of the usual varieties, by its percentage."""
        shares = np.array(list(self.varieties.values())) / 100
        return str(rng.choice(list(self.varieties), p=shares))

    def is_upright(self, variety: str) -> bool:
        """Return whether a bloom is seen from its side: it stands on its stem like a cup."""
        cup = self.bloom is lay_tulip and "wide open" not in variety
        return cup or variety.endswith(("bud", "opening"))


def _colours(variety: str) -> tuple[Floats, Floats]:
    base, tip = (rgb(code) for code in _COLOURS[variety.partition(", ")[0]].split())
    return base, tip


def _lay_disc(patch: Patch, radius: float, colours: Floats) -> None:
    """Lay florets in rings, the inner ones first; `colours` (rings, 3)."""
    rings = len(colours)
    for ring, colour in enumerate(colours):
        at, size = radius * ring / rings, radius / rings
        count = max(3, round(2 * np.pi * at / size))
        tip = np.minimum(colour * 1.25, 1)
        florets = Petals(count, size * 1.6, size * 0.55, colour * 0.45, tip, (0.5, 0.5), at)
        shadow = 0.5 if ring == rings - 1 else 0.0
        patch.lay(replace(florets, slope=-0.7 * ring / rings, shadow=shadow, uneven=0.1))
    ground = colours.mean(axis=0) * 0.5
    patch.lay(Petals(12, radius, radius, ground, ground, (0.02, 0.02), uneven=0.01, shadow=0.0))


def lay_daisy(rng: Rng, patch: Patch, variety: str) -> None:
    """Lay many narrow rays around a small domed yellow disc."""
    disc, count = rng.uniform(0.2, 0.29), int(rng.integers(17, 28))
    _lay_disc(patch, disc, blend(rgb("b8b020"), rgb("f2b90c"), np.linspace(0, 1.6, 4)))
    width = rng.uniform(0.95, 1.25) * 2.5 / count
    rays = Petals(count, 0.98 - disc * 0.7, width, *_colours(variety), (0.5, 0.28), disc * 0.7)
    rays = replace(rays, cup=rng.uniform(-0.5, 0.5), slope=rng.uniform(0, 0.4))
    for share in (0.95, 1.0):
        patch.lay(replace(rays, length=rays.length * share))


def lay_dandelion(rng: Rng, patch: Patch, variety: str) -> None:
    """Lay a dense head of very many fine yellow rays, or the white clock of its seeds."""
    if variety.startswith("clock"):
        _lay_clock(patch, fewer=variety.endswith("half blown"))
        return
    if variety == "opening":
        bracts = Petals(7, 0.95, 0.15, rgb("6c8c38"), rgb("7c9c48"), (0.3, 0.5))
        patch.lay(replace(bracts, spread=0.7, towards=_UP, uneven=0.12))
        _lay_cup(rng, patch, _colours("golden"), wide=0.16, opened=0.12)
        return
    inner, outer = _colours("pale" if variety == "pale" else "dandelion")
    for ring, count in enumerate((13, 24, 34, 44, 54, 62), start=1):
        t = ring / 6
        colour = blend(inner, outer, 0.4 + 0.6 * t)
        rays = Petals(count, 0.15 + 0.8 * t, 0.034, colour * 0.8, colour, (0.3, 0.12), 0.03)
        patch.lay(replace(rays, slope=0.9 - 0.9 * t, uneven=0.08, turn=0.5, shadow=0.5))


def _lay_clock(patch: Patch, *, fewer: bool) -> None:
    """Lay umbrellas of hairs over a sphere, on stalks that grow from a small dark core."""
    white, brown = rgb("f4f4f2"), rgb("6a4a2a")
    for ring, at in enumerate((0.0, 0.3, 0.55, 0.7, 0.78)):
        count = (8, 12, 17, 20, 24)[ring]
        umbrella = Petals(count, 0.22, 0.13, white * 0.8, white, (0.7, 0.05), at, hairs=9)
        patch.lay(replace(umbrella, shadow=0.0, uneven=0.12, count=count // 2 if fewer else count))
    for count, length, width, start in ((40, 0.2, 0.02, 0.04), (40, 0.7, 0.007, 0.1)):
        patch.lay(Petals(count, length, width, brown, rgb("94886e"), (0.2, 0.2), start))


def lay_rose(rng: Rng, patch: Patch, variety: str) -> None:
    """Lay broad overlapping petals in a spiral, tight in the heart."""
    heart, rim = _colours(variety)
    sepal = Petals(5, 1.12, 0.16, rgb("4e6c2c"), rgb("6e8c44"), (0.4, 0.7))
    if variety.endswith("bud"):
        patch.lay(replace(sepal, count=3, length=0.8, spread=1.6, towards=_UP))
        _lay_cup(rng, patch, (heart, rim), wide=0.3, opened=0.1)
        return
    rings = int(rng.integers(9, 13))
    for ring in range(2, rings + 1):
        t = ring / rings
        dark, colour = heart * (0.35 + 0.3 * t), blend(heart, rim, 0.2 + 0.8 * t)
        petals = Petals(3, 0.08 + 0.88 * t, 0.09 + 0.6 * t, dark, colour, (0.75, 0.24), edge=0.1)
        petals = replace(petals, towards=ring * 2.4, cup=rng.uniform(0.1, 0.5), turn=0.62)
        patch.lay(replace(petals, slope=0.75 - 0.6 * t, veins=0.03, shadow=0.6))
    patch.lay(sepal)


def lay_sunflower(rng: Rng, patch: Patch, variety: str) -> None:
    """Lay pointed rays around a large brown disc of seeds."""
    small = variety.endswith("small disc")
    disc = rng.uniform(0.24, 0.3) if small else rng.uniform(0.4, 0.5)
    count, t = int(rng.integers(15, 21)), np.linspace(0, 1, 7)
    middle = rgb("8a8a3a") if small else blend(rgb("6b6a2c"), rgb("4a2c14"), rng.random())
    pollen = rgb("b8741a") * rng.uniform(0.6, 1.1)
    florets = blend(middle, rgb("3a1d0c"), (t - rng.uniform(0.3, 0.5)) / 0.18 + 0.5)
    _lay_disc(patch, disc, blend(florets, pollen, (t - rng.uniform(0.72, 0.86)) / 0.1 + 0.5))
    start, width = disc * 0.85, 2.3 / count
    rays = Petals(count, 1 - start, width, *_colours(variety), (0.45, 0.7), start, veins=0.07)
    rays = replace(rays, cup=rng.uniform(0.3, 0.8), slope=rng.uniform(0, 0.5), turn=0.3)
    sepals = replace(rays, base=rgb("5a7c2a"), tip=rgb("7c9c3c"))
    for petals, share in ((rays, 0.92), (rays, 1.0), (sepals, 0.95)):
        patch.lay(replace(petals, length=rays.length * share, uneven=0.07))


def lay_tulip(rng: Rng, patch: Patch, variety: str) -> None:
    """Lay a cup of broad petals, seen from its side; wide open it is seen from above."""
    colours = _colours(variety)
    if not variety.endswith("wide open"):
        opened = 0.05 if variety.endswith("closed") else rng.uniform(0.1, 0.75)
        _lay_cup(rng, patch, colours, wide=rng.uniform(0.36, 0.42), opened=opened)
        return
    _lay_disc(patch, 0.1, np.tile(rgb("c8c878"), (2, 1)))
    patch.lay(Petals(6, 0.34, 0.035, rgb("1c1418"), rgb("3a2c1c"), (0.4, 0.4)))
    for ring in (0, 1):
        petals = Petals(3, 0.9 + 0.06 * ring, 0.46, rgb("302018"), colours[1], (0.45, 0.35))
        petals = replace(petals, towards=ring * np.pi / 3, cup=0.8, slope=0.5)
        patch.lay(replace(petals, turn=0.16, uneven=0.03))


def _lay_cup(
    rng: Rng, patch: Patch, colours: tuple[Floats, Floats], *, wide: float, opened: float
) -> None:
    """Lay petals that stand side by side around an axis that points up, the front ones first."""
    front = Petals(1, 1.75 - 0.2 * opened, wide * 1.1, *colours, (0.42, 0.42), spread=np.pi)
    front = replace(front, cup=-0.7, slope=0.0, uneven=0.02, edge=0.14, shadow=0.35)
    front = replace(front, turn=rng.uniform(0.1, 0.3))
    back = replace(front, base=colours[0] * 0.6, tip=colours[1] * 0.7, cup=0.5, half_width=wide)
    away = 0.1 + 0.3 * opened
    for side in (0.0, -1.0, 1.0):
        petal = replace(front, bend=0.16 * side * (1.1 - opened))
        patch.lay(replace(petal, towards=_UP + side * away + rng.normal(0, 0.04)))
    for side in (0.0, -1.1, 1.1):
        patch.lay(replace(back, towards=_UP + side * away + rng.normal(0, 0.04)))


_TULIPS = ["red", "yellow", "pink", "purple", "white", "flamed", "orange"]
_TULIPS += ["red, wide open", "yellow, wide open"]
SPECIES: dict[str, Species] = {
    "daisy": Species(
        varieties={"white": 60, "pink tips": 14, "pink": 10, "yellow": 8, "lilac": 8},
        lookalikes={"yellow, small": "sunflower", "yellow, far": "dandelion"},
        bloom=lay_daisy,
        leaf=(1.0, 0.17, (1.2, 0.3)),
        leaf_colour="4c7a2c",
        stem_width=0.08,
    ),
    "dandelion": Species(
        varieties={"golden": 55, "pale": 17, "clock": 22, "clock, half blown": 6},
        lookalikes={"opening": "tulip", "golden, far": "daisy"},
        bloom=lay_dandelion,
        leaf=(2.0, 0.33, (0.7, 0.5)),
        leaf_colour="4f8030",
        stem_colour="94a858",
        teeth=5,
        from_foot=True,
        reach=0.95,
    ),
    "rose": Species(
        varieties={"red": 26, "crimson": 14, "pink": 22, "white": 14, "yellow": 14, "apricot": 10},
        lookalikes={"red, bud": "tulip", "pink, bud": "tulip", "yellow, bud": "tulip"},
        bloom=lay_rose,
        leaf=(0.9, 0.27, (0.5, 0.6)),
        leaf_colour="2f5a28",
        stem_colour="4f6b33",
        reach=0.95,
    ),
    "sunflower": Species(
        varieties={"golden": 60, "lemon": 18, "orange": 16, "rust": 6},
        lookalikes={"lemon, small disc": "daisy", "golden, small disc": "daisy"},
        bloom=lay_sunflower,
        leaf=(1.4, 0.45, (0.35, 0.8)),
        leaf_colour="4a7a2a",
        stem_width=0.15,
        reach=1.12,
    ),
    "tulip": Species(
        varieties=dict(zip(_TULIPS, (22, 16, 18, 12, 10, 8, 8, 3, 3), strict=True)),
        lookalikes={"red, closed": "rose", "pink, closed": "rose", "yellow, closed": "rose"},
        bloom=lay_tulip,
        leaf=(3.0, 0.3, (0.3, 0.7)),
        leaf_colour="6a8e62",
        stem_colour="7f9c5c",
        stem_width=0.13,
        away=(0.12, 0.5),
        from_foot=True,
        reach=0.72,
    ),
}
