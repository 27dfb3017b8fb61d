"""Motifs with a thing in front of a ground: a face, a cup, a car, a house, a room, an animal.

Each function takes a random generator and (width, height), and returns an RGB image of that size.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from data.sources.flowers.backgrounds import Size, cloud_field, draw_sky
from data.sources.flowers.mesh import blend, rgb
from data.unlike.surfaces import draw_light, draw_wood, pick_ink, to_image


def draw_face(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a portrait: head, hair, eyes, mouth and shoulders before a soft ground."""
    width, height = size
    image = draw_light(rng, size)
    draw = ImageDraw.Draw(image)
    x, y, r = width * rng.uniform(0.42, 0.58), height * 0.42, min(size) * rng.uniform(0.2, 0.3)
    skin = pick_ink(rng, "e8c0a0", "c08a64", "8a5a3c", "f0d0b8", "5a3a28")
    hair = pick_ink(rng, "2a1c14", "6a4a28", "c8a060", "888888")
    coat = pick_ink(rng, "304a70", "7a2a30", "404040", "d8d4cc", "2a5a40")
    draw.ellipse((x - 2.1 * r, y + 1.3 * r, x + 2.1 * r, y + 4 * r), fill=coat)
    draw.ellipse((x - 1.15 * r, y - 1.55 * r, x + 1.15 * r, y + 0.9 * r), fill=hair)
    draw.rectangle((x - 0.35 * r, y + 0.9 * r, x + 0.35 * r, y + 1.6 * r), fill=skin)
    draw.ellipse((x - 0.9 * r, y - 1.15 * r, x + 0.9 * r, y + 1.25 * r), fill=skin)
    for side in (-1, 1):
        eye, half = x + side * 0.36 * r, 0.14 * r
        draw.ellipse((eye - half, y - 0.2 * r, eye + half, y), fill=(245, 245, 240))
        draw.ellipse(
            (eye - half / 2, y - 0.18 * r, eye + half / 2, y - 0.02 * r), fill=(40, 30, 24)
        )
        draw.line((eye - half, y - 0.34 * r, eye + half, y - 0.36 * r), fill=hair, width=4)
    dark = tuple(channel * 3 // 4 for channel in skin)
    draw.line((x, y - 0.05 * r, x - 0.1 * r, y + 0.35 * r, x + 0.08 * r, y + 0.38 * r), dark, 3)
    draw.arc((x - 0.35 * r, y + 0.4 * r, x + 0.35 * r, y + 0.8 * r), 20, 160, (150, 50, 50), 5)
    shade = 1 + 0.12 * cloud_field(rng, size, 2, 2)[..., None]
    lit = to_image(np.asarray(image, np.float32) / 255 * shade)
    return lit.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2)))


def draw_cup(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a plate, a cup or a bottle on a table."""
    width, height = size
    image = draw_wood(rng, size)
    draw = ImageDraw.Draw(image)
    x, y = width * rng.uniform(0.35, 0.65), height * rng.uniform(0.45, 0.65)
    r = min(size) * rng.uniform(0.2, 0.34)
    ware = pick_ink(rng, "f4f4f0", "d8e0e8", "c04030", "3a5a8a", "e8d8a0")
    dark = tuple(channel * 4 // 5 for channel in ware)
    if rng.random() < 0.35:  # a bottle
        draw.rectangle((x - 0.4 * r, y - 0.9 * r, x + 0.4 * r, y + 1.5 * r), fill=ware)
        draw.rectangle((x - 0.14 * r, y - 1.9 * r, x + 0.14 * r, y - 0.8 * r), fill=ware)
        draw.rectangle((x - 0.4 * r, y, x + 0.4 * r, y + 0.8 * r), fill=pick_ink(rng, "f0ead8"))
        return image.filter(ImageFilter.GaussianBlur(1))
    draw.ellipse((x - 1.5 * r, y, x + 1.5 * r, y + 1.4 * r), fill=dark)
    draw.ellipse((x - 1.3 * r, y + 0.1 * r, x + 1.3 * r, y + 1.2 * r), fill=ware)
    draw.arc((x + 0.6 * r, y - 0.5 * r, x + 1.3 * r, y + 0.3 * r), -100, 100, dark, int(0.16 * r))
    draw.rectangle((x - 0.8 * r, y - 0.8 * r, x + 0.8 * r, y + 0.5 * r), fill=ware)
    draw.ellipse((x - 0.8 * r, y + 0.2 * r, x + 0.8 * r, y + 0.8 * r), fill=ware)
    draw.ellipse((x - 0.8 * r, y - 1.05 * r, x + 0.8 * r, y - 0.55 * r), fill=dark)
    draw.ellipse((x - 0.7 * r, y - 1.0 * r, x + 0.7 * r, y - 0.6 * r), fill=(70, 42, 24))
    return image.filter(ImageFilter.GaussianBlur(1))


def draw_car(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a car from its side on a road, under a sky."""
    width, height = size
    image = draw_sky(rng, size)
    draw = ImageDraw.Draw(image)
    road = int(height * rng.uniform(0.55, 0.7))
    draw.rectangle((0, road, width, height), fill=pick_ink(rng, "5a5a5c", "7a7672", "46484c"))
    for dash in range(-20, width, 70):
        box = (dash, height * 0.93, dash + 36, height * 0.95)
        draw.rectangle(box, fill=(230, 230, 220))
    left, base = width * rng.uniform(0.08, 0.25), road + height * 0.12
    u = min(size) * rng.uniform(0.055, 0.075)
    paint = pick_ink(rng, "c02a2a", "2a4ab0", "e0e0e0", "303034", "d8b020", "3a7a4a")
    cabin = [(2.2, -2), (3.4, -3.6), (7, -3.6), (8.4, -2)]
    draw.polygon([(left + a * u, base + b * u) for a, b in cabin], fill=(50, 66, 80))
    body = [(0, -1.7), (2, -2.1), (8.6, -2.1), (10.6, -1.6), (10.8, 0), (0, 0)]
    draw.polygon([(left + a * u, base + b * u) for a, b in body], fill=paint)
    draw.line((left + 5.2 * u, base - 3.6 * u, left + 5.2 * u, base - 2 * u), fill=paint, width=5)
    for wheel in (2.2, 8.4):
        for radius, ink in ((1.05, (22, 22, 24)), (0.55, (170, 174, 178))):
            x, r = left + wheel * u, radius * u
            draw.ellipse((x - r, base - r, x + r, base + r), fill=ink)
    return image.filter(ImageFilter.GaussianBlur(0.8))


def draw_house(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a house with windows and a roof, under a sky."""
    width, height = size
    image = draw_sky(rng, size)
    draw = ImageDraw.Draw(image)
    wall = pick_ink(rng, "d8ccb4", "b8645a", "e8e4dc", "8a98a4", "c8a878")
    left, right = width * rng.uniform(0.02, 0.15), width * rng.uniform(0.8, 0.98)
    top, base = height * rng.uniform(0.25, 0.45), height * rng.uniform(0.85, 1.0)
    ground = pick_ink(rng, "6a6a60", "5a7a44", "9a9080")
    draw.rectangle((0, base - 4, width, height), fill=ground)
    draw.rectangle((left, top, right, base), fill=wall)
    roof = [(left - 14, top), ((left + right) / 2, top - height * 0.22), (right + 14, top)]
    draw.polygon(roof, fill=pick_ink(rng, "7a3a2a", "4a4a50", "8a6a4a"))
    columns, rows = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    wide, tall = (right - left) / columns, (base - top) / (rows + 0.6)
    for column in range(columns):
        for row in range(rows):
            x, y = left + (column + 0.25) * wide, top + (row + 0.25) * tall
            draw.rectangle((x, y, x + wide / 2, y + tall * 0.6), fill=(70, 90, 110))
            draw.rectangle((x, y, x + wide / 2, y + tall * 0.6), outline=(240, 240, 236), width=3)
    return image.filter(ImageFilter.GaussianBlur(0.8))


def draw_room(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns a room: floor, two walls, a window, a table."""
    width, height = size
    image = Image.new("RGB", size, pick_ink(rng, "e4dcc8", "c8d0d4", "d8c0b0", "b8c4b0"))
    draw = ImageDraw.Draw(image)
    corner, floor = width * rng.uniform(0.25, 0.75), height * rng.uniform(0.6, 0.72)
    side = [(0, 0), (corner, height * 0.08), (corner, floor), (0, height)]
    draw.polygon(side, fill=pick_ink(rng, "d0c6b0", "b4bcc0", "c4ac9c"))
    plan = [(0, height), (corner, floor), (width, height * 0.9), (width, height)]
    draw.polygon(plan, fill=pick_ink(rng, "7a5636", "94785a", "54504c"))
    x, y = corner + (width - corner) * 0.2, height * 0.18
    glass = (x, y, x + (width - corner) * 0.5, y + height * 0.28)
    draw.rectangle(glass, fill=(206, 226, 240), outline=(250, 250, 248), width=6)
    left, top = width * rng.uniform(0.1, 0.4), height * rng.uniform(0.6, 0.7)
    board = pick_ink(rng, "5a3a22", "2a2a2e", "a8845a")
    draw.rectangle((left, top, left + width * 0.42, top + 12), fill=board)
    for leg in (0.02, 0.38):
        draw.rectangle((left + width * leg, top, left + width * leg + 9, height * 0.97), fill=board)
    shade = 1 + 0.1 * cloud_field(rng, size, 1.5, 2)[..., None]
    return to_image(np.asarray(image, np.float32) / 255 * shade)


def draw_animal(rng: np.random.Generator, size: Size) -> Image.Image:
    """Returns the head of a furry animal: ears, eyes, nose, in fur that fills most of the frame."""
    width, height = size
    ground = draw_light(rng, size)
    dark, bright = rgb(str(rng.choice(["3a2a1c", "6a5a4a", "202020"]))), rgb("d8b080")
    fur = blend(dark, bright, rng.random()) * (1 + 0.4 * cloud_field(rng, size, 30, 3)[..., None])
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    x, y, r = width * rng.uniform(0.4, 0.6), height * 0.52, min(size) * rng.uniform(0.28, 0.4)
    draw.ellipse((x - r, y - 0.9 * r, x + r, y + r), fill=255)
    for side in (-1, 1):
        ear = [(0.2, -0.7), (0.9, -1.35), (0.95, -0.2)]
        draw.polygon([(x + side * a * r, y + b * r) for a, b in ear], fill=255)
    draw.ellipse((x - 1.4 * r, y + 0.7 * r, x + 1.4 * r, y + 3 * r), fill=255)
    ground.paste(to_image(fur), (0, 0), mask.filter(ImageFilter.GaussianBlur(2)))
    draw = ImageDraw.Draw(ground)
    for side in (-1, 1):
        eye, half = x + side * 0.38 * r, 0.13 * r
        iris = pick_ink(rng, "c0a030", "5a8a4a", "3a2a1c")
        draw.ellipse((eye - half, y - 0.25 * r, eye + half, y + 0.02 * r), fill=iris)
        draw.ellipse((eye - half / 3, y - 0.25 * r, eye + half / 3, y + 0.02 * r), fill=(8, 8, 8))
    nose = [(x - 0.14 * r, y + 0.3 * r), (x + 0.14 * r, y + 0.3 * r), (x, y + 0.46 * r)]
    draw.polygon(nose, fill=(40, 26, 26))
    for side in (-1, 1):
        for rise in (-0.1, 0.05, 0.2):
            start, end = (x + side * 0.2 * r, y + 0.42 * r), (x + side * r, y + (0.4 + rise) * r)
            draw.line((*start, *end), fill=(236, 232, 226), width=2)
    return ground.filter(ImageFilter.GaussianBlur(rng.uniform(0.6, 1.6)))
