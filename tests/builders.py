"""Makes what tests need: real small photos on disk, in class folders or as bytes.

Photos of a class share a colour and a shape, so that even random features separate them; each photo
differs from the next, so that no two files are equal unless a test makes them so.
"""

import io
import tarfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("daisy", "rose", "tulip")
_COLOURS = ((245, 245, 235), (190, 30, 60), (240, 170, 40), (90, 60, 200), (60, 160, 200))


def draw_photo(
    class_number: int, photo_number: int, size: tuple[int, int] = (96, 80)
) -> Image.Image:
    """Return an RGB photo: a coloured disc or square on noisy green, unlike any other number."""
    rng = np.random.default_rng((class_number, photo_number))
    width, height = size
    ground = rng.integers(40, 110, (height, width, 3), dtype=np.uint8)
    ground[..., 1] += 60
    photo = Image.fromarray(ground)
    draw = ImageDraw.Draw(photo)
    radius = int(min(size) * rng.uniform(0.25, 0.4))
    x, y = (int(side * rng.uniform(0.4, 0.6)) for side in size)
    box = (x - radius, y - radius, x + radius, y + radius)
    colour = _COLOURS[class_number % len(_COLOURS)]
    (draw.ellipse if class_number % 2 == 0 else draw.rectangle)(box, fill=colour)
    return photo


def encode_photo(image: Image.Image, format: str = "JPEG", **options: object) -> bytes:
    """Return the bytes of the image in a file format."""
    stream = io.BytesIO()
    if format == "HEIF":  # Pillow by itself writes none
        from pillow_heif import register_heif_opener

        register_heif_opener()
    image.save(stream, format, **options)
    return stream.getvalue()


def write_class_folders(
    folder: Path, classes: Sequence[str] = CLASSES, photos_per_class: int = 10, first: int = 0
) -> Path:
    """Write folder/<class>/<class>_000.jpg … and returns the folder."""
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for photo in range(first, first + photos_per_class):
            content = encode_photo(draw_photo(number, photo), quality=90)
            (folder / name / f"{name}_{photo:03d}.jpg").write_bytes(content)
    return folder


def write_split_folders(folder: Path, classes: Sequence[str] = CLASSES) -> Path:
    """Write folder/train|valid|test/<class>/…: 8, 3 and 3 photos a class."""
    for split, first, photos in (("train", 0, 8), ("valid", 8, 3), ("test", 11, 3)):
        write_class_folders(folder / split, classes, photos, first)
    return folder


def unpack_flowers(archive: Path, folder: Path, photos_per_class: int) -> Path:
    """Write the first photos of each class of flower_photos and return the folder."""
    taken = Counter[str]()
    with tarfile.open(archive) as packed:
        for member in packed:
            name = Path(member.name).parent.name
            if member.name.endswith(".jpg") and taken[name] < photos_per_class:
                taken[name] += 1
                packed.extract(member, folder, filter="data")
    return folder
