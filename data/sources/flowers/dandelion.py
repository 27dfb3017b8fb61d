"""Dandelion: a dense head of very many fine yellow rays, or the white clock of its seeds."""

import numpy as np

from data.sources.flowers.leaves import grow_leaf, toothed
from data.sources.flowers.mesh import Curve, Floats, Mesh, blend, join_meshes, rgb
from data.sources.flowers.petals import GOLDEN_ANGLE, Paint, set_florets, spread_rays
from data.sources.flowers.species import Species, Spot


def _outline(u: Curve) -> Curve:
    return 0.55 + 0.45 * np.clip(u * 2, 0, 1)


def grow_dandelion(rng: np.random.Generator, variety: str) -> Mesh:
    """Returns a bloom of a variety of `DANDELION`."""
    if variety.startswith("clock"):
        return _grow_clock(rng, share=0.55 if variety.endswith("half blown") else 1.0)
    opened = 0.08 if variety == "opening" else rng.uniform(0.75, 1.0)
    return _grow_head(rng, opened, pale=variety.endswith("pale"))


def _grow_head(rng: np.random.Generator, opened: float, *, pale: bool) -> Mesh:
    """Returns a yellow head; `opened` is 1 when the outer rays lie flat."""
    rings = []
    outer, inner = (rgb("f9df4a"), rgb("f2c41c")) if pale else (rgb("f8d012"), rgb("eda306"))
    for ring, rays in enumerate((78, 76, 70, 60, 50, 36, 20)):
        t = 1 - ring / 6.5  # 1 outermost
        colour = blend(inner, outer, np.float32(t))
        rings.append(
            spread_rays(
                rng,
                azimuth=rng.uniform(0, 6.3)
                + np.arange(rays) * 2 * np.pi / rays
                + rng.normal(0, 0.05, rays),
                start=0.02 + 0.16 * t,
                length=(0.32 + 0.55 * t) * rng.normal(1, 0.06, rays),
                half_width=0.025 * rng.normal(1, 0.12, rays),
                outline=_outline,
                rise=(1.5 - 1.4 * t * opened) + rng.normal(0, 0.07, rays),
                curl=-0.75 * opened * (0.45 + 0.55 * t) + rng.normal(0, 0.14, rays),
                cup=0.5,
                paint=Paint(base=colour * 0.78, tip=colour, veins=0.05, turn=0.35, vary=0.08),
                rows=4,
                columns=2,
                notch=0.05,
            )
        )
    head = join_meshes([*rings, _grow_bracts(rng, opened)])
    return head.scaled(0.65 + 0.35 * min(1.0, opened * 2))


def _grow_bracts(rng: np.random.Generator, opened: float) -> Mesh:
    """Returns the green cup under the head; its outer bracts hang down once the head is open."""
    bracts = 18
    return spread_rays(
        rng,
        azimuth=np.arange(bracts) * 2 * np.pi / bracts,
        start=0.25 - 0.1 * opened,
        length=0.5,
        half_width=0.07,
        outline=lambda u: 1 - 0.9 * u**2,
        rise=1.35 - 1.1 * opened,
        curl=0.25 - 1.2 * opened * (np.arange(bracts) % 2),
        cup=0.4,
        paint=Paint(base=rgb("7c9c48"), tip=rgb("54742c"), veins=0.05),
        height=-0.1,
        rows=5,
        columns=2,
    )


def _directions(count: int, lowest: float) -> Floats:
    """Returns unit vectors (count, 3) spread evenly over a sphere above z = `lowest`."""
    number = np.arange(count) + 0.5
    z = 1 - (1 - lowest) * number / count
    turn = number * GOLDEN_ANGLE
    flat = np.sqrt(1 - z**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=-1)


def _hairs(start: Floats, end: Floats, width: float, colour: Floats) -> Mesh:
    """Returns one thin quad per pair of points."""
    ahead = end - start
    side = np.stack([-ahead[:, 1], ahead[:, 0], 0 * ahead[:, 0]], axis=-1)
    side *= width / 2 / (np.linalg.norm(side, axis=1, keepdims=True) + 1e-6)
    corners = np.stack([start - side, start + side, end + side, end - side], axis=1)
    colours = np.broadcast_to(colour, (len(start), 3))
    return Mesh(corners=corners.astype(np.float32), colours=colours.astype(np.float32))


def _grow_clock(rng: np.random.Generator, share: float) -> Mesh:
    """Returns the seed head: seeds on a core, each with a stalk and an umbrella of hairs."""
    out = _directions(150, -0.8)
    out = out[rng.random(len(out)) < share] if share < 1 else out
    crown = out * rng.normal(0.78, 0.03, (len(out), 1))
    stalks = _hairs(out * 0.16, crown, 0.012, rgb("b9ae98"))
    seeds = _hairs(out * 0.12, out * 0.27, 0.035, rgb("6a4a2a"))
    spokes = 15
    across = np.cross(out, [0.3, 0.5, 0.8])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    upright = np.cross(out, across)
    turn = np.arange(spokes) * 2 * np.pi / spokes + rng.uniform(0, 6.3, (len(out), 1))
    spread = across[:, None] * np.cos(turn)[..., None] + upright[:, None] * np.sin(turn)[..., None]
    ends = crown[:, None] + 0.17 * spread * rng.normal(1, 0.1, turn.shape)[..., None]
    ends = ends + 0.13 * out[:, None]
    starts = np.repeat(crown, spokes, axis=0)
    hairs = _hairs(starts, ends.reshape(-1, 3), 0.008, rgb("f4f4f2"))
    core = set_florets(
        rng, count=60, radius=0.16, dome=0.16, colour=lambda t: rgb("8a6a44") * np.ones((len(t), 1))
    )
    return join_meshes([core, seeds, stalks, hairs])


def grow_leaves(rng: np.random.Generator, _top: Spot, foot: Spot, unit: float) -> list[Mesh]:
    """Returns a rosette of deeply toothed leaves at the foot of the stem."""
    leaves = []
    for side in (-1, 1, -1, 1, -1):
        size = unit * rng.uniform(1.6, 2.6)
        x, y = foot[0] + rng.normal(0, 0.2) * unit, foot[1] - abs(rng.normal(0, 0.1)) * unit
        tip = (
            x + side * size * rng.uniform(0.5, 1.0),
            y - size * rng.uniform(0.15, 0.6),
            -unit * 0.6,
        )
        bend = (x + side * size * 0.35, y - size * rng.uniform(0.3, 0.6), -unit * 0.5)
        colour = rgb("4f8030") * rng.uniform(0.75, 1.2)
        curve = ((x, y, -unit * 0.9), bend, tip)
        leaves.append(grow_leaf(rng, curve, size * 0.17, toothed, colour, rows=42))
    return leaves


DANDELION = Species(
    name="dandelion",
    varieties={"golden": 0.55, "pale": 0.17, "clock": 0.22, "clock, half blown": 0.06},
    lookalikes={"opening": "tulip", "golden, far": "daisy"},
    bloom=grow_dandelion,
    leaves=grow_leaves,
    tilt=(0, 62),
    stem=rgb("94a858"),
    stem_width=0.10,
    stem_from=-0.02,
    reach=0.95,
    tilts={"opening": (52, 80)},
)
