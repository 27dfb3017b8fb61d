"""Petals as fields: every pixel of a patch knows which petal it is on, and where."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.floating[Any]]
_ALONG = np.linspace(0, 1, 160, dtype=np.float32)
"""Places along a petal, from base to tip, at which outlines and colours are tabled."""
_BEND = np.sin(np.pi * _ALONG)


def rgb(code: str) -> Floats:
    """Return the colour of a code such as “f4c020” as three numbers in 0..1."""
    return np.frombuffer(bytes.fromhex(code), np.uint8).astype(np.float32) / 255


def blend(first: Floats, second: Floats, share: Floats | float) -> Floats:
    """Return the colours between two, `share` (0..1) of the way to the second."""
    mixed: Floats = (
        first + (second - first) * np.clip(np.asarray(share, np.float32), 0, 1)[..., None]
    )
    return mixed


def outline(shape: tuple[float, float], u: Floats) -> Floats:
    """Return the share of the half width at the places u (0..1) along a petal or leaf, at most 1.

    `shape`: powers of u and of 1 - u: how slowly it widens from the base and closes to the tip.
    """
    widths: Floats = u ** shape[0] * (1 - u) ** shape[1]
    widths /= widths.max()
    return widths


@dataclass(frozen=True, kw_only=True)
class Light:
    """The way to the sun (unit vector: x right, y down, z to us); colours of sun and sky."""

    direction: Floats
    sun: Floats
    sky: Floats


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How a bloom is seen; angles in radians.

    It is tilted away from the viewer, then leans clockwise in the photo. `rise`: of its petals, as
    of a cone; `upright`: seen from its side, all of it above its middle.
    """

    tilt: float = 0.0
    lean: float = 0.0
    rise: float = 0.0
    upright: bool = False


@dataclass(frozen=True)
class Petals:
    """A ring or a fan of petals; lengths in radii of the bloom, angles in radians."""

    count: int
    length: float
    half_width: float
    base: Floats
    tip: Floats
    shape: tuple[float, float]
    """See `outline`."""
    start: float = 0.0
    """Distance of their base from the middle."""
    spread: float = 2 * np.pi
    """Angle of the whole fan."""
    towards: float | None = None
    """Direction of its middle, 0 to the right, clockwise; None: any."""
    bend: float = 0.0
    """How far the middle of a petal stands aside of its axis."""
    cup: float = 0.5
    """How far the edges stand up, or down below 0."""
    slope: float = 0.2
    """How steeply a petal rises outwards: what rises towards the sun is turned away from it."""
    uneven: float = 0.05
    veins: float = 0.05
    edge: float = -0.15
    """How much brighter the edges are."""
    turn: float = 0.45
    """Where along the petal the colour of the base has half gone."""
    shadow: float = 0.45
    hairs: int = 0
    """Threads that a petal is dissolved into."""


class Patch:
    """The pixels of one bloom."""

    def __init__(self, rng: np.random.Generator, light: Light, radius: float, pose: Pose) -> None:
        self._rng, self._light, self._radius = rng, light, radius
        above, below, aside = (1.9, 0.2, 1.25) if pose.upright else (1.2, 1.2, 1.2)
        self.middle = (int(radius * aside) + 2, int(radius * above) + 2)
        """Where the middle of the bloom is, x and y in pixels."""
        self._size = (2 * self.middle[0] + 1, self.middle[1] + int(radius * below) + 3)
        across, down = (
            ((np.arange(size) - middle) / radius).astype(np.float32)
            for size, middle in zip(self._size, self.middle, strict=True)
        )
        c, s = np.float32(np.cos(pose.lean)), np.float32(np.sin(pose.lean))
        x, y = across * c + down[:, None] * s, down[:, None] * c - across * s
        flat: Floats = y / np.float32(np.cos(pose.tilt))
        for _ in range(2):  # a bloom is a cone: what stands higher is seen further up
            height = np.float32(pose.rise * np.sin(pose.tilt)) * np.hypot(x, flat)
            flat = (y + height) / np.float32(np.cos(pose.tilt))
        self._r, self._turn = np.hypot(x, flat).ravel(), np.arctan2(flat, x).ravel()
        a, b, z = light.direction
        self._sun = (a * c + b * s, b * c - a * s, z)  # as the bloom leans
        self._colours = np.zeros((len(self._r), 3), np.float32)  # times cover
        self._cover = np.zeros(len(self._r), np.float32)
        self._lit = np.ones(len(self._r), np.float32)  # how much light what is above lets through

    def lay(self, petals: Petals) -> None:
        """Lay petals under what is there."""
        rng, count, step = self._rng, petals.count, petals.spread / petals.count
        towards = rng.uniform(-np.pi, np.pi) if petals.towards is None else petals.towards
        reach = (self._r > petals.start) & (self._r < petals.start + petals.length * 1.15)
        inside = np.flatnonzero(reach & (self._cover < 0.98))
        turn = self._turn[inside] - np.float32(towards)
        turn -= np.float32(2 * np.pi) * np.round(turn / np.float32(2 * np.pi))
        number = np.floor(turn / np.float32(step) + np.float32(count / 2)).astype(np.int32)
        fanned = (number >= 0) & (number < count)
        inside, turn, number = inside[fanned], turn[fanned], number[fanned]
        axes = (np.arange(count) + 0.5 - count / 2) * step
        axes = (axes + rng.normal(0, 0.12 * min(step, 1), count)).astype(np.float32)
        length, width, tone = rng.normal(1, petals.uneven, (3, count)).astype(np.float32)
        off, r, long = turn - axes[number], self._r[inside], petals.length * length[number]
        u, v = (r * np.cos(off) - np.float32(petals.start)) / long, r * np.sin(off)
        row = (np.clip(u, 0, 1) * (len(_ALONG) - 1)).astype(np.int32)
        if petals.bend:
            v -= np.float32(petals.bend) * _BEND[row]
        half = (np.float32(petals.half_width) * outline(petals.shape, _ALONG))[row] * width[number]
        edge = np.minimum(half - np.abs(v), (1 - u) * long) * np.float32(self._radius)
        v = np.clip(v / np.maximum(half, 1e-4), -1, 1)
        cover = np.clip(edge + 0.5, 0, 1) * (u > 0)
        if petals.hairs:
            cover *= np.cos(v * np.float32(petals.hairs * np.pi / 2)) ** 4
        seen = cover > 0.02
        inside, number, row, v, cover = inside[seen], number[seen], row[seen], v[seen], cover[seen]
        light = self._shade(petals, axes + np.float32(towards), number, v)
        self._lay_under(inside, self._paint(petals, tone, number, row, v) * light, cover)
        if petals.shadow:
            self._cast_shadow(inside, cover, petals.shadow)

    def _paint(
        self, petals: Petals, tone: Floats, number: np.ndarray, row: np.ndarray, v: Floats
    ) -> Floats:
        along = 1 / (1 + np.exp((petals.turn - _ALONG) * 7))
        streaks = self._rng.normal(1, petals.veins, (petals.count, 16)) * tone[:, None]
        tones = streaks.astype(np.float32)[number, (v * 7.99 + 8).astype(np.int32)]
        tones *= 1 + np.float32(petals.edge) * v**4
        painted: Floats = blend(petals.base, petals.tip, along)[row] * tones[:, None]
        return painted

    def _shade(self, petals: Petals, axes: Floats, number: np.ndarray, v: Floats) -> Floats:
        """Return the light (n, 3) on each pixel, from the normal of its petal there."""
        x, y, z = self._sun
        along = (z - petals.slope * (x * np.cos(axes) + y * np.sin(axes))).astype(np.float32)
        aside = (petals.cup * (y * np.cos(axes) - x * np.sin(axes))).astype(np.float32)
        facing = np.clip(along[number] - aside[number] * v, 0.12, 1.15)
        lit: Floats = self._light.sky + self._light.sun * facing[:, None]
        return lit

    def _lay_under(self, inside: np.ndarray, colours: Floats, cover: Floats) -> None:
        seen = cover * (1 - self._cover[inside])
        self._colours[inside] += colours * (seen * self._lit[inside])[:, None]
        self._cover[inside] += seen

    def _cast_shadow(self, inside: np.ndarray, cover: Floats, depth: float) -> None:
        mask = np.zeros(len(self._r), np.uint8)
        mask[inside] = cover * 255
        blur = ImageFilter.BoxBlur(max(1.0, 0.045 * self._radius))
        soft = np.asarray(Image.fromarray(mask.reshape(self._size[::-1])).filter(blur))
        across, down = np.round(self._light.direction[:2] * 0.05 * self._radius).astype(int)
        self._lit *= 1 - np.float32(depth / 255) * np.roll(soft, (-down, -across), (0, 1)).ravel()

    def image(self) -> Image.Image:
        """Return the patch as RGBA."""
        pixels = np.empty((len(self._cover), 4), np.uint8)
        pixels[:, :3] = np.minimum(self._colours / np.maximum(self._cover, 0.01)[:, None], 1) * 255
        pixels[:, 3] = self._cover * 255
        return Image.fromarray(pixels.reshape(*self._size[::-1], 4), "RGBA")
