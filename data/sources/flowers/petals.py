"""The petals: rays that spread from a disc, cups that stand around an axis, and florets of a disc.

All return meshes around the origin, axis along z. `u` runs from a petal's base (0) to its tip (1),
`v` across it from edge (-1) to edge (1).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.sources.flowers.mesh import Curve, Floats, Mesh, blend, join_meshes, weave_mesh

GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


@dataclass(frozen=True, kw_only=True)
class Paint:
    """Colours of a petal: from base to tip, along its edges, and how strongly it is veined."""

    base: Floats
    tip: Floats
    edge: Floats | None = None
    veins: float = 0.06
    turn: float = 0.45  # where along the petal the base colour has half gone
    vary: float = 0.05  # brightness from petal to petal


def paint_petals(
    rng: np.random.Generator, paint: Paint, u: Floats, v: Floats, petals: int
) -> Floats:
    """Returns colours (petals, rows, columns, 3) for the grids u (rows, 1) and v (columns,)."""
    along = 1 / (1 + np.exp(-(u - paint.turn) * 7))
    colours = blend(paint.base, paint.tip, np.broadcast_to(along, (petals, len(u), len(v))))
    if paint.edge is not None:
        colours = blend(colours, paint.edge, np.abs(v) ** 4 * np.clip(u * 1.6, 0, 1) + 0 * along)
    streaks = rng.normal(0, paint.veins, (petals, 1, len(v), 1))
    patches = rng.normal(0, paint.veins / 4, (petals, len(u), len(v), 1))
    each = rng.normal(0, paint.vary, (petals, 1, 1, 1))
    return np.clip(colours * (1 + streaks + patches + each), 0, 1)


def _column(values: Floats | float, petals: int) -> Floats:
    return np.broadcast_to(np.asarray(values, float), (petals,)).reshape(petals, 1, 1)


def _spaced(rows: int, crowding: float) -> Curve:
    """Returns u (rows + 1, 1), closer together towards the tip, where outlines are round."""
    return 1 - (1 - np.linspace(0, 1, rows + 1)[:, None]) ** crowding


def round_tip(u: Curve, start: float) -> Curve:
    """Returns the share of width that a tip rounded from `start` leaves at u."""
    return np.sqrt(np.clip(1 - (np.clip(u - start, 0, 1) / (1 - start)) ** 2, 0, 1))


def spread_rays(
    rng: np.random.Generator,
    *,
    azimuth: Floats,
    start: Floats | float,
    length: Floats | float,
    half_width: Floats | float,
    outline: Callable[[Curve], Curve],
    rise: Floats | float,
    curl: Floats | float,
    cup: float,
    paint: Paint,
    rows: int = 9,
    columns: int = 5,
    height: Floats | float = 0.0,
    notch: float = 0.0,
) -> Mesh:
    """Returns one ray petal per azimuth.

    Args:
        azimuth: (petals,) in radians. The other arrays have one value per petal or one for all.
        start: distance of the base from the axis; `height`: its z.
        outline: share of `half_width` at u.
        rise: angle of the petal's base above the plane, radians; `curl` is added to it by the tip.
        cup: how far the cross-section is bent, radians; negative is convex.
        notch: how far the middle of the tip is drawn in, as a share of the length.
    """
    petals, u, v = len(azimuth), _spaced(rows, 1.7), np.linspace(-1, 1, columns + 1)
    size = _column(length, petals)
    angle = _column(rise, petals) + _column(curl, petals) * u**1.3
    step = size * np.diff(u, axis=0, prepend=0)
    out = _column(start, petals) + np.cumsum(np.cos(angle) * step, axis=1)
    up = _column(height, petals) + np.cumsum(np.sin(angle) * step, axis=1)
    across, lift = _bend_across(_column(half_width, petals) * outline(u), v, cup)
    radius = out - lift * np.sin(angle)
    radius -= notch * size * np.maximum(0, u - 0.75) * 4 * np.cos(v * np.pi) ** 2
    side = across + rng.normal(0, 0.05, (petals, 1, 1)) * u**2 * size
    points = _place_around(azimuth.reshape(petals, 1, 1), radius, side, up + lift * np.cos(angle))
    return weave_mesh(points, paint_petals(rng, paint, u, v, petals))


def _bend_across(half_width: Floats, v: Curve, cup: float) -> tuple[Floats, Floats]:
    """Returns how far aside and how far up a bent cross-section is at v."""
    bend = max(abs(cup), 1e-3)
    lift = np.sign(cup) * half_width * (1 - np.cos(v * bend)) / bend
    return half_width * np.sin(v * bend) / bend, lift


def _place_around(azimuth: Floats, radius: Floats, side: Floats, z: Floats) -> Floats:
    """Returns points (..., 3) at a radius towards the azimuth and `side` across it."""
    x = radius * np.cos(azimuth) - side * np.sin(azimuth)
    y = radius * np.sin(azimuth) + side * np.cos(azimuth)
    return np.stack(np.broadcast_arrays(x, y, z), axis=-1)


def wrap_petal(
    rng: np.random.Generator,
    *,
    azimuth: float,
    half_span: float,
    outline: Callable[[Curve], Curve],
    radius: Callable[[Curve], Curve],
    height: Callable[[Curve], Curve],
    paint: Paint,
    rows: int,
    columns: int,
    spiral: float = 0.0,
    flare: float = 0.0,
    ripple: float = 0.0,
    crown: float = 0.0,
    shade: float = 0.0,
) -> Mesh:
    """Returns one broad petal wrapped around the axis: a piece of a surface of revolution.

    Args:
        azimuth: of the middle, radians; `half_span` is half of the angle the petal wraps.
        outline: share of `half_span` at u; `radius` and `height`: of the surface at u.
        spiral: how much wider the surface gets from one edge to the other, as a share.
        flare: how far the edges stand off outwards, as a share of the radius.
        ripple: waviness of the rim; `crown`: how far the rim's middle stands above its corners.
        shade: how much darker the base is, where the light does not reach.
    """
    u = _spaced(rows, 1.25)
    v = np.linspace(-1, 1, columns + 1)
    turn = azimuth + half_span * outline(u) * v
    wave = ripple * u**3 * np.sin(v * rng.uniform(3, 6) + rng.uniform(0, 6.3))
    wave = wave + 0.4 * ripple * u**4 * np.sin(v * rng.uniform(8, 12) + rng.uniform(0, 6.3))
    r = radius(u) * (1 + spiral * v + flare * v**4 * u) + wave
    z = height(u) - crown * u**2 * np.abs(v) ** 2.5 + 0.5 * wave
    points = _place_around(turn, r, np.zeros_like(r), z)[None]
    colours = paint_petals(rng, paint, u, v, 1)
    return weave_mesh(points, colours * (1 - shade * (1 - u[None, :, :, None]) ** 1.5))


def set_florets(
    rng: np.random.Generator,
    *,
    count: int,
    radius: float,
    dome: float,
    colour: Callable[[Curve], Floats],
    bump: float = 0.6,
    dimple: float = 0.0,
) -> Mesh:
    """Returns a disc of small pyramids in the golden-angle spiral (phyllotaxis).

    Args:
        radius: of the disc; `dome`: height of its middle; `dimple`: how far the centre sinks.
        colour: RGB (count, 3) at the relative distances (count,) from the centre.
        bump: height of a floret relative to its width.

    Source: Vogel (1979), A better way to construct the sunflower head.
    """
    number = np.arange(count) + 0.5
    t = np.sqrt(number / count)
    turn = number * GOLDEN_ANGLE
    size = radius * np.sqrt(np.pi / count) * 0.62
    z = dome * (1 - t**2.2) - dimple * np.exp(-((t / 0.35) ** 2))
    centre = np.stack([radius * t * np.cos(turn), radius * t * np.sin(turn), z], axis=-1)
    spokes = turn[:, None] + np.arange(4) * np.pi / 2
    foot = centre[:, None] + size * np.stack(
        [np.cos(spokes), np.sin(spokes), np.full_like(spokes, -0.3)], axis=-1
    )
    peak = centre + [0, 0, bump] * (size * rng.uniform(0.5, 1.4, (count, 1)))
    after = np.roll(foot, -1, axis=1)
    top = np.broadcast_to(peak[:, None], foot.shape)
    corners = np.stack([foot, after, top, top], axis=2).reshape(-1, 4, 3)
    colours = colour(t) * rng.normal(1, 0.09, (count, 1))
    base = disc_mesh(radius * 0.98, dome, colour(np.array([0.7]))[0] * 0.55)
    florets = Mesh(
        corners=corners.astype(np.float32),
        colours=np.repeat(np.clip(colours, 0, 1), 4, axis=0).astype(np.float32),
    )
    return join_meshes([base, florets])


def disc_mesh(radius: float, dome: float, colour: Floats, columns: int = 20) -> Mesh:
    """Returns a smooth dome of one colour that lies just under the florets."""
    t = np.linspace(0, 1, 5)[:, None]
    turn = np.linspace(0, 2 * np.pi, columns + 1)
    z = dome * (1 - t**2.2) - 0.03 * radius + 0 * turn
    points = np.stack([radius * t * np.cos(turn), radius * t * np.sin(turn), z], axis=-1)
    return weave_mesh(points, colour)
