"""Stems and leaves: ribbons along a curve, round like a stalk or folded along a midrib."""

from collections.abc import Callable

import numpy as np

from data.sources.flowers.mesh import Curve, Floats, Mesh, blend, weave_mesh

Point = tuple[float, float, float]


def _curve(points: tuple[Point, Point, Point], steps: int) -> tuple[Floats, Floats]:
    """Returns points (steps + 1, 3) of a quadratic Bézier curve, and its sides in the image."""
    u = np.linspace(0, 1, steps + 1)[:, None]
    a, b, c = (np.array(point, float) for point in points)
    path = (1 - u) ** 2 * a + 2 * u * (1 - u) * b + u**2 * c
    ahead = 2 * (1 - u) * (b - a) + 2 * u * (c - b)
    side = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    side = side / (np.linalg.norm(side, axis=1, keepdims=True) + 1e-6)
    return path, np.concatenate([side, np.zeros((len(side), 1))], axis=1)


def grow_stem(
    points: tuple[Point, Point, Point], thickness: float, colour: Floats, foot: float = 1.25
) -> Mesh:
    """Returns a round stalk along the curve; `foot` is how much thicker it is at its end."""
    path, side = _curve(points, 14)
    v = np.linspace(-1, 1, 5)
    widths = thickness / 2 * np.linspace(1, foot, len(path))[:, None]
    grid = path[:, None] + side[:, None] * (widths * v)[..., None]
    grid[..., 2] += widths * np.sqrt(1 - v**2 * 0.95)
    return weave_mesh(grid, colour)


def grow_leaf(
    rng: np.random.Generator,
    points: tuple[Point, Point, Point],
    half_width: float,
    outline: Callable[[Curve], Curve],
    colour: Floats,
    *,
    fold: float = 0.35,
    veins: float = 0.05,
    rows: int = 22,
    columns: int = 8,
) -> Mesh:
    """Returns a leaf along the curve, folded along its midrib.

    Args:
        outline: share of `half_width` at u (0 at the base, 1 at the tip).
        fold: how far the edges stand up, as a share of the width; negative hangs down.
    """
    path, side = _curve(points, rows)
    u = np.linspace(0, 1, rows + 1)[:, None]
    v = np.linspace(-1, 1, columns + 1)
    widths = half_width * outline(u)
    grid = path[:, None] + side[:, None] * (widths * v)[..., None]
    wave = rng.normal(0, 0.06) * np.sin(u * 9 + rng.uniform(0, 6)) * v
    grid[..., 2] += widths * (fold * np.abs(v) + wave)
    tone = 1 + rng.normal(0, veins, (1, columns + 1)) + rng.normal(0, veins / 5, (rows + 1, 1))
    slanted = 0.05 * np.sin((u * 14 - np.abs(v) * 3) * 2)  # side veins run forwards from the midrib
    colours = blend(
        colour, np.minimum(colour * 1.5 + 0.06, 1), np.exp(-((v * 7) ** 2)) * 0.55 + 0 * u
    )
    return weave_mesh(grid, np.clip(colours * (tone + slanted)[..., None], 0, 1))


def lance(u: Curve) -> Curve:
    """Returns the outline of a lance-shaped leaf."""
    return np.sin(np.pi * np.clip(u, 0, 1) ** 0.75) ** 0.8 * 0.97 + 0.03


def blade(u: Curve) -> Curve:
    """Returns the outline of a broad blade that clasps the stem, as tulips have it."""
    return np.sqrt(np.clip(1 - u, 0, 1)) * (0.55 + 0.45 * np.sin(np.pi * u**0.8))


def heart(u: Curve) -> Curve:
    """Returns the outline of a heart-shaped leaf with a drawn-out tip."""
    return np.clip((u + 0.03) * 9, 0, 1) ** 0.5 * (1 - u) ** 0.85 * (1 + 0.05 * np.sin(u * 50))


def toothed(u: Curve) -> Curve:
    """Returns the outline of a dandelion leaf: deep teeth that point back to the base."""
    tooth = 1 - (u * 7) % 1
    return np.clip(np.sin(np.pi * u**1.3), 0, 1) ** 0.6 * (0.25 + 0.75 * tooth) + 0.04


def serrate(u: Curve) -> Curve:
    """Returns the outline of a rose leaflet: oval with a finely sawn edge."""
    return np.sin(np.pi * u**0.85) ** 0.75 * (1 + 0.08 * ((u * 11) % 1)) + 0.02


def spoon(u: Curve) -> Curve:
    """Returns the outline of a daisy leaf: narrow stalk, round and bluntly toothed end."""
    return 0.12 + np.clip(np.sin(np.pi * u**2.2), 0, 1) ** 0.7 * (0.9 + 0.1 * np.sin(u * 40))
