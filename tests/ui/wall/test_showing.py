"""What the wall sends to the browser, and what it believes of what comes back."""

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image

from core.ui.wall import Wall, choose_photos, forget_photos, read_chosen
from core.ui.wall.showing import find_near, keep_told, pack_page, read_turn
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from tests.builders import write_class_folders


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    photos = write_class_folders(tmp_path / "flowers", ("<b>rose", "tulip"))
    return import_source(workspace, photos)


@pytest.fixture(autouse=True)
def fresh_session() -> None:
    for name in list(st.session_state):
        del st.session_state[name]


def unpack(data: bytes) -> tuple[dict[str, object], bytes]:
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length]), data[4 + length :]


def test_a_page_carries_thumbnails_captions_and_badges(dataset: Dataset) -> None:
    wall = Wall("photos", badges=lambda n: ["leak"] if n == 3 else [])
    data = pack_page(dataset, [3, 0], wall, (), 7)
    head, rest = unpack(data)
    assert head["turn"] == 7
    first, second = head["photos"]  # type: ignore[misc]
    assert [first["photo"], second["photo"]] == [3, 0]
    assert [first["badges"], second["badges"]] == [["leak"], []]
    # Names are data: they travel as they are, and the browser sets them as text.
    assert first["caption"] == dataset.manifest["class"].iat[3]
    assert first["alt"].endswith(dataset.manifest["path"].iat[3])
    assert rest[: first["bytes"]] == dataset.thumbnail(3)
    assert len(rest) == first["bytes"] + second["bytes"]
    assert Image.open(io.BytesIO(rest[first["bytes"] :])).size == (128, 128)


def test_captions_of_the_caller_replace_the_class(dataset: Dataset) -> None:
    head, _ = unpack(pack_page(dataset, [1], Wall("photos", lambda n: f"number {n}"), (), 0))
    assert head["photos"][0]["caption"] == "number 1"  # type: ignore[index]


def test_what_the_browser_tells_becomes_the_selection() -> None:
    keep_told("photos", "one", {"photos": [4, 2, 4], "turn": 1}, 10)
    assert read_chosen("photos", "one") == (4, 2)
    assert read_turn("photos", "one") == 1


def test_the_same_answer_told_again_does_not_undo_a_clearing() -> None:
    keep_told("photos", "one", {"photos": [4, 2], "turn": 1}, 10)
    forget_photos("one")
    keep_told("photos", "one", {"photos": [4, 2], "turn": 1}, 10)
    assert read_chosen("photos", "one") == ()


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        "all",
        {},
        {"photos": [1]},
        {"photos": "1", "turn": 2},
        {"photos": [1], "turn": "2"},
    ],
)
def test_nonsense_is_dropped(told: object) -> None:
    choose_photos("photos", "one", [5])
    keep_told("photos", "one", told, 10)
    assert read_chosen("photos", "one") == (5,)


def test_numbers_of_no_photo_are_dropped() -> None:
    keep_told("photos", "one", {"photos": [-1, 3, 10, "4", 2.5], "turn": 1}, 10)
    assert read_chosen("photos", "one") == (3,)


def test_a_selection_belongs_to_its_dataset_and_its_wall() -> None:
    choose_photos("photos", "one", [1, 2])
    choose_photos("suspects", "one", [2, 3])
    assert read_chosen("photos", "two") == ()
    forget_photos("two")
    forget_photos("one", [2])
    assert read_chosen("photos", "one") == (1,)
    assert read_chosen("suspects", "one") == (3,)


@pytest.mark.parametrize("photos", [1, 3, 16, 17, 500])
def test_the_photo_comes_first_and_then_those_that_lie_nearest(photos: int) -> None:
    positions = np.random.default_rng(photos).normal(size=(photos, 2))
    positions[-1] = positions[0]  # two at one place
    near = find_near(positions, photos - 1)
    distances = np.hypot(*(positions - positions[photos - 1]).T)
    assert near[0] == photos - 1
    assert len(near) == len(set(near)) == min(16, photos)
    assert np.allclose(distances[near], np.sort(distances)[: len(near)])
