"""What is behind the flower: grass, leaves, soil, sky, a flower bed, points of light, the dark.

Each returns an RGB image, already as blurred as its distance asks for.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from data.sources.flowers.mesh import Floats, blend, rgb

Size = tuple[int, int]
Place = Callable[[np.random.Generator, Size], Image.Image]


def draw_background(rng: np.random.Generator, place: str, size: Size) -> Image.Image:
    """Returns the background of a place (a key of `PLACES`).

    It is out of focus, so it is painted at half of the size and enlarged.
    """
    half = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    return PLACES[place](rng, half).resize(size, Image.Resampling.BICUBIC)


def cloud_field(rng: np.random.Generator, size: Size, cells: float, octaves: int = 4) -> Floats:
    """Returns smooth noise (height, width) around 0, about -1..1; `cells` across the short side."""
    width, height = size
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        across = cells * 2**octave / min(size)
        small = (max(2, round(height * across)), max(2, round(width * across)))
        noise = rng.standard_normal(small).astype(np.float32)
        grown = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
        total += np.asarray(grown) * np.float32(0.55 * 0.55**octave)
    return total


def _to_image(colours: Floats) -> Image.Image:
    return Image.fromarray((np.clip(colours, 0, 1) * 255).astype(np.uint8), "RGB")


def _blurred(image: Image.Image, radius: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(radius)) if radius > 0.3 else image


def _ink(colour: Floats) -> tuple[int, ...]:
    return tuple(int(value) for value in np.clip(colour * 255, 0, 255))


def _gradient(size: Size, top: Floats, bottom: Floats, noise: Floats) -> Floats:
    down = np.linspace(0, 1, size[1], dtype=np.float32)[:, None]
    return blend(top, bottom, down + 0.18 * noise)


def draw_grass(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a lawn or meadow: blades of grass, the far ones out of focus."""
    unit = min(size)
    sunny = rng.random()
    far, near = (
        blend(rgb("5d7f35"), rgb("a8b860"), sunny),
        blend(rgb("2f4a1c"), rgb("6a9038"), sunny),
    )
    image = _to_image(_gradient(size, far, near, cloud_field(rng, size, 5)))
    for blades, blur in (
        (110, unit * rng.uniform(0.012, 0.03)),
        (90, unit * rng.uniform(0.007, 0.018)),
    ):
        draw = ImageDraw.Draw(image)
        for _ in range(blades):
            _draw_blade(rng, draw, size, blend(near * 0.75, far, rng.random() * 1.2))
        image = _blurred(image, blur)
    return image


def _draw_blade(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, size: Size, colour: Floats
) -> None:
    width, height = size
    unit = min(size)
    x, y = rng.uniform(-0.1, 1.1) * width, rng.uniform(0.25, 1.25) * height
    tall, lean = unit * rng.uniform(0.25, 0.7), unit * rng.normal(0, 0.16)
    u = np.linspace(0, 1, 7)
    middle = np.stack([x + lean * u**2, y - tall * u], axis=1)
    half = unit * rng.uniform(0.006, 0.014) * (1 - u**2)[:, None] * [1, 0]
    outline = np.concatenate([middle - half, (middle + half)[::-1]])
    draw.polygon([tuple(point) for point in outline.tolist()], fill=_ink(colour))


def draw_leaves(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns foliage: oval leaves of a hedge, folded along the midrib, more or less in focus."""
    unit = min(size)
    dark = blend(rgb("16280f"), rgb("34501f"), rng.random())
    bright = blend(rgb("4c7a34"), rgb("98b858"), rng.random())
    image = _to_image(_gradient(size, dark, dark * 1.4, cloud_field(rng, size, 4)))
    for layer, blur in enumerate((0.03, rng.uniform(0.007, 0.022))):
        draw = ImageDraw.Draw(image)
        for _ in range(34):
            shade = rng.uniform(0.2, 0.7) + 0.25 * layer
            _draw_leaf(rng, draw, size, blend(dark, bright, np.float32(shade)))
        image = _blurred(image, blur * unit)
    return image


def _draw_leaf(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, size: Size, colour: Floats
) -> None:
    length, turn = min(size) * rng.uniform(0.12, 0.32), rng.uniform(0, 2 * np.pi)
    x, y = rng.uniform(0, 1, 2) * size
    u = np.linspace(0, 1, 9)
    half = 0.27 * length * np.sin(np.pi * u**0.85)
    for side, tone in ((-1, 0.82), (1, 1.08)):
        flat = np.stack([(u - 0.5) * length, side * half], axis=1)
        flat = np.concatenate([flat, flat[[-1, 0]] * [1, 0]])
        around = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        outline = flat @ around + [x, y]
        draw.polygon([tuple(point) for point in outline.tolist()], fill=_ink(colour * tone))


def draw_soil(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns bare earth with crumbs and small stones."""
    unit, colour = min(size), blend(rgb("5a4230"), rgb("8a7458"), rng.random())
    rough = cloud_field(rng, size, 14, 4) * 0.5 + cloud_field(rng, size, 3, 2) * 0.35
    image = _to_image(colour * (1 + 0.55 * rough[..., None]))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = rng.uniform(0, 1, 2) * size
        a, b = unit * rng.uniform(0.006, 0.028, 2)
        tone = colour * rng.uniform(0.6, 1.5)
        draw.ellipse((x - a, y - b + b * 0.5, x + a, y + b * 1.5), fill=_ink(colour * 0.35))
        draw.ellipse((x - a, y - b, x + a, y + b), fill=_ink(tone))
    return _blurred(image, unit * rng.uniform(0.003, 0.02))


def draw_sky(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a sky, clear or with clouds, sometimes with a hazy horizon of trees."""
    deep = blend(rgb("3a78c0"), rgb("9cb8cc"), rng.random())
    colours = _gradient(
        size, deep, blend(deep, rgb("e4ecf0"), np.float32(0.75)), cloud_field(rng, size, 1)
    )
    clouds = np.clip(cloud_field(rng, size, 2.2, 5) * 1.6 - rng.uniform(-0.2, 0.9), 0, 1)
    colours = blend(colours, rgb("f2f2f0"), clouds * 0.85)
    if rng.random() < 0.5:
        line = rng.uniform(0.62, 0.9) * size[1] + 0.05 * size[1] * cloud_field(rng, size, 5, 2)
        below = (np.arange(size[1])[:, None] - line) / (0.04 * size[1])
        trees = rgb("4c6a3c") * (1 + 0.2 * cloud_field(rng, size, 9, 2)[..., None])
        colours = blend(colours, trees, below)
    return _blurred(_to_image(colours), min(size) * 0.008)


def draw_bed(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a flower bed far out of focus: foliage with patches of other flowers' colours."""
    image = draw_leaves(rng, size)
    draw = ImageDraw.Draw(image)
    colours = [rgb(code) for code in ("e8c020", "d03a4a", "e890b0", "f0eee6", "8a58a8", "f08a2a")]
    chosen = rng.choice(len(colours), 2, replace=False)
    for _ in range(int(rng.integers(8, 22))):
        x, y = rng.uniform(0, 1, 2) * size
        radius = min(size) * rng.uniform(0.03, 0.09)
        tone = colours[int(rng.choice(chosen))] * rng.uniform(0.65, 1.0)
        for turn in np.arange(6) + rng.random():
            a, b = x + radius * 0.6 * np.cos(turn), y + radius * 0.45 * np.sin(turn)
            half = radius * rng.uniform(0.4, 0.6)
            draw.ellipse(
                (a - half, b - half, a + half, b + half), fill=_ink(tone * rng.uniform(0.8, 1.1))
            )
    return _blurred(image, min(size) * rng.uniform(0.018, 0.05))


def draw_bokeh(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a soft green or brown distance with discs of light, as a wide-open lens draws it."""
    unit = min(size)
    tones = ("2c4424", "7a9a50", "6a5a3a", "a8b48c", "8a7a90", "c8c0a4")
    tone = rgb(str(rng.choice(tones)))
    field = cloud_field(rng, size, 2.5, 3)
    image = _to_image(tone * (1.0 + 0.45 * field[..., None]))
    for _ in range(int(rng.integers(8, 26))):
        disc = Image.new("L", size, 0)
        x, y = rng.uniform(0, 1, 2) * size
        radius = unit * rng.uniform(0.03, 0.10)
        ImageDraw.Draw(disc).ellipse(
            (x - radius, y - radius, x + radius, y + radius),
            fill=int(rng.uniform(25, 95)),
            outline=int(rng.uniform(60, 120)),
        )
        light = blend(rgb("c8d890"), rgb("f8f0c8"), rng.random())
        image.paste(_ink(light), (0, 0), disc)
    return _blurred(image, unit * rng.uniform(0.006, 0.02))


def draw_dark(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a nearly black background, as behind a flower lit from the side."""
    field = cloud_field(rng, size, 2, 2)[..., None]
    tone = blend(rgb("10160e"), rgb("1c1a22"), rng.random())
    return _to_image(tone * (1.2 + 0.9 * field) + 0.01)


PLACES: dict[str, Place] = {
    "grass": draw_grass,
    "leaves": draw_leaves,
    "soil": draw_soil,
    "sky": draw_sky,
    "bed": draw_bed,
    "bokeh": draw_bokeh,
    "dark": draw_dark,
}
