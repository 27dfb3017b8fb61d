"""Drawings that stand in for photos: seeded, made by formulas alone, (side, side, 3) uint8 RGB.

A species is a program and its parameters; a drawing is a species and a number.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What is drawn on: pixel positions in -1..1 and clouds of smooth noise for this drawing."""

    side: int
    x: np.ndarray
    y: np.ndarray
    rng: Rng

    def cloud(self, cells: float, octaves: int = 3) -> np.ndarray:
        """Return smooth noise (side, side) of mean 0 and deviation about 1."""
        total = np.zeros((self.side, self.side), np.float32)
        for octave in range(octaves):
            count = max(2, round(cells * 2**octave))
            total += _stretch(self.rng.normal(size=(count, count)), self.side) / 2**octave
        return total / (float(total.std()) + 1e-3)


def draw(seed: int, species: int, number: int, side: int) -> np.ndarray:
    """Return one drawing of a species, (side, side, 3) uint8 RGB."""
    kind = np.random.default_rng((seed, species))
    ways = np.linspace(-1, 1, side, dtype=np.float32)
    y, x = np.meshgrid(ways, ways, indexing="ij")
    sheet = Sheet(side=side, x=x, y=y, rng=np.random.default_rng((seed, species, 1 + number)))
    colours = _PROGRAMS[species % len(_PROGRAMS)](kind, sheet)
    light = 1 + 0.12 * sheet.cloud(1.5, 1)[..., None] + sheet.rng.uniform(-0.15, 0.15)
    grain = sheet.rng.normal(0, 0.015, colours.shape)
    return (np.clip(colours * light + grain, 0, 1) * 255).astype(np.uint8)


def _draw_flowers(kind: Rng, sheet: Sheet) -> np.ndarray:
    """One to a few flowers of a kind before its background: rose curves in rings."""
    ground = _draw_ground(sheet.rng, sheet)
    petals, rings = int(kind.integers(3, 22)), int(kind.integers(1, 5))
    depth, sharpness = kind.uniform(0.2, 0.9), kind.uniform(0.3, 2.5)
    turn, inner = kind.uniform(0.3, 0.7), kind.uniform(0.08, 0.4)
    colours = _draw_petal_colours(kind)
    veins, vein_strength = int(kind.integers(1, 6)) * petals, kind.uniform(0, 0.25)
    bloom, many, bend = kind.uniform(0.4, 1.6), int(kind.integers(0, 3)), kind.uniform(0.02, 0.2)
    rng = sheet.rng
    for _ in range(1 + int(rng.integers(0, 1 + 3 * many))):
        size = rng.uniform(0.35, 0.95) / (1 + 0.35 * many)
        r, angle = _find_polar(sheet, size, bend)
        for ring in range(rings):
            reach = 1 - 0.75 * ring / rings
            wave = np.abs(np.cos(petals * angle / 2 + ring * turn * np.pi)) ** sharpness
            edge = reach * (1 - depth + depth * wave)
            along = np.clip(r / (edge + 1e-3), 0, 1)[..., None]
            petal = colours[0] * (1 - along**bloom) + colours[1] * along**bloom
            shade = 0.65 + 0.35 * wave + vein_strength * np.sin(veins * angle) * along[..., 0]
            shade = shade * (1 - 0.12 * ring) * (0.75 + 0.25 * np.minimum(1, 3 * (edge - r)))
            ground = _lay(ground, petal * shade[..., None], edge - r, sheet.side * size)
        dots = 1 + 0.35 * sheet.cloud(sheet.side / 5, 1) * (0.5 + bend)
        ground = _lay(ground, colours[2] * dots[..., None], inner - r, sheet.side * size)
    return ground


def _draw_leaves(kind: Rng, sheet: Sheet) -> np.ndarray:
    """Many petal-shaped leaves over each other, textured and lit."""
    colours = _draw_palette(kind, 4)
    corners, power = int(kind.integers(1, 8)), kind.uniform(0.3, 3)
    largest, spread = kind.uniform(0.2, 0.7), kind.uniform(0, 1)
    slender, stripe, strength = kind.uniform(0.25, 1), kind.uniform(3, 25), kind.uniform(0, 0.4)
    picture = _draw_ground(kind, sheet)
    turn = sheet.rng.uniform(0, 2 * np.pi)
    for _ in range(int(sheet.rng.integers(18, 50))):
        size = largest * sheet.rng.uniform(0.35, 1) ** 1.5
        box, u, v = _find_box(sheet, size, turn + spread * sheet.rng.normal(0, 2), slender)
        if u.size == 0:
            continue
        r, angle = np.hypot(u, v), np.arctan2(v, u)
        edge = 0.45 + 0.55 * np.abs(np.cos(corners * angle / 2)) ** power
        colour = colours[int(sheet.rng.integers(4))] * sheet.rng.uniform(0.75, 1.2)
        shade = 0.9 + 0.25 * (u - v) + strength * np.sin(stripe * (u + 0.5 * v * v))
        laid = colour * shade[..., None]
        picture[box] = _lay(picture[box], laid, edge - r, sheet.side * size)
    return picture


def _draw_waves(kind: Rng, sheet: Sheet) -> np.ndarray:
    """Noise bent by noise, through a row of colours."""
    cells, bend = kind.uniform(1.5, 10), kind.uniform(0, 0.5)
    stretch, bands, octaves = kind.uniform(0.3, 3), kind.uniform(0.5, 4), int(kind.integers(1, 5))
    turn = kind.uniform(0, np.pi) + sheet.rng.normal(0, 0.2)
    x = sheet.x * np.cos(turn) + sheet.y * np.sin(turn) + bend * sheet.cloud(2, 2)
    y = sheet.y * np.cos(turn) - sheet.x * np.sin(turn) + bend * sheet.cloud(2, 2)
    field = _look_up(sheet.cloud(cells, octaves), x * stretch, y / stretch)
    if kind.random() < 0.5:
        field = np.sin(2 * bands * field + cells * x)
    return _colour(field, _draw_palette(kind, 5))


def _draw_network(kind: Rng, sheet: Sheet) -> np.ndarray:
    """A small random network of position and noise: curves and fields that fit together."""
    width, scale = 12, kind.uniform(1.5, 5)
    noise, noisy = sheet.cloud(kind.uniform(2, 6), 2), kind.uniform(0, 0.4)
    zoom, (dx, dy) = sheet.rng.uniform(0.6, 1.4), sheet.rng.normal(0, 0.4, 2)
    x, y = sheet.x * zoom + dx, sheet.y * zoom + dy
    values = np.stack([x, y, np.hypot(x, y), noisy * noise], axis=-1) * scale
    for _ in range(int(kind.integers(2, 4))):
        weights = kind.normal(0, 1.6 / np.sqrt(values.shape[-1]), (values.shape[-1], width))
        values = np.sin(values @ weights.astype(np.float32) + kind.normal(0, 1, width))
    return _colour(values @ kind.normal(0, 0.7, width), _draw_palette(kind, 5))


def _draw_fractal(kind: Rng, sheet: Sheet) -> np.ndarray:
    """A coloured fractal of a few contracting maps before a background."""
    maps = int(kind.integers(2, 5))
    turns, shrink = kind.uniform(0, 2 * np.pi, (maps, 2)), kind.uniform(0.35, 0.85, (maps, 2))
    shifts, colours = kind.uniform(-1, 1, (maps, 2)), _draw_palette(kind, maps)
    rng, count = sheet.rng, 400
    points, tints = np.zeros((count, 2)), np.full((count, 3), 0.5)
    hits = np.zeros((sheet.side**2, 4))
    turn = rng.uniform(0, 2 * np.pi)
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = np.stack([_turn(a) * s @ _turn(b) for (a, b), s in zip(turns, shrink, strict=True)])
    trail = []
    for step in range(60):
        chosen = rng.integers(0, maps, count)
        points = np.einsum("nij,nj->ni", linear[chosen], points) + shifts[chosen]
        tints = 0.5 * tints + 0.5 * colours[chosen]
        if step >= 8:
            trail.append(np.hstack([points, tints]))
    cloud = np.concatenate(trail)
    middle, reach = cloud[:, :2].mean(0), cloud[:, :2].std(0).max() * rng.uniform(1.6, 3) + 1e-3
    places = ((cloud[:, :2] - middle) / reach @ rotate + rng.normal(0, 0.2, 2)) * 0.5 + 0.5
    cells = np.floor(places * sheet.side).astype(int)
    inside = ((cells >= 0) & (cells < sheet.side)).all(axis=1)
    index = cells[inside, 1] * sheet.side + cells[inside, 0]
    hits[:, 0] = np.bincount(index, minlength=len(hits))
    for channel in range(3):
        hits[:, 1 + channel] = np.bincount(index, cloud[inside, 2 + channel], len(hits))
    grid = _blur(hits.reshape(sheet.side, sheet.side, 4))
    share = np.clip(grid[..., :1] * 1.5, 0, 1)
    shown = share * grid[..., 1:] / (grid[..., :1] + 1e-6)
    return np.asarray(_draw_ground(sheet.rng, sheet) * (1 - share) + shown)


_PROGRAMS: tuple[Callable[[Rng, Sheet], np.ndarray], ...] = (
    _draw_flowers,
    _draw_leaves,
    _draw_waves,
    _draw_network,
    _draw_flowers,
    _draw_fractal,
)


def _draw_ground(kind: Rng, sheet: Sheet) -> np.ndarray:
    """A blurred background: greens and earth mostly."""
    hue = kind.normal(0.28, 0.08) if kind.random() < 0.6 else kind.random()
    value = kind.uniform(0.1, 0.8)
    colours = np.stack(
        [
            _to_rgb(hue + kind.normal(0, 0.04), kind.uniform(0.1, 0.8), value * share)
            for share in (0.4, 0.8, 1.2)
        ]
    )
    return _colour(sheet.cloud(kind.uniform(1.5, 7), int(kind.integers(1, 4))), colours)


def _draw_petal_colours(kind: Rng) -> np.ndarray:
    """Colours of a flower: near its middle, at its tips, of its middle."""
    hue = kind.random()
    tips = _to_rgb(hue, kind.beta(2, 1.3) * kind.integers(0, 4) / 2, kind.uniform(0.55, 1))
    near = _to_rgb(hue + kind.normal(0, 0.08), kind.random(), kind.uniform(0.4, 1))
    middle = _to_rgb(kind.normal(0.13, 0.08), kind.uniform(0.3, 1), kind.uniform(0.15, 0.95))
    return np.stack([near, tips, middle])


def _draw_palette(kind: Rng, count: int) -> np.ndarray:
    hue, spread = kind.random(), kind.choice([0.03, 0.08, 0.3])
    return np.stack(
        [
            _to_rgb(hue + kind.normal(0, spread), kind.beta(1.5, 1.5), kind.beta(2, 1.5))
            for _ in range(count)
        ]
    )


def _to_rgb(hue: float, saturation: float, value: float) -> np.ndarray:
    wheel = np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1
    return np.asarray(min(1.0, value) * (1 - min(1.0, saturation) * (1 - np.clip(wheel, 0, 1))))


def _find_polar(sheet: Sheet, size: float, bend: float) -> tuple[np.ndarray, np.ndarray]:
    """Return radius and angle about a random middle, tilted, turned and bent."""
    rng = sheet.rng
    dx, dy = rng.uniform(-0.6, 0.6, 2) * (1.1 - 0.6 * size)
    turn, tilt = rng.uniform(0, 2 * np.pi), rng.uniform(0.55, 1)
    x = (sheet.x - dx) / size + bend * sheet.cloud(2, 1) * 0.4
    y = (sheet.y - dy) / size + bend * sheet.cloud(2, 1) * 0.4
    u = x * np.cos(turn) + y * np.sin(turn)
    v = (y * np.cos(turn) - x * np.sin(turn)) / tilt
    return np.hypot(u, v), np.arctan2(v, u) + rng.uniform(0, 2 * np.pi)


def _find_box(
    sheet: Sheet, size: float, turn: float, slender: float
) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
    """Return the pixels round a random middle, and their position in the leaf's own frame."""
    middle = sheet.rng.uniform(-1.1, 1.1, 2)
    low = np.clip(((middle - size + 1) / 2 * sheet.side).astype(int), 0, sheet.side)
    high = np.clip(((middle + size + 1) / 2 * sheet.side).astype(int) + 1, 0, sheet.side)
    box = (slice(low[1], high[1]), slice(low[0], high[0]))
    x, y = (sheet.x[box] - middle[0]) / size, (sheet.y[box] - middle[1]) / size
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    return box, u, v / slender


def _lay(below: np.ndarray, above: np.ndarray, depth: np.ndarray, sharpness: float) -> np.ndarray:
    """Return `above` laid over `below` where depth > 0, with a soft edge."""
    share = np.clip(depth * sharpness / 3 + 0.5, 0, 1)[..., None]
    return below * (1 - share) + above * share


def _colour(field: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Return the field (h, w) through a row of colours (c, 3)."""
    low, high = np.quantile(field, (0.02, 0.98))
    place = np.clip((field - low) / (high - low + 1e-6), 0, 1) * (len(colours) - 1)
    first = np.minimum(place.astype(int), len(colours) - 2)
    share = (place - first)[..., None]
    return np.asarray(colours[first] * (1 - share) + colours[first + 1] * share)


def _look_up(field: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    side = len(field)
    column = ((x * 0.5 + 0.5) * side).astype(int) % side
    return np.asarray(field[((y * 0.5 + 0.5) * side).astype(int) % side, column])


def _stretch(cells: np.ndarray, side: int) -> np.ndarray:
    """Return cells (n, n) as (side, side), smooth between them."""
    place = np.linspace(0, len(cells) - 1, side)
    first = np.minimum(place.astype(int), len(cells) - 2)
    share = place - first
    share = share * share * (3 - 2 * share)
    blend = np.zeros((side, len(cells)))
    blend[np.arange(side), first], blend[np.arange(side), first + 1] = 1 - share, share
    return np.asarray(blend @ cells @ blend.T, np.float32)


def _turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _blur(grid: np.ndarray) -> np.ndarray:
    for axis in (0, 1):
        grid = (np.roll(grid, 1, axis) + 2 * grid + np.roll(grid, -1, axis)) / 4
    return grid
