"""Copies of a dataset's photos among new ones: exact, near, and strangers that are none."""

import hashlib
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance

from core.workspace import Workspace
from data.dataset import Dataset
from data.duplicates import Copy, find_copies
from data.images import read_packed_photo
from data.importing import import_source
from tests.builders import draw_photo, encode_photo, write_class_folders

SIZE = (400, 320)


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Photos of 96 x 80 px, and one of 400 x 320 px."""
    folder = write_class_folders(tmp_path / "photos")
    (folder / "tulip" / "large.jpg").write_bytes(encode_photo(draw_photo(2, 70, SIZE), quality=95))
    return import_source(workspace, folder)


def look(dataset: Dataset, *contents: bytes) -> list[list[Copy]]:
    photos = np.stack([read_packed_photo(content)[0] for content in contents])
    table = pd.DataFrame(
        {
            "sha256": [hashlib.sha256(content).hexdigest() for content in contents],
            "phash": [str(imagehash.phash(Image.fromarray(photo))) for photo in photos],
        }
    )
    return find_copies(dataset, table, photos)


def test_the_same_file_and_the_same_pixels_are_exact(dataset: Dataset) -> None:
    image = Image.fromarray(dataset.photos[12])
    [same_file], [same_pixels] = look(dataset, dataset.original(12), encode_photo(image, "PNG"))
    assert same_file == same_pixels == Copy(photo=12, kind="exact")


def test_smaller_darker_and_recompressed_ones_are_near(dataset: Dataset) -> None:
    number = dataset.manifest["path"].tolist().index("tulip/large.jpg")
    image = draw_photo(2, 70, SIZE)
    smaller = encode_photo(image.resize((200, 160)), quality=70)
    darker = encode_photo(ImageEnhance.Brightness(image).enhance(0.8), quality=80)
    for found in look(dataset, smaller, darker):
        assert Copy(photo=number, kind="near") in found


def test_strangers_are_no_copies(dataset: Dataset) -> None:
    grey = encode_photo(Image.new("RGB", (300, 300), (120, 120, 120)))
    assert look(dataset, grey, encode_photo(draw_photo(3, 99))) == [[], []]
