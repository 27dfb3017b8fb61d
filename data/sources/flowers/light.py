"""Light on a mesh: shade, light through petals, crevices and cast shadows, as an image with alpha.

Painting notes for each pixel which quad it shows; colours, depth and shadows follow from that, so
their cost does not grow with the number of quads.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from data.sources.flowers.mesh import Floats, Mesh


@dataclass(frozen=True, kw_only=True)
class Light:
    """Where the sun stands (a unit vector towards it), its colour, and that of the shade."""

    direction: Floats
    sun: Floats
    ambient: Floats


def draw_light(rng: np.random.Generator) -> Light:
    """Returns light of some hour and weather, from full sun to an overcast sky."""
    around = rng.uniform(-np.pi, 0) if rng.random() < 0.85 else rng.uniform(0, np.pi)
    height = np.radians(rng.uniform(28, 68))
    direction = [np.cos(around) * np.cos(height), np.sin(around) * np.cos(height), np.sin(height)]
    strength = rng.uniform(0.25, 0.85)  # overcast to full sun
    warmth = rng.normal(0.25, 0.5) * strength
    sun = strength * np.array([1 + 0.10 * warmth, 1.0, 1 - 0.20 * warmth])
    ambient = (1.0 - 0.60 * strength) * np.array([0.97, 1.0, 1.04])
    return Light(
        direction=np.array(direction, np.float32),
        sun=sun.astype(np.float32),
        ambient=ambient.astype(np.float32),
    )


def light_mesh(mesh: Mesh, size: tuple[int, int], light: Light, *, fine: int = 2) -> Image.Image:
    """Returns the mesh in the light: premultiplied (`layer_image`), `size` (width, height).

    Args:
        mesh: in pixels of `size`.
        fine: how many times finer it is painted before it is reduced (antialiasing).
    """
    corners, colours = _sort_by_depth(mesh, size)
    corners = corners * np.float32(fine)
    shown = _paint_numbers(corners[..., :2], (size[0] * fine, size[1] * fine))
    facing = _facing_light(corners, light)[:, None]
    sky = _gather_pixels(colours * light.ambient, shown, fine)
    sun = _gather_pixels(colours * light.sun * facing, shown, fine)
    depth = _depth_map(corners, _nearest(shown, fine), fine) / np.float32(fine)
    lit, crevice = _shadows(depth, light)
    pixels = sky * crevice[..., None]
    pixels[..., :3] += sun[..., :3] * (lit * (0.45 + 0.55 * crevice))[..., None]
    pixels[..., 3] = sky[..., 3]
    return layer_image(np.minimum(pixels, 255).astype(np.uint8))


def layer_image(pixels: np.ndarray) -> Image.Image:
    """Returns premultiplied RGBA pixels (height, width, 4) as an image.

    Its mode is RGBX: Pillow premultiplies RGBA when it resizes, which these already are.
    """
    height, width = pixels.shape[:2]
    return Image.frombytes("RGBX", (width, height), np.ascontiguousarray(pixels).tobytes())


def light_place(photo: Image.Image, light: Light) -> Image.Image:
    """Returns a background in the same light; it was painted as in a mean one."""
    level = 0.35 + 0.75 * (light.ambient + 0.8 * light.sun)
    return Image.fromarray(np.minimum(np.asarray(photo) * level, 255).astype(np.uint8), "RGB")


def _sort_by_depth(mesh: Mesh, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Returns corners and colours of the quads in the frame, the furthest first."""
    low, high = mesh.corners[..., :2].min(axis=1), mesh.corners[..., :2].max(axis=1)
    inside = np.flatnonzero(((high > 0) & (low < np.array(size))).all(axis=1))
    order = inside[np.argsort(mesh.corners[inside, :, 2].mean(axis=1), kind="stable")]
    return mesh.corners[order], mesh.colours[order]


def _paint_numbers(outlines: Floats, size: tuple[int, int]) -> np.ndarray:
    """Returns for each pixel the number of the quad it shows, counted from 1; 0 is nothing."""
    numbers = Image.new("I", size, 0)
    draw = ImageDraw.Draw(numbers)
    for number, outline in enumerate(outlines.reshape(-1, 8).tolist(), start=1):
        draw.polygon(outline, fill=number)
    return np.asarray(numbers)


def _gather_pixels(colours: Floats, shown: np.ndarray, fine: int) -> Floats:
    """Returns the reduced RGBA pixels (height, width, 4) in 0..255 that show quads' colours."""
    palette = np.zeros((len(colours) + 1, 4), np.uint8)
    palette[1:, :3] = np.clip(colours * 255, 0, 255)
    palette[1:, 3] = 255
    pixels = palette.view(np.uint32)[:, 0][shown].view(np.uint8).reshape(*shown.shape, 4)
    return np.asarray(layer_image(pixels).reduce(fine)).astype(np.float32)


def _normals(corners: Floats) -> Floats:
    """Returns the unit normals (n, 3) of quads, turned towards the viewer."""
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-6
    return normals * np.where(normals[:, 2:] < 0, -1, 1).astype(np.float32)


def _facing_light(corners: Floats, light: Light) -> Floats:
    """Returns how strongly the sun lights each quad: from the front, or weaker through it."""
    towards = _normals(corners) @ light.direction
    return np.where(towards > 0, 0.22 + 0.84 * towards, 0.22 - 0.5 * towards)


def _nearest(shown: np.ndarray, fine: int) -> np.ndarray:
    """Returns the nearest quad in each reduced pixel: numbers grow towards the viewer."""
    shifts = [(row, column) for row in range(fine) for column in range(fine)]
    nearest: np.ndarray = np.maximum.reduce(
        [shown[row::fine, column::fine] for row, column in shifts]
    )
    return nearest


def _depth_map(corners: Floats, numbers: np.ndarray, fine: int) -> Floats:
    """Returns the depth (height, width) in each reduced pixel, on its quad's plane."""
    normals, middle = _normals(corners), corners.mean(axis=1)
    slope = -normals[:, :2] / np.maximum(normals[:, 2:], 0.2)
    start = middle[:, 2] - (slope * middle[:, :2]).sum(axis=1)
    planes = np.zeros((len(corners) + 1, 3), np.float32)
    planes[1:] = np.column_stack([slope, start])
    planes[0, 2] = middle[:, 2].min(initial=0) - 40 * fine
    height, width = numbers.shape
    x = (np.arange(width, dtype=np.float32) + 0.5) * fine
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) * fine
    across, down, level = np.moveaxis(planes[numbers], -1, 0)
    depth: Floats = across * x + down * y + level
    return depth


def _shadows(depth: Floats, light: Light) -> tuple[Floats, Floats]:
    """Returns how much sun (0..1) and how much sky (0..1) reaches each pixel."""
    unit = max(depth.shape) / 300  # so that shadows grow with the photo
    lit, crevice = np.ones_like(depth), np.ones_like(depth)
    x, y, z = light.direction
    flat = np.hypot(x, y)
    for distance in (2.0, 4.0, 7.0, 11.0, 17.0, 25.0):
        reach = distance * unit
        shifted = _shift(depth, round(x / flat * reach), round(y / flat * reach))
        rise = shifted - depth - reach * z / flat - 1.2
        lit = np.minimum(lit, 1 - 0.75 * np.clip(rise / (1.5 * unit), 0, 1))
    for cells, weight in ((4, 0.45), (12, 0.45)):
        below = _blur(depth, max(2, round(cells * unit))) - depth
        crevice *= 1 - weight * np.clip(below / (1.4 * cells * unit), 0, 1)
    return lit, crevice


def _shift(field: Floats, dx: int, dy: int) -> Floats:
    """Returns the field seen dx, dy further on; what lies outside repeats the edge."""
    height, width = field.shape
    rows = np.clip(np.arange(height) + dy, 0, height - 1)
    columns = np.clip(np.arange(width) + dx, 0, width - 1)
    return field[rows][:, columns]


def _blur(field: Floats, cells: int) -> Floats:
    image = Image.fromarray(field)
    small = image.reduce(cells)
    return np.asarray(small.resize(image.size, Image.Resampling.BILINEAR))
