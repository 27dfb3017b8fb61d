"""Photos with planted faults: the sample's by its own list, and clouds of colour to write."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data.sources.published import SAMPLE_FILE
from tests.builders import encode_photo


def read_faults(kind: str) -> list[dict[str, Any]]:
    """Return the sample's planted faults of a kind, each with the paths it concerns."""
    with zipfile.ZipFile(SAMPLE_FILE) as archive:
        faults: list[dict[str, Any]] = json.loads(archive.read("faults.json"))[kind]
    return faults


def draw_pattern(number: int) -> Image.Image:
    """Return a photo of coloured clouds over fine grain, unlike that of any other number."""
    rng = np.random.default_rng(number)
    clouds = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    photo = np.asarray(clouds.resize((128, 112), Image.Resampling.BICUBIC)).astype(np.int16)
    grain = rng.integers(-40, 41, photo.shape)
    return Image.fromarray((photo // 2 + 64 + grain).clip(0, 255).astype(np.uint8))


def write_sound(folder: Path) -> Path:
    """Write 24 photos in which there is nothing to find: 2 classes in 3 splits."""
    places = [(s, c) for s in ("train", "train", "valid", "test") for c in ("daisy", "rose")]
    for number, (split, name) in enumerate(3 * places):
        target = folder / split / name / f"{name}_{number:03d}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(encode_photo(draw_pattern(number), quality=90))
    return folder


def write_faults(folder: Path) -> Path:
    """Write the sound photos and: a train–test twin, one in two classes, a dark and a torn one."""
    write_sound(folder)
    twin = encode_photo(draw_pattern(100))
    (folder / "train/daisy/first.jpg").write_bytes(twin)
    (folder / "test/daisy/twin.jpg").write_bytes(twin)
    shutil.copy(folder / "train/rose/rose_001.jpg", folder / "train/daisy/rose_again.jpg")
    dark = draw_pattern(101).point(lambda value: value // 16)
    (folder / "train/daisy/dark.jpg").write_bytes(encode_photo(dark, quality=95))
    torn = encode_photo(draw_pattern(102))
    (folder / "train/rose/torn.jpg").write_bytes(torn[: len(torn) // 3])
    return folder
