"""Motifs that fill the frame: pages, screens, walls, cloth, wood, noise, light without a thing.

Each function takes a random generator and (width, height), and returns an RGB image of that size.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from data.sources.flowers.backgrounds import Size, cloud_field
from data.sources.flowers.mesh import Floats, blend, rgb

Ink = tuple[int, int, int]


def pick_ink(rng: np.random.Generator, *codes: str, spread: float = 0.12) -> Ink:
    """Returns one of the colours (#rrggbb without the #), a little darker or brighter."""
    colour = rgb(str(rng.choice(codes))) * (1 + rng.uniform(-spread, spread))
    red, green, blue = (int(value) for value in np.clip(colour * 255, 0, 255))
    return red, green, blue


def to_image(colours: Floats) -> Image.Image:
    """Returns an RGB image of colours (height, width, 3) in 0..1."""
    return Image.fromarray((np.clip(colours, 0, 1) * 255).astype(np.uint8), "RGB")


def draw_page(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a printed page, a little turned, on a desk."""
    width, height = size
    desk = to_image(rgb("6a4a30") * (1 + 0.25 * cloud_field(rng, size, 6)[..., None]))
    page = Image.new("RGB", (width * 4 // 5, height), pick_ink(rng, "f6f4ec", "fbfbfb", "efe8d4"))
    draw, ink = ImageDraw.Draw(page), pick_ink(rng, "202020", "30343c")
    line = int(rng.integers(7, 13))
    y = line * 2
    draw.rectangle((20, y, 20 + int(page.width * rng.uniform(0.3, 0.7)), y + line), fill=ink)
    y += 3 * line
    while y < height - line:
        x, end = 20, page.width - 20
        if rng.random() < 0.12:
            end = int(page.width * rng.uniform(0.3, 0.7))
        while x < end:
            word = int(rng.integers(2, 9)) * line // 3
            draw.rectangle((x, y, min(x + word, end), y + line // 3), fill=ink)
            x += word + line // 2
        y += line if rng.random() > 0.1 else 2 * line
    turned = page.convert("RGBA").rotate(rng.uniform(-14, 14), expand=True)
    desk.paste(turned, (int(rng.uniform(-0.05, 0.2) * width), -height // 12), turned)
    return desk


def draw_chart(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a screen with a bar chart, a line and a side bar."""
    width, height = size
    image = Image.new("RGB", size, pick_ink(rng, "ffffff", "f2f4f8", "1c2026", spread=0.02))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width, height // 12), fill=pick_ink(rng, "2a4a7a", "444444", "7a2a4a"))
    draw.rectangle((0, height // 12, width // 6, height), fill=pick_ink(rng, "d8dce4", "30363e"))
    left, bottom = width // 5, height * 9 // 10
    bars = int(rng.integers(4, 12))
    step = (width - left - 20) / bars
    colour = pick_ink(rng, "3a7ac0", "d06a2a", "4a9a5a", "8a5ab0")
    tops = []
    for bar in range(bars):
        top = bottom - int(rng.uniform(0.1, 0.7) * height)
        x = left + bar * step
        draw.rectangle((x, top, x + step * 0.7, bottom), fill=colour)
        tops.append((x + step * 0.35, top - 12))
    draw.line(tops, fill=pick_ink(rng, "c03030", "202020"), width=3)
    draw.line((left, bottom, width - 10, bottom), fill=(120, 120, 120), width=2)
    return image


def draw_bricks(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a wall of bricks or tiles with joints."""
    width, height = size
    joint = rgb(str(rng.choice(["b8b0a4", "d8d4cc", "6a6660"])))
    tone = rgb(str(rng.choice(["9a4a34", "b0886a", "8a8a90", "d8d8d4", "5a7a9a"])))
    rough = cloud_field(rng, size, 40, 3)[..., None]
    image = to_image(joint * (1 + 0.15 * rough))
    draw = ImageDraw.Draw(image)
    tall = int(rng.integers(16, 50))
    long = int(tall * rng.uniform(1.0, 2.8))
    for row, y in enumerate(range(-tall, height, tall)):
        for x in range(-long + (row % 2) * long // 2, width, long):
            shade = np.clip(tone * rng.uniform(0.8, 1.15) * 255, 0, 255).astype(int)
            draw.rectangle((x + 2, y + 2, x + long - 2, y + tall - 2), fill=tuple(shade.tolist()))
    worn = np.asarray(image, np.float32) / 255 * (1 + 0.12 * rough)
    return to_image(worn).rotate(rng.uniform(-6, 6), resample=Image.Resampling.BICUBIC)


def draw_cloth(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a woven cloth: stripes or checks with threads and folds."""
    width, height = size
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    first, second = (
        rgb(str(rng.choice(["a03030", "3050a0", "e8e4d8", "505050", "c8a050", "306a60"])))
        for _ in range(2)
    )
    wide = rng.uniform(10, 48)
    stripes = (np.sin(x * 2 * np.pi / wide) > rng.uniform(-0.6, 0.6)).astype(np.float32)
    if rng.random() < 0.6:
        stripes = 0.5 * (stripes + (np.sin(y * 2 * np.pi / wide) > 0))
    threads = 1 + 0.1 * np.sin(x * 2.1) * np.sin(y * 2.1)
    folds = 1 + 0.35 * cloud_field(rng, size, 2.0, 2)
    return to_image(blend(first, second, stripes) * (threads * folds)[..., None])


def draw_wood(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns boards with grain."""
    width, height = size
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    bend = 14 * cloud_field(rng, size, 1.5, 2)
    grain = np.sin((y + bend) * rng.uniform(0.2, 0.7)) + 0.5 * np.sin((y + bend) * 1.7)
    boards = (np.floor(y / rng.uniform(40, 110)) * 7.3) % 1.0
    tone = rgb(str(rng.choice(["8a5a34", "b88a58", "5a3a24", "c8b090"])))
    shade = 0.85 + 0.25 * boards + 0.1 * grain + 0.05 * np.sin(x * 0.01)
    return to_image(tone * shade[..., None])


def draw_noise(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns noise: grains without neighbours, or clouds of colour."""
    width, height = size
    if rng.random() < 0.4:
        return to_image(rng.random((height, width, 3), dtype=np.float32))
    cells = rng.uniform(2, 30)
    colours = [cloud_field(rng, size, cells, 5) for _ in range(3)]
    return to_image(0.5 + 0.4 * np.stack(colours, axis=-1))


def draw_light(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns light without a thing: a bare wall, a lens cap, a blur of colour."""
    width, height = size
    first, second = rng.random(3).astype(np.float32), rng.random(3).astype(np.float32)
    if rng.random() < 0.3:  # nearly nothing: a dark or an overexposed frame
        first, second = np.full(3, rng.choice([0.03, 0.95]), np.float32), first * 0.2
    angle = rng.uniform(0, 2 * np.pi)
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    across = np.clip(0.5 + 0.5 * (x * np.cos(angle) + y * np.sin(angle)), 0, 1)
    return to_image(blend(first, second, across.astype(np.float32)))


def draw_lights(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a town at night: windows and lamps before a dark sky."""
    width, height = size
    image = Image.new("RGB", size, pick_ink(rng, "0a0e1a", "141018", "101820"))
    draw = ImageDraw.Draw(image)
    x = 0
    while x < width:
        wide, top = int(rng.integers(30, 90)), int(height * rng.uniform(0.15, 0.75))
        draw.rectangle((x, top, x + wide, height), fill=pick_ink(rng, "1c2028", "241e20", "161a22"))
        for window_y in range(top + 8, height, 14):
            for window_x in range(x + 5, x + wide - 6, 11):
                if rng.random() < 0.4:
                    light = pick_ink(rng, "ffd880", "fff0c0", "c0d8ff", "ffb060")
                    box = (window_x, window_y, window_x + 5, window_y + 8)
                    draw.rectangle(box, fill=light)
        x += wide
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 3)))
