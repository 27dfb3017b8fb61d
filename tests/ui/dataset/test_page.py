"""The dataset page as a script: filters of a link, what needs the analysis, the map without one."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.ui.dataset.search import PhotoFilter, find_photos
from core.ui.parts import cache
from core.workspace import Workspace
from data.manifest import Dataset, list_datasets, read_dataset

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def dataset(trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """36 photos of daisy, rose and tulip, without a quality analysis; the settings name it."""
    import streamlit as st

    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(trained_workspace.root))
    st.cache_resource.clear()
    return read_dataset(trained_workspace, list_datasets(trained_workspace)[0].id)


def open_page(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "dataset.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception and not app.error
    return app


def text_of(app: AppTest) -> str:
    kinds = (app.subheader, app.markdown, app.caption, app.info)
    return "\n".join(element.value for kind in kinds for element in kind)


def test_a_link_names_class_and_split(dataset: Dataset) -> None:
    app = open_page(**{"class": "rose", "in": "test"})
    photos = len(dataset.photo_numbers("test", "rose"))
    assert f"{photos} photo" in text_of(app)
    chosen = {box.label: box.value for box in app.selectbox}
    assert (chosen["Class"], chosen["Split"]) == ("rose", "test")


@pytest.mark.parametrize(
    "query",
    [
        {"class": "no such class", "in": "nowhere", "issue": "none", "sort": "by magic"},
        {"like": "99999"},
        {"view": "nonsense"},
    ],
)
def test_a_link_with_unknown_values_shows_all_photos(
    dataset: Dataset, query: dict[str, str]
) -> None:
    assert f"{len(dataset)} photos" in text_of(open_page(**query))


def test_a_bar_that_is_none_matches_nothing(dataset: Dataset) -> None:
    app = open_page(brightness="<script>")
    assert "No photo matches" in text_of(app)
    next(button for button in app.button if button.label == "Clear all filters").click()
    assert f"{len(dataset)} photos" in text_of(app.run())


@pytest.mark.usefixtures("dataset")
@pytest.mark.parametrize("query", [{"sort": "least-typical"}, {"issue": "leak"}, {"like": "3"}])
def test_what_needs_the_analysis_says_so(query: dict[str, str]) -> None:
    assert "needs the quality analysis" in text_of(open_page(**query))


@pytest.mark.usefixtures("dataset")
def test_the_map_without_analysis_offers_to_make_it() -> None:
    app = open_page(view="map")
    assert "No map yet" in text_of(app)
    assert any("random weights" in button.label for button in app.button)


def test_filters_are_joined_and_order_is_kept(dataset: Dataset) -> None:
    manifest = dataset.manifest
    wanted = PhotoFilter(class_name="rose", split="train", sort="brightest")
    found = find_photos(dataset, wanted)
    assert sorted(found) == dataset.photo_numbers("train", "rose").tolist()
    assert manifest["brightness"].to_numpy()[found].tolist() == sorted(
        manifest["brightness"][found], reverse=True
    )
    assert find_photos(dataset, PhotoFilter(text="TULIP_00")).tolist() == [
        row for row, path in enumerate(manifest["path"]) if "tulip_00" in path
    ]
    middle = float(manifest["brightness"].median())
    dark = find_photos(dataset, PhotoFilter(bars=(("brightness", f"..{middle}"),)))
    assert sorted(dark) == [r for r, v in enumerate(manifest["brightness"]) if v < middle]


def test_issues_name_the_photos_that_have_them(dataset: Dataset) -> None:
    for issue in cache.issues(dataset.id).columns:
        found = find_photos(dataset, PhotoFilter(issue=issue))
        assert len(found) == cache.issues(dataset.id)[issue].sum()
