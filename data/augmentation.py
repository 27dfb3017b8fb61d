"""Augmentation of photos: the only implementation, for previews and for training.

A draw depends only on (policy, seed, photo, draw number), never on order, process or thread. Each
part has its own random numbers, so a change of one part leaves the draws of all others unchanged.
Geometric parts compose into one affine transform with one interpolation and mirrored edges. Then
come colour (one matrix), blur, noise and cutout.
"""

import hashlib
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from data.images import MEAN_COLOUR
from data.policy import GEOMETRIC, LIMITS, AugmentationPolicy

_COLOURS = ("brightness", "contrast", "saturation", "hue")
_LUMA = np.array([0.299, 0.587, 0.114])
"""Source: ITU-R BT.601, as Pillow turns colours into grey."""
_MARGIN = 3
"""Extra pixels around the source of a transform: bicubic reads the next two."""


class DrawnPart(NamedTuple):
    """One part as applied to one photo."""

    amount: float
    second: float
    """The height factor of `scale`; elsewhere equal to amount."""
    place: tuple[float, float]
    """Place of a crop or cutout, from 0 to 1 of the free space."""


def augment(
    photo: np.ndarray, policy: AugmentationPolicy, *, seed: int, photo_id: str, draw: int
) -> np.ndarray:
    """Return one draw of a photo, of the same shape; the photo itself if the policy does nothing.

    Args:
        photo: (h, w, 3) uint8 RGB, the input of the backbone; never written to.
        seed: The seed of the recipe.
        photo_id: The sha256 of the photo's file.
        draw: Number of the epoch or view.
    """
    if policy.does_nothing:
        return photo
    drawn = draw_parts(policy, seed=seed, photo_id=photo_id, draw=draw)
    return _apply(photo, drawn, noise_seed=_mix(seed, photo_id, draw))


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """Draws of a policy for the photos of a dataset by number."""

    policy: AugmentationPolicy
    seed: int
    digests: Sequence[str]
    """sha256 of the file of each photo of the dataset."""

    def draw(
        self,
        photos: Iterable[np.ndarray],
        numbers: Sequence[int],
        draw: int,
        run: Callable[..., Iterator[Any]] = map,
    ) -> np.ndarray:
        """Return a draw of each of these photos, (b, h, w, 3) uint8; `run` maps over them."""

        def change(photo: np.ndarray, number: int) -> np.ndarray:
            photo_id = self.digests[number]
            return augment(photo, self.policy, seed=self.seed, photo_id=photo_id, draw=draw)

        return np.stack(list(run(change, photos, numbers)))


def augment_part(photo: np.ndarray, name: str, amount: float) -> np.ndarray:
    """Return the photo with one part applied at a given amount.

    Crop and cutout are centred; `scale` stretches the width; the noise is always the same.
    """
    amount = float(amount != 0) if name.endswith("_flip") else float(amount)
    part = DrawnPart(amount, LIMITS[name].neutral if name == "scale" else amount, (0.5, 0.5))
    return _apply(photo, {name: part}, noise_seed=0)


def draw_parts(
    policy: AugmentationPolicy, *, seed: int, photo_id: str, draw: int
) -> dict[str, DrawnPart]:
    """Return the parts of one draw of a photo."""
    source = random.Random(_mix(seed, photo_id, draw))
    # Five numbers per part, used or not, so that parts are independent of each other.
    numbers = {name: [source.random() for _ in range(5)] for name in LIMITS}
    parts = policy.parts
    if policy.pick is None:
        chosen = {name for name, part in parts.items() if numbers[name][0] < part.probability}
    else:
        chosen = set(sorted(parts, key=lambda name: numbers[name][0])[: policy.pick])
    drawn = {}
    for name, part in parts.items():
        if name in chosen:
            _, first, second, x, y = numbers[name]
            span = part.high - part.low
            amount = part.low + span * first
            other = part.low + span * second if name == "scale" else amount
            drawn[name] = DrawnPart(amount, other, (x, y))
    return drawn


def _mix(seed: int, photo_id: str, draw: int) -> int:
    text = f"{seed}/{photo_id}/{draw}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")


def _apply(photo: np.ndarray, drawn: Mapping[str, DrawnPart], *, noise_seed: int) -> np.ndarray:
    geometry = {name: drawn[name] for name in GEOMETRIC if name in drawn}
    colours = {name: drawn[name].amount for name in _COLOURS if name in drawn}
    radius = drawn["blur"].amount if "blur" in drawn else 0.0
    if geometry and all(name.endswith("_flip") for name in geometry):  # exact, and fast
        photo, geometry = _flip(photo, geometry), {}
    if geometry or colours or radius > 0:
        picture = Image.fromarray(photo)
        if geometry:
            picture = _transform(picture, geometry)
        if colours:
            picture = _recolour(picture, colours)
        if radius > 0:
            picture = picture.filter(ImageFilter.GaussianBlur(radius))
        photo = np.array(picture)
    if "noise" in drawn and drawn["noise"].amount > 0:
        photo = _add_noise(photo, drawn["noise"].amount, noise_seed)
    if "cutout" in drawn:
        photo = _cut_out(photo, drawn["cutout"])
    return photo


def _flip(photo: np.ndarray, geometry: Mapping[str, DrawnPart]) -> np.ndarray:
    names = ("vertical_flip", "horizontal_flip")
    drawn = {name for name, part in geometry.items() if part.amount}
    axes = tuple(axis for axis, name in enumerate(names) if name in drawn)
    return np.ascontiguousarray(np.flip(photo, axes))


def _transform(picture: Image.Image, geometry: Mapping[str, DrawnPart]) -> Image.Image:
    """Return the picture under one affine transform, bicubic, with mirrored edges.

    Pillow truncates here: the mean is half a grey level darker.
    """
    width, height = picture.size
    matrix = _compose(geometry, width, height)
    corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    left, top = np.floor(corners.min(axis=1)).astype(int)[:2] - _MARGIN
    right, bottom = np.ceil(corners.max(axis=1)).astype(int)[:2] + _MARGIN
    # Four bytes a pixel are moved as one number; the transform itself is faster on three bands.
    pixels = np.asarray(picture.convert("RGBX")).view(np.uint32)[..., 0]
    pixels = pixels.take(_mirror(top, bottom, height), 0).take(_mirror(left, right, width), 1)
    size = (pixels.shape[1], pixels.shape[0])
    source = Image.frombuffer("RGBX", size, pixels, "raw", "RGBX", 0, 1).convert("RGB")
    (a, b, c), (d, e, f) = matrix[:2].tolist()
    coefficients = (a, b, c - float(left), d, e, f - float(top))
    return source.transform(
        (width, height), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC
    )


def _mirror(start: int, stop: int, size: int) -> np.ndarray:
    """Return the source row or column of each place, with mirrored edges."""
    places = np.arange(start, stop) % (2 * size)
    return np.minimum(places, 2 * size - 1 - places)


def _compose(geometry: Mapping[str, DrawnPart], width: int, height: int) -> np.ndarray:
    """Return the (3, 3) matrix from places in the result to places in the photo.

    The photo is cropped, mirrored, scaled, sheared, rotated (clockwise), then moved; the product
    has the inverses in this order, from left to right.
    """

    def amount(name: str) -> float:
        return geometry[name].amount if name in geometry else LIMITS[name].neutral

    turn, slant = math.radians(amount("rotation")), math.tan(math.radians(amount("shear")))
    zoom, wide = amount("zoom"), amount("scale")
    tall = geometry["scale"].second if "scale" in geometry else wide
    side = amount("random_crop")
    x, y = geometry["random_crop"].place if "random_crop" in geometry else (0.5, 0.5)
    mirror_x = -1 if amount("horizontal_flip") else 1
    mirror_y = -1 if amount("vertical_flip") else 1
    cos, sin = round(math.cos(turn), 15), round(math.sin(turn), 15)  # right angles are exact
    crop = _affine(
        side, 0, (x - 0.5) * (1 - side) * width, 0, side, (y - 0.5) * (1 - side) * height
    )
    size = _affine(mirror_x / (zoom * wide), 0, 0, 0, mirror_y / (zoom * tall), 0)
    turned = _affine(1, slant, 0, 0, 1, 0) @ _affine(cos, sin, 0, -sin, cos, 0)
    moved = _affine(1, 0, -amount("width_shift") * width, 0, 1, -amount("height_shift") * height)
    middle = _affine(1, 0, width / 2, 0, 1, height / 2)
    back = _affine(1, 0, -width / 2, 0, 1, -height / 2)
    return np.asarray(middle @ crop @ size @ turned @ moved @ back)


def _affine(*coefficients: float) -> np.ndarray:
    return np.array([coefficients[:3], coefficients[3:], (0, 0, 1)], dtype=np.float64)


def _recolour(picture: Image.Image, colours: Mapping[str, float]) -> Image.Image:
    """Return the picture with brightness, contrast, saturation and hue changed by one matrix.

    Contrast is relative to the mean grey; hue rotates colours about the grey axis, so greys stay.
    """
    matrix, of_grey = _mix_colours(colours)
    grey = float(np.asarray(picture.convert("L")).mean()) if of_grey else 0.0
    offset = np.full((3, 1), of_grey * grey)
    return picture.convert("RGB", tuple(np.hstack([matrix, offset]).ravel().tolist()))


def _mix_colours(colours: Mapping[str, float]) -> tuple[np.ndarray, float]:
    """Return the (3, 3) colour matrix of a pixel, and the factor of the added mean grey."""
    brightness, contrast = colours.get("brightness", 1.0), colours.get("contrast", 1.0)
    saturation, turn = colours.get("saturation", 1.0), math.radians(colours.get("hue", 0.0))
    paler = saturation * np.eye(3) + (1 - saturation) * _LUMA
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    cos, sin = math.cos(turn), math.sin(turn)
    turned = cos * np.eye(3) + (1 - cos) / 3 * np.ones((3, 3)) + sin * cross
    return brightness * contrast * (turned @ paler), brightness * (1 - contrast)


def _add_noise(photo: np.ndarray, deviation: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(photo.shape, dtype=np.float32)
    noise *= np.float32(deviation)
    noise += photo
    np.rint(noise, out=noise)
    np.clip(noise, 0, 255, out=noise)
    return noise.astype(np.uint8)


def _cut_out(photo: np.ndarray, part: DrawnPart) -> np.ndarray:
    height, width = photo.shape[:2]
    rows, columns = round(part.amount * height), round(part.amount * width)
    top = round(part.place[1] * (height - rows))
    left = round(part.place[0] * (width - columns))
    answer = photo.copy()
    answer[top : top + rows, left : left + columns] = MEAN_COLOUR
    return answer
