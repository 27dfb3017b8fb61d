"""One photo put together: a place, its light, blooms with stems and leaves, and a camera.

`draw_scene` is a pure function of its arguments: the same random generator state gives the same
image, whatever was drawn before it.
"""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from data.sources.flowers.backgrounds import draw_background
from data.sources.flowers.camera import develop_photo, lay_over, soften_layer
from data.sources.flowers.leaves import grow_stem
from data.sources.flowers.light import Light, draw_light, light_mesh, light_place
from data.sources.flowers.mesh import Mesh, join_meshes, rotation_matrix
from data.sources.flowers.species import Species

_PLACE_SHARES = {
    "grass": 0.22,
    "leaves": 0.16,
    "bed": 0.16,
    "bokeh": 0.16,
    "soil": 0.10,
    "sky": 0.13,
    "dark": 0.07,
}


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Where a bloom is in the photo: pixels, radius in pixels, and angles in degrees."""

    x: float
    y: float
    radius: float
    tilt: float
    lean: float


def draw_scene(rng: np.random.Generator, species: Species, variety: str) -> Image.Image:
    """Returns an RGB photo of one to several blooms of a variety; its short side is 224..320 px."""
    size = _draw_size(rng)
    place = str(rng.choice(list(_PLACE_SHARES), p=list(_PLACE_SHARES.values())))
    light = draw_light(rng)
    photo = light_place(draw_background(rng, place, size), light)
    poses = _draw_poses(rng, species, variety, size)
    if place != "dark" and rng.random() < 0.45:
        photo = lay_over(photo, _draw_companions(rng, species, variety, light, size, poses[0]))
    plants = [_grow_plant(rng, species, variety, pose, size) for pose in poses]
    layer = light_mesh(join_meshes(plants), size, light)
    focus = rng.uniform(0.4, 0.7) if rng.random() < 0.85 else rng.uniform(0.9, 1.7)
    return develop_photo(rng, lay_over(photo, soften_layer(layer, focus)))


def draw_variety(rng: np.random.Generator, species: Species) -> str:
    """Returns one of the usual varieties, by its share."""
    shares = np.array(list(species.varieties.values()))
    return str(rng.choice(list(species.varieties), p=shares / shares.sum()))


def _draw_size(rng: np.random.Generator) -> tuple[int, int]:
    short = int(rng.integers(224, 321))
    long = int(short * rng.choice([1.0, 1.2, 1.33, 1.5], p=[0.1, 0.2, 0.4, 0.3]))
    return (long, short) if rng.random() < 0.6 else (short, long)


def _draw_poses(
    rng: np.random.Generator, species: Species, variety: str, size: tuple[int, int]
) -> list[Pose]:
    """Returns one bloom close up, one on its stem, or several; the largest is near the middle."""
    short = min(size)
    blooms = int(rng.choice([1, 2, 3, 5], p=[0.64, 0.18, 0.10, 0.08]))
    close = rng.uniform(0.45, 0.62) if rng.random() < 0.22 else rng.uniform(0.25, 0.45)
    largest = {1: close, 2: rng.uniform(0.2, 0.32)}.get(blooms, rng.uniform(0.15, 0.24))
    if variety.endswith("far"):
        blooms, largest = max(blooms, 3), rng.uniform(0.09, 0.13)
    poses: list[Pose] = []
    for number in range(blooms):
        radius = short * largest * species.reach * (1 if number == 0 else rng.uniform(0.7, 1.0))
        tilt, lean = species.draw_tilt(rng, variety), rng.normal(0, 14)
        x, y = _find_room(rng, poses, radius, size)
        poses.append(Pose(x=x, y=y, radius=radius, tilt=tilt, lean=lean))
    return sorted(poses, key=lambda pose: pose.radius)


def _find_room(
    rng: np.random.Generator, poses: list[Pose], radius: float, size: tuple[int, int]
) -> tuple[float, float]:
    """Returns the middle of a free spot: the first near the centre, the others apart."""
    width, height = size
    if not poses:
        return width * rng.normal(0.5, 0.07), height * rng.normal(0.47, 0.05)
    spots = rng.uniform(0.08, 0.92, (24, 2)) * size
    gaps = [
        min(np.hypot(x - pose.x, y - pose.y) - 0.8 * (pose.radius + radius) for pose in poses)
        for x, y in spots
    ]
    x, y = spots[int(np.argmax(np.minimum(gaps, 0.4 * radius)))]
    return float(x), float(y)


def _grow_plant(
    rng: np.random.Generator, species: Species, variety: str, pose: Pose, size: tuple[int, int]
) -> Mesh:
    """Returns bloom, stem and leaves in pixels, the bloom's middle at z = 0 of its own depth."""
    unit = pose.radius
    turn = rotation_matrix(spin=rng.uniform(0, 360), tilt=pose.tilt, lean=pose.lean)
    bloom = species.bloom(rng, variety).scaled(unit).turned(turn).moved(pose.x, pose.y)
    neck = turn @ np.array([0, 0, species.stem_from], np.float32) * unit
    down = turn @ np.array([0, 0, -1], np.float32)
    top = (pose.x + neck[0], pose.y + neck[1])
    foot = (top[0] + unit * rng.normal(0, 0.5), max(size[1] * 1.06, top[1] + unit))
    middle = (top[0] + down[0] * unit * 1.4, (top[1] + foot[1]) / 2, -unit * 0.6)
    stem = grow_stem(
        ((*top, neck[2] - unit * 0.04), middle, (*foot, -unit * 0.6)),
        max(species.stem_width * unit, 1.5),
        species.stem * rng.uniform(0.8, 1.1),
    )
    leaves = species.leaves(rng, top, foot, unit) if rng.random() < 0.8 else []
    return join_meshes([bloom, stem, *leaves])


def _draw_companions(
    rng: np.random.Generator,
    species: Species,
    variety: str,
    light: Light,
    size: tuple[int, int],
    main: Pose,
) -> Image.Image:
    """Returns a layer of out-of-focus blooms of the same variety further back."""
    plants = []
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(0, 1, 2) * size
        tilt = species.draw_tilt(rng, variety)
        back = replace(main, x=x, y=y, radius=main.radius * rng.uniform(0.4, 0.75), tilt=tilt)
        plants.append(_grow_plant(rng, species, variety, back, size))
    small = (size[0] // 2, size[1] // 2)  # out of focus, half the pixels do
    layer = light_mesh(join_meshes(plants).scaled(0.5), small, light, fine=1)
    return soften_layer(layer, min(small) * rng.uniform(0.012, 0.035)).resize(size)
