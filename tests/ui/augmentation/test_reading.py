"""What the augmentation page has read: policy, photos, draws; whatever the link says."""

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image

from core.runs.store import list_runs
from core.ui.augmentation.page import make_draws, write_picture
from core.ui.augmentation.reading import _decode, read_augmentation_page
from core.workspace import Workspace
from data.augmentation import augment
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import read_dataset
from data.policy import PRESETS
from tests.builders import write_class_folders

Address = Callable[..., None]


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    return read_dataset(trained_copy, list_runs(trained_copy)[0].recipe.dataset)


@pytest.mark.parametrize(
    ("query", "policy"),
    [({"policy": "strong"}, "strong"), ({"draft": "nothing", "photos": ""}, "none")],
)
def test_a_link_is_read(
    query: dict[str, str], policy: str, dataset: Dataset, address: Address
) -> None:
    address(**query)
    page = read_augmentation_page(dataset)
    assert page.policy == PRESETS[policy]
    assert (page.way, page.seed, page.first) == ("one", 0, 0)
    assert len(page.photos) == 1
    assert page.asked == next(iter(page.runs))


@pytest.mark.parametrize(
    "draft",
    [
        "rotation:nan:x",
        "rotation:-999:999:1",
        "blur:1:2:1~blur",
        "pick:3:4",
        "pick:0~blur:1:2:1",
    ],
)
def test_unreadable_changes_of_a_link_are_none(draft: str) -> None:
    assert _decode(draft) is None


def test_photos_of_the_test_split_are_not_shown_by_chance(
    dataset: Dataset, address: Address
) -> None:
    for _ in range(8):
        address(show="classes", photos="")
        photos = read_augmentation_page(dataset).photos
        assert set(dataset.labels[photos]) == {0, 1, 2}
        assert "test" not in dataset.splits[photos]
        assert st.query_params["photos"] == ",".join(map(str, photos))


def test_another_dataset_shows_other_photos(
    trained_copy: Workspace, dataset: Dataset, tmp_path: Path, address: Address
) -> None:
    folder = write_class_folders(tmp_path / "others", photos_per_class=4)
    second = import_source(trained_copy, folder, name="other flowers")
    address(show="classes", photos="0,1,2")
    assert read_augmentation_page(dataset).photos == [0, 1, 2]  # as the link says
    photos = read_augmentation_page(second).photos
    assert sorted(second.labels[photos]) == [0, 1, 2]


def test_draws_belong_to_their_photos(dataset: Dataset, address: Address) -> None:
    address(show="some", photos="5,1", seed="3", first_draw="2")
    page = read_augmentation_page(dataset)
    drawn = make_draws(page)
    assert [one.number for one in drawn] == [5, 1]
    for one in drawn:
        digest = dataset.manifest["sha256"].iat[one.number]
        assert len(one.draws) == page.amount
        for place, draw in enumerate(one.draws):
            again = augment(one.photo, PRESETS["gentle"], seed=3, photo_id=digest, draw=2 + place)
            assert (draw == again).all()


def test_a_picture_travels_whole() -> None:
    photo = np.full((224, 224, 3), (200, 30, 60), np.uint8)
    kind, content = write_picture(photo).split(",")
    assert kind == "data:image/jpeg;base64"
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    assert np.abs(shown.astype(int) - photo).max() < 4
