"""What is behind the flower, out of focus already, and what the camera adds to it all."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from data.sources.flowers.petals import Floats, blend, rgb

Size = tuple[int, int]
Rng = np.random.Generator
_SHAPES = {  # shortest and longest as shares of the short side, half width as a share of the length
    "blade": (0.3, 0.8, 0.02),
    "leaf": (0.12, 0.34, 0.5),
    "disc": (0.05, 0.18, 1.0),
    "stone": (0.01, 0.06, 1.0),
    "cloud": (0.2, 0.8, 0.4),
}


def cloud_field(rng: Rng, size: Size, cells: float, octaves: int = 4) -> Floats:
    """Return smooth noise (height, width) around 0, about -1..1; `cells` across the short side."""
    total = np.zeros(size[::-1], np.float32)
    for octave in range(octaves):
        across = cells * 2**octave / min(size)
        small = [max(2, round(side * across)) for side in size[::-1]]
        noise = Image.fromarray(rng.standard_normal(small).astype(np.float32))
        total += np.asarray(noise.resize(size, Image.Resampling.BICUBIC)) * np.float32(0.55**octave)
    return total * np.float32(0.55)


def to_image(colours: Floats) -> Image.Image:
    """Return an RGB image of colours (height, width, 3) in 0..1."""
    return Image.fromarray((np.clip(colours, 0, 1) * 255).astype(np.uint8), "RGB")


def inks(colours: Floats) -> list[tuple[int, ...]]:
    """Return colours (n, 3) of 0..1 as Pillow takes them."""
    return [tuple(ink) for ink in np.clip(colours * 255, 0, 255).astype(int).tolist()]


def strew(rng: Rng, image: Image.Image, kind: str, count: int, colours: Floats) -> None:
    """Draw things of a kind all over the image, in tones between two colours (2, 3)."""
    low, high, wide = _SHAPES[kind]
    u, blade = np.linspace(0, 1, 9), kind == "blade"
    long = rng.uniform(low, high, (count, 1)) * min(image.size)
    half = wide * long * (1 - u**2 if blade else np.sqrt(u * (1 - u)))
    bend = 0.15 * long * u**2 * blade
    x = np.concatenate([(u - 0.5) * long, (0.5 - u) * long], 1)
    y = np.concatenate([bend + half, (bend - half)[:, ::-1]], 1)
    turn = rng.normal(-1.57, 0.3, (count, 1)) if blade else rng.uniform(0, 6.28, (count, 1))
    turn = turn * (kind != "cloud")
    middle = rng.uniform(0, 1, (count, 1, 2)) * image.size
    c, s = np.cos(turn), np.sin(turn)
    corners = (np.stack([x * c - y * s, x * s + y * c], axis=2) + middle).tolist()
    tones = blend(colours[0], colours[1], rng.random(count)) * rng.uniform(0.8, 1.15, (count, 1))
    draw = ImageDraw.Draw(image)
    for corner, ink in zip(corners, inks(tones), strict=True):
        draw.polygon([tuple(place) for place in corner], ink)


def draw_place(
    rng: Rng, size: Size, *, ground: str, rough: tuple[float, float], strewn: Sequence[str]
) -> Image.Image:
    """Return an RGB image of a ground with things on it, layer after layer out of focus.

    Args:
        ground: Four colours: darkest and brightest at the top, then at the bottom.
        rough: How strong its mottling is, and how many patches of it there are across.
        strewn: Layers: “kind count blur darkest brightest”, the blur in shares of the short side.
    """
    top, bottom = np.array([rgb(code) for code in ground.split()]).reshape(2, 2, 3)
    sunny, down = float(rng.random()), np.linspace(0, 1, size[1], dtype=np.float32)[:, None]
    noise = cloud_field(rng, size, rough[1])
    upper, lower = blend(top[0], top[1], sunny), blend(bottom[0], bottom[1], sunny)
    image = to_image(blend(upper, lower, down + 0.2 * noise) * (1 + rough[0] * noise[..., None]))
    for layer in strewn:
        kind, count, blur, *codes = layer.split()
        colours = np.array([rgb(code) for code in codes]) * (0.75 + 0.4 * sunny)
        strew(rng, image, kind, int(int(count) * rng.uniform(0.7, 1.3)), colours)
        radius = float(blur) * rng.uniform(0.6, 1.5) * min(size)
        image = image.filter(ImageFilter.GaussianBlur(max(0.9, radius)))  # less would show pixels
    return image


_HEDGE = ("leaf 32 0.03 1c3012 4c7032", "leaf 28 0.013 24401a 90b458")
_DARK_GREEN = "16280f 34501f 1c3314 3c5a26"


def draw_bed(rng: Rng, size: Size) -> Image.Image:
    """Return a flower bed far out of focus: foliage with patches of two flowers' colours."""
    flowers = rng.choice(["e8c020", "d03a4a", "e890b0", "f0eee6", "8a58a8", "f08a2a"], 2, False)
    strewn = (
        *_HEDGE,
        *(f"disc 9 {blur} {code} {code}" for code, blur in zip(flowers, (0, 0.035), strict=True)),
    )
    return draw_place(rng, size, ground=_DARK_GREEN, rough=(0.2, 4), strewn=strewn)


def draw_bokeh(rng: Rng, size: Size) -> Image.Image:
    """Return a soft distance with discs of light, as a wide-open lens draws it."""
    tone = str(rng.choice(["2c4424", "7a9a50", "6a5a3a", "a8b48c", "8a7a90", "c8c0a4"]))
    image = draw_place(rng, size, ground=f"{tone} " * 4, rough=(0.45, 2.5), strewn=())
    lights = image.copy()
    strew(rng, lights, "disc", 18, np.array([rgb("c8d890"), rgb("f8f0c8")]))
    return Image.blend(image, lights, rng.uniform(0.15, 0.4)).filter(ImageFilter.GaussianBlur(1.5))


PLACES: dict[str, Callable[[Rng, Size], Image.Image]] = {
    "grass": partial(
        draw_place,
        ground="5d7f35 a8b860 2f4a1c 6a9038",
        rough=(0.1, 4),
        strewn=("blade 70 0.022 3c5a24 8aa850", "blade 70 0.01 38561f 98b458"),
    ),
    "leaves": partial(draw_place, ground=_DARK_GREEN, rough=(0.2, 4), strewn=_HEDGE),
    "soil": partial(
        draw_place,
        ground="5a4230 8a7458 5a4230 8a7458",
        rough=(0.25, 9),
        strewn=("stone 60 0.01 3a2a1c a89070",),
    ),
    "sky": partial(
        draw_place,
        ground="3a78c0 9cb8cc 90b4d8 dce6ec",
        rough=(0.03, 2),
        strewn=("cloud 7 0.08 e4e8ec f8f8f8",),
    ),
    "bed": draw_bed,
    "bokeh": draw_bokeh,
    "dark": partial(draw_place, ground="10160e 1c1a22 141a12 201e26", rough=(0.9, 2), strewn=()),
}


def draw_background(rng: Rng, place: str, size: Size) -> Image.Image:
    """Return the background of a place (a key of `PLACES`), painted at a third of the size."""
    small = ((size[0] + 2) // 3, (size[1] + 2) // 3)
    return PLACES[place](rng, small).resize(size, Image.Resampling.BICUBIC)


def develop_photo(rng: Rng, photo: Image.Image) -> Image.Image:
    """Return the photo as a camera would give it: exposed, tinted, vignetted, slightly grainy."""
    warmth, exposure = rng.normal(0, 0.035), np.exp(rng.normal(0.07, 0.11))
    balance = np.array([1 + warmth, 1.0, 1 - warmth])[:, None] * exposure
    tones = (np.arange(256) / 255 * balance - 0.4) * rng.uniform(0.92, 1.15) + 0.4
    over = np.maximum(tones - 0.72, 0)  # bent to stay below 1, so that white petals keep shades
    curves = np.clip((np.minimum(tones, 0.72) + over / (1 + over / 0.28)) * 255, 0, 255)
    toned = photo.point(curves.astype(int).ravel().tolist())
    pixels = np.asarray(ImageEnhance.Color(toned).enhance(rng.uniform(0.78, 1.0)))
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) ** 2 for side in pixels.shape[:2])
    corner = 1 - np.float32(rng.uniform(0, 0.22)) * (x + y[:, None])
    grain = (rng.random(pixels.shape[:2], np.float32) - 0.5) * np.float32(rng.uniform(3, 11))
    developed = np.clip(pixels * corner[..., None] + grain[..., None], 0, 255)
    return Image.fromarray(developed.astype(np.uint8))
