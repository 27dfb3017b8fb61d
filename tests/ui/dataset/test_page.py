"""The dataset page as a script: filters of a link, what needs the analysis, the map without one."""

import pytest
from streamlit.testing.v1 import AppTest

from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from tests.ui.driver import labels, open_page, press, text_of


@pytest.fixture
def dataset(trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """36 photos of daisy, rose and tulip, without a quality analysis; the settings name it."""
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(trained_workspace.root))
    return read_dataset(trained_workspace, list_datasets(trained_workspace)[0].id)


def open_dataset(**query: str) -> AppTest:
    app = open_page("dataset", **query)
    assert not app.error
    return app


def test_a_link_names_class_and_split(dataset: Dataset) -> None:
    app = open_dataset(**{"class": "rose", "in": "test"})
    photos = len(dataset.photo_numbers("test", "rose"))
    assert f"{photos} photo" in text_of(app)
    chosen = {box.label: box.value for box in app.selectbox}
    assert (chosen["Class"], chosen["Split"]) == ("rose", "test")


@pytest.mark.usefixtures("dataset")
def test_of_very_many_photos_a_button_selects_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.ui.wall.showing.MOST_CHOSEN", 10)
    app = open_dataset(**{"class": "rose"})
    assert "10 photos selected" in text_of(press(app, "Select the first 10"))


def test_a_bar_that_is_none_matches_nothing(dataset: Dataset) -> None:
    app = open_dataset(brightness="<script>")
    assert "No photo matches" in text_of(app)
    assert f"{len(dataset)} photos" in text_of(press(app, "Clear all filters"))


@pytest.mark.usefixtures("dataset")
def test_what_needs_the_analysis_says_so() -> None:
    assert "needs the quality analysis" in text_of(open_dataset(sort="least-typical"))


@pytest.mark.usefixtures("dataset")
def test_the_map_without_analysis_offers_to_make_it() -> None:
    app = open_dataset(view="map")
    assert "No map yet" in text_of(app)
    assert "Make the map" in labels(app)
    assert any("built-in weights" in caption.value for caption in app.caption)


def test_the_table_follows_query_and_order(dataset: Dataset) -> None:
    app = open_dataset(view="table", q="class is rose and not split is test", sort="-width")
    (rows,) = (one.value for one in app.dataframe if "own_score" in one.value)
    kept = dataset.manifest[(dataset.manifest["class"] == "rose") & (dataset.splits != "test")]
    expected = kept.sort_values("width", ascending=False, kind="stable")
    assert rows["path"].tolist() == expected["path"].tolist()
    assert all(photo.startswith("data:image/webp;base64,") for photo in rows["Photo"])


@pytest.mark.usefixtures("dataset")
def test_pickers_write_a_condition_into_the_line() -> None:
    app = open_dataset(view="table", q="right")
    next(box for box in app.selectbox if box.label == "Measure").set_value("class").run()
    app.button(key="query.add").click().run()
    assert app.text_input(key="query.line").value == "right and class is daisy"
