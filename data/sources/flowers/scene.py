"""One photo put together: a place, its light, blooms with stems and leaves, and a camera."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from data.sources.flowers.backgrounds import PLACES, Rng, Size, develop_photo, draw_background, inks
from data.sources.flowers.blooms import Species
from data.sources.flowers.petals import Floats, Light, Patch, Pose, outline, rgb

_SHARES = {"grass": 22, "leaves": 16, "soil": 10, "sky": 13, "bed": 16, "bokeh": 16, "dark": 7}
_FINE = 2
"""How many times finer stems and leaves are drawn before they are reduced (antialiasing)."""
_STRIPS = 5
"""Of a leaf, from edge to edge."""
_ALONG = np.linspace(0, 1, 21)
"""Places along a stem or leaf."""
_FINEST = 66
"""Radius in pixels up to which a bloom is laid; larger ones are enlarged, as a close-up is soft."""


@dataclass(frozen=True, kw_only=True)
class _Spot:
    """Where the middle of a bloom is in the photo, and its radius, in pixels."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True, kw_only=True)
class _Bloom:
    """A drawn bloom as RGBA; where its middle is in it, and its radius, in pixels."""

    image: Image.Image
    middle: tuple[int, int]
    radius: float

    def paste(self, photo: Image.Image, spot: _Spot) -> None:
        """Paste the bloom into the photo, in the size of the spot."""
        grown, image = spot.radius / self.radius, self.image
        if grown != 1:
            image = image.resize((round(image.width * grown), round(image.height * grown)))
        x, y = (round(place * grown) for place in self.middle)
        photo.paste(image, (round(spot.x) - x, round(spot.y) - y), image)


def draw_scene(rng: Rng, species: Species, variety: str) -> Image.Image:
    """Return an RGB photo of one to several blooms of a variety; its short side is 224..300 px."""
    short = int(rng.triangular(224, 224, 300))
    long = int(short * rng.choice([1.0, 1.2, 1.33, 1.5], p=[0.1, 0.2, 0.4, 0.3]))
    size = (long, short) if rng.random() < 0.6 else (short, long)
    place = str(rng.choice(list(PLACES), p=[_SHARES[place] / 100 for place in PLACES]))
    light = _draw_light(rng)
    photo = draw_background(rng, place, size)
    level = 0.35 + 0.75 * (light.sky + 0.8 * light.sun)
    photo = photo.point(
        np.minimum(level[:, None] * np.arange(256), 255).astype(int).ravel().tolist()
    )
    spots = _draw_spots(rng, species, variety, size)
    # Of many blooms the two largest are drawn; the others are like them.
    blooms = [_draw_bloom(rng, species, variety, light, spot.radius) for spot in spots[-2:]]
    if place != "dark" and rng.random() < 0.45:
        for _ in range(int(rng.integers(1, 4))):
            _add_companion(rng, photo, blooms[-1].image)
    stems = _draw_stems(rng, species, spots, light, size)
    photo.paste(stems, (0, 0), stems)
    for number, spot in enumerate(spots, start=-len(spots)):  # the smallest first
        blooms[number % len(blooms)].paste(photo, spot)
    focus = rng.uniform(0.25, 0.45) if rng.random() < 0.85 else rng.uniform(0.6, 1.2)
    return develop_photo(rng, photo.filter(ImageFilter.BoxBlur(focus)))


def _draw_light(rng: Rng) -> Light:
    """Return light of some hour and weather, from full sun to an overcast sky."""
    around = rng.uniform(-np.pi, 0) if rng.random() < 0.85 else rng.uniform(0, np.pi)
    height, strength = np.radians(rng.uniform(28, 68)), rng.uniform(0.25, 0.85)
    flat, warmth = np.cos(height), rng.normal(0.25, 0.5) * strength
    direction = np.array([np.cos(around) * flat, np.sin(around) * flat, np.sin(height)])
    sun = strength * np.array([1 + 0.1 * warmth, 1.0, 1 - 0.2 * warmth])
    sky = (1.0 - 0.6 * strength) * np.array([0.97, 1.0, 1.04])
    return Light(direction=direction, sun=sun.astype(np.float32), sky=sky.astype(np.float32))


def _draw_spots(rng: Rng, species: Species, variety: str, size: Size) -> list[_Spot]:
    """Return one bloom close up, one on its stem, or several; the largest is near the middle."""
    count = int(rng.choice([1, 2, 3, 5], p=[0.64, 0.18, 0.10, 0.08]))
    close = rng.uniform(0.45, 0.62) if rng.random() < 0.22 else rng.uniform(0.25, 0.45)
    largest = {1: close, 2: rng.uniform(0.2, 0.32)}.get(count, rng.uniform(0.15, 0.24))
    if variety.endswith("far"):
        count, largest = max(count, 3), rng.uniform(0.09, 0.13)
    down = 0.85 if species.is_upright(variety) else 0.0  # of a cup, the middle is its foot
    spots: list[_Spot] = []
    for number in range(count):
        radius = min(size) * largest * species.reach * (rng.uniform(0.7, 1.0) if number else 1.0)
        x, y = np.array([rng.normal(0.5, 0.07), rng.normal(0.47, 0.05)]) * size
        if spots:  # the freest of some places
            tries = rng.uniform(0.08, 0.92, (24, 2)) * size
            taken = np.array([[spot.x, spot.y - down * spot.radius] for spot in spots])
            gaps = np.linalg.norm(tries[:, None] - taken, axis=2).min(axis=1)
            x, y = tries[np.argmax(np.minimum(gaps, 2 * radius))]
        spots.append(_Spot(x=float(x), y=float(y + down * radius), radius=radius))
    return sorted(spots, key=lambda spot: spot.radius)


def _draw_bloom(rng: Rng, species: Species, variety: str, light: Light, radius: float) -> _Bloom:
    upright, sphere = species.is_upright(variety), variety.startswith("clock")
    tilt = 0.0 if upright or sphere else rng.uniform(0.03, 0.95)
    rise = rng.uniform(-0.15, 0.3)
    pose = Pose(tilt=tilt, lean=rng.normal(0, 0.24), rise=rise, upright=upright)
    patch = Patch(rng, light, min(radius, _FINEST), pose)
    species.bloom(rng, patch, variety)
    return _Bloom(image=patch.image(), middle=patch.middle, radius=min(radius, _FINEST))


def _add_companion(rng: Rng, photo: Image.Image, bloom: Image.Image) -> None:
    """Add a bloom further back, so much out of focus that a third of the pixels do."""
    share, blur = rng.uniform(0.35, 0.7), min(photo.size) * rng.uniform(0.004, 0.01)
    width, height = (max(2, round(side * share / 3)) for side in bloom.size)
    edge = int(2 * blur) + 1
    small = Image.new("RGBA", (width + 2 * edge, height + 2 * edge))
    small.paste(bloom.resize((width, height)), (edge, edge))
    small = small.rotate(rng.uniform(-40, 40)).filter(ImageFilter.GaussianBlur(blur))
    large = small.resize((3 * small.width, 3 * small.height), Image.Resampling.BILINEAR)
    x, y = (rng.uniform(0, 1, 2) * photo.size).astype(int)
    photo.paste(large, (int(x) - large.width // 2, int(y) - large.height // 2), large)


def _draw_stems(
    rng: Rng, species: Species, spots: list[_Spot], light: Light, size: Size
) -> Image.Image:
    """Return stems and leaves of all blooms, as RGBA."""
    layer = Image.new("RGBA", (size[0] * _FINE, size[1] * _FINE))
    draw = ImageDraw.Draw(layer)
    for spot in spots:
        x, y, unit = spot.x * _FINE, spot.y * _FINE, spot.radius * _FINE
        low = max(layer.height * 1.06, y + unit)
        middle, foot = x + unit * rng.normal(0, 0.15), x + unit * rng.normal(0, 0.5)
        path = _curve(np.array([[x, y], [middle, (y + low) / 2], [foot, low]]))
        width = max(species.stem_width * unit, 1.5 * _FINE)
        colour = rgb(species.stem_colour) * rng.uniform(0.8, 1.1) * (light.sky + 0.7 * light.sun)
        tones = inks(colour * np.array([[0.72], [1.0], [1.2]]))
        for share, ink in zip((1.0, 0.7, 0.25), tones, strict=True):
            lit = path + np.array([light.direction[0] * (1 - share) * width * 0.4, 0])
            draw.line([tuple(point) for point in lit.tolist()], ink, max(1, round(width * share)))
        for number in range(int(rng.integers(2, 5)) if rng.random() < 0.85 else 0):
            at = -1 if species.from_foot else int(rng.uniform(0.25, 0.95) * len(path))
            _draw_leaf(rng, draw, species, light, (path[at], unit, (-1) ** number))
    return layer.reduce(_FINE)


def _draw_leaf(
    rng: Rng,
    draw: ImageDraw.ImageDraw,
    species: Species,
    light: Light,
    where: tuple[Floats, float, int],
) -> None:
    """Draw a leaf in strips from edge to edge; `where`: start, unit and side of the stem."""
    start, unit, aside = where
    length, half_width, shape = species.leaf
    turn, long = aside * rng.uniform(*species.away), unit * length * rng.uniform(0.75, 1.2)
    ahead = np.array([np.sin(turn), -np.cos(turn)]) * long
    drop = np.array([0.0, long * rng.uniform(0, 0.3)])
    path = _curve(np.array([start, start + (ahead - drop) / 2, start + ahead + drop]))
    along = np.gradient(path, axis=0)
    side = np.stack([-along[:, 1], along[:, 0]], 1) / np.hypot(*along.T)[:, None]
    widths = unit * half_width * outline(shape, _ALONG)
    if species.teeth:  # which point back to the foot
        widths *= 1 - 0.55 * ((_ALONG * species.teeth) % 1)
    half = side * widths[:, None]
    v = np.linspace(-1, 1, _STRIPS + 1)
    facing = 0.62 - 0.7 * float(side.mean(axis=0) @ light.direction[:2]) * (v[1:] + v[:-1]) / 2
    tones = rng.normal(1, 0.05, _STRIPS) + 0.18 * (np.arange(_STRIPS) == _STRIPS // 2)  # midrib
    lit = light.sky + light.sun * np.clip(facing, 0.15, 1.2)[:, None]
    colours = rgb(species.leaf_colour) * rng.uniform(0.75, 1.15) * lit * tones[:, None]
    lines = (path + half * v[:, None, None]).tolist()
    for (left, right), ink in zip(pairwise(lines), inks(colours), strict=True):
        draw.polygon([tuple(point) for point in left + right[::-1]], ink)


def _curve(ends: Floats) -> Floats:
    """Return points (21, 2) of a quadratic Bézier curve of three points (3, 2)."""
    curve: Floats = np.stack([(1 - _ALONG) ** 2, 2 * _ALONG * (1 - _ALONG), _ALONG**2], 1) @ ends
    return curve
