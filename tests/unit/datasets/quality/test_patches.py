"""Patches are found by place and colour, dates by their lines, and both judged by painting."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import ImageDraw, ImageFont

from core.datasets.quality.patches import find_patches, judge_patches, outline_patch
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from tests.builders import encode_photo
from tests.faults import draw_pattern

SIZES = ((160, 120), (140, 160), (240, 160))
PER_CLASS = 24
COLOUR = (192, 32, 96)  # at edges of the grid of colours


def write_photos(
    folder: Path, *, drawn: str = "", sizes: tuple[tuple[int, int], ...] = SIZES
) -> Path:
    """Write 3 classes of photos; 20 roses have a square, all have a border, or nothing is drawn."""
    for number in range(3 * PER_CLASS):
        name = ("daisy", "rose", "tulip")[number % 3]
        photo = draw_pattern(number).resize(sizes[number // 3 % len(sizes)])
        draw = ImageDraw.Draw(photo)
        if drawn == "square" and name == "rose" and number < 60:
            draw.rectangle((60, 50, 79, 69), fill=COLOUR)
        if drawn == "border":
            draw.rectangle((0, 0, photo.width - 1, photo.height - 1), outline="black", width=9)
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / f"{number:03}.jpg").write_bytes(encode_photo(photo, quality=90))
    return folder


def write_dated(folder: Path, *, dated: tuple[str, ...]) -> Path:
    """Write 3 classes of 40 photos; the first 30 of a dated class have their own orange date."""
    for number in range(120):
        name = ("daisy", "rose", "tulip")[number % 3]
        width, height = ((480, 360), (540, 360), (360, 360))[number // 3 % 3]
        photo = draw_pattern(number).resize((width, height))
        if name in dated and number < 90:
            text = f"{number % 28 + 1:02}.{number % 12 + 1:02}.{2004 + number % 7}"
            place = (0.95 * width, 0.95 * height)
            font = ImageFont.load_default(22)
            ImageDraw.Draw(photo).text(place, text, (255, 140, 20), font, anchor="rs")
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / f"{number:03}.jpg").write_bytes(encode_photo(photo, quality=90))
    return folder


def search(dataset: Dataset) -> pd.DataFrame:
    return find_patches(dataset, lambda _done, _of: None)


def test_a_square_is_found_in_photos_of_different_sizes(
    workspace: Workspace, tmp_path: Path
) -> None:
    dataset = import_source(workspace, write_photos(tmp_path / "photos", drawn="square"))
    (found,) = search(dataset).to_dict("records")
    names = [dataset.manifest["path"].iat[photo][-7:-4] for photo in found["photos"]]
    assert (found["class"], found["n"], found["others"], found["m"]) == ("rose", 24, 0, 48)
    assert len(names) >= 18 and {int(name) for name in names} <= set(range(1, 60, 3))
    assert found["p_value"] < 1e-4
    photos = np.array(found["photos"])
    lined, painted = outline_patch(dataset, photos, found["frame"], np.array(found["cells"]))
    before = np.abs(dataset.photos[photos].astype(int) - COLOUR).max(axis=3) <= 8
    after = np.abs(painted.astype(int) - COLOUR).max(axis=3) <= 8
    assert (before.sum(axis=(1, 2)) > 200).all()
    assert after.sum() < 0.3 * before.sum()
    assert (lined != dataset.photos[photos]).any(axis=3).mean(axis=(1, 2)).max() < 0.1


def test_dates_of_different_digits_are_found_and_painted_over(
    workspace: Workspace, tmp_path: Path
) -> None:
    dataset = import_source(workspace, write_dated(tmp_path / "photos", dated=("rose",)))
    (found,) = search(dataset).to_dict("records")
    names = [int(dataset.manifest["path"].iat[photo][-7:-4]) for photo in found["photos"]]
    assert (found["class"], found["n"], found["m"]) == ("rose", 40, 80)
    assert len(names) >= 24 and set(names) <= set(range(1, 90, 3)) and found["others"] <= 4
    y, x = np.divmod(np.array(found["cells"]), 56)
    assert y.min() >= 45 and x.min() >= 20, "at the bottom right"
    _, painted = outline_patch(dataset, np.array(found["photos"]), 0, np.array(found["cells"]))
    block = np.s_[:, 4 * y.min() : 4 * y.max() + 4, 4 * x.min() : 4 * x.max() + 4]
    before, after = (
        int(((photos[block][..., 0] > 200) & (photos[block][..., 2] < 90)).sum())
        for photos in (dataset.photos[found["photos"]], painted)
    )
    assert before > 20 * len(names) and after < 0.2 * before


def test_dates_in_all_classes_are_no_shortcut(workspace: Workspace, tmp_path: Path) -> None:
    dated = ("daisy", "rose", "tulip")
    assert search(import_source(workspace, write_dated(tmp_path / "photos", dated=dated))).empty


def test_no_dates_are_found_on_clean_photos(workspace: Workspace, tmp_path: Path) -> None:
    assert search(import_source(workspace, write_dated(tmp_path / "photos", dated=()))).empty


@pytest.mark.parametrize("drawn", ["", "border"])
def test_nothing_is_found_without_a_patch_of_one_class(
    workspace: Workspace, tmp_path: Path, drawn: str
) -> None:
    dataset = import_source(workspace, write_photos(tmp_path / "photos", drawn=drawn))
    assert search(dataset).empty


def test_a_training_photo_is_answered_by_the_head_fitted_without_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    dataset = import_source(workspace, write_photos(tmp_path / "photos", sizes=((64, 64),)))
    features = np.random.default_rng(0).normal(size=(len(dataset), 200)).astype(np.float32)
    train = dataset.photo_numbers("train")
    patches = pd.DataFrame({"photos": [train.tolist()], "frame": 0, "cells": [[0, 1, 56, 57]]})
    judge_patches(dataset, features, patches, lambda photos: features[train][: len(photos)])
    (judged,) = patches.to_dict("records")
    assert judged["painted"] == len(train)
    assert judged["right_before"] == judged["right_after"] < 0.6 * len(train), "only by chance"
