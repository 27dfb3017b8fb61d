"""The augmentation page: what it shows is what is trained on, and links reopen what was seen."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.policies import list_policies, read_policy
from core.runs.queue.queue import delete_run
from core.runs.store import list_runs
from core.ui.augmentation.page import write_picture
from core.workspace import Workspace
from data.augmentation import augment
from data.manifest import read_dataset
from data.policy import PRESETS, AugmentationPolicy, Part
from tests.ui.driver import open_page, press, run


def open_augmentation(state: Mapping[str, object] | None = None, **query: str) -> AppTest:
    """Return the page as a cold deep link opens it."""
    return open_page("augmentation", state, **{"photos": "0", **query})


def read_pictures(app: AppTest) -> list[str]:
    """Return the addresses of the pictures, data URIs, in the order they stand."""
    addresses = []
    for element in app.get("image"):
        addresses += [image.url for image in element.proto.imgs]
    return addresses


def read_link(app: AppTest, name: str) -> str:
    """Return what the address of the page says; AppTest gives what it was given as a list."""
    value = app.query_params[name]
    return value if isinstance(value, str) else value[0]


def find(elements: Any, label: str) -> Any:
    return next(element for element in elements if element.label == label)


def test_what_the_page_shows_is_what_is_trained_on(trained_copy: Workspace) -> None:
    app = open_augmentation(policy="strong", photos="7", seed="123456789", first_draw="2")
    dataset = read_dataset(trained_copy, list_runs(trained_copy)[0].recipe.dataset)
    photo, digest = np.array(dataset.photos[7]), dataset.manifest["sha256"].iat[7]
    shown = read_pictures(app)
    assert len(shown) == 12
    assert shown[0] == write_picture(photo)
    for place, address in enumerate(shown[1:]):
        drawn = augment(photo, PRESETS["strong"], seed=123456789, photo_id=digest, draw=2 + place)
        assert address == write_picture(drawn)


@pytest.mark.usefixtures("trained_copy")
def test_a_slider_changes_the_policy_in_the_link() -> None:
    app = open_augmentation(policy="gentle")
    before = read_pictures(app)
    find(app.slider, "Range of rotation").set_value((-90.0, 90.0))
    run(app)
    draft = read_link(app, "draft")
    assert draft.startswith("rotation:-90:90:1~")
    assert read_pictures(app)[0] == before[0]
    assert all(new != old for new, old in zip(read_pictures(app)[1:], before[1:], strict=True))
    again = open_augmentation(policy="gentle", draft=draft)
    assert find(again.slider, "Range of rotation").value == (-90.0, 90.0)
    assert read_pictures(again) == read_pictures(app)


@pytest.mark.usefixtures("trained_copy")
def test_a_part_is_switched_on_and_off() -> None:
    app = open_augmentation(policy="none")
    assert len(set(read_pictures(app))) == 1
    find(app.toggle, "Vertical flip").set_value(True)
    app.run()
    assert read_link(app, "draft") == "vertical_flip:1:1:0.5"
    assert len(set(read_pictures(app))) == 2
    find(app.toggle, "Vertical flip").set_value(False)
    assert "draft" not in run(app).query_params


@pytest.mark.slow
def test_a_policy_is_saved_and_deleted(trained_copy: Workspace) -> None:
    app = open_augmentation(policy="gentle", draft="blur:0:2:0.5~pick:1")
    app.text_input[0].set_value("gentle")
    press(app, "Save")
    assert "preset" in app.error[0].value
    app.text_input[0].set_value("misty morning")
    press(app, "Save")
    expected = AugmentationPolicy(blur=Part(low=0, high=2, probability=0.5), pick=1)
    assert read_policy(trained_copy, "misty morning") == expected
    assert read_link(app, "policy") == "misty morning"
    assert "draft" not in app.query_params
    press(app, "Delete")
    assert "misty morning" not in list_policies(trained_copy)


def test_a_run_says_which_draws_flip_its_answer(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id
    asked = {"policy": "strong", "asked": run, "show": "classes", "photos": "0,13,30"}
    app = open_augmentation(**asked, state={"folded.The draws as a table": True})
    assert not app.error
    (chart,) = app.get("vega_lite_chart")
    assert "change the predicted class" in json.loads(chart.proto.spec)["title"]["text"]
    tables = [table.value for table in app.dataframe]
    assert list(tables[-1].columns) == ["photo", "draw", "distance", "state", "predicted", "score"]
    assert len(tables[-1]) == 3 * 4
    assert any("nearest photo of the same class" in text.value for text in app.markdown)


def test_a_run_that_is_gone_is_asked_no_longer(compared: Workspace) -> None:
    stays, *_, goes = (run.id for run in list_runs(compared))
    app = open_augmentation(asked=goes)
    assert find(app.selectbox, "Score with").value == goes
    delete_run(compared, goes)
    press(app, "Another")
    assert not app.error
    assert find(app.selectbox, "Score with").value == stays
    assert read_link(app, "asked") == stays


@pytest.mark.usefixtures("trained_copy")
def test_others_are_other_photos() -> None:
    app = open_augmentation(show="some", photos="")
    seen = set()
    for _ in range(4):
        seen.add(read_link(app, "photos"))
        press(app, "Others")
    assert len(seen) > 1
