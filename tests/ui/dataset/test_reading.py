"""What the dataset page has read: which photos a link finds, what a map of it would be."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st

from core.datasets.quality.store import FeatureSet
from core.ui.dataset.map_reading import read_areas, read_map_page
from core.ui.dataset.reading import DatasetPage, PhotoFilter, read_dataset_page
from core.ui.dataset.versions import read_versions_page
from core.ui.parts import cache
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset

Address = Callable[..., None]


@pytest.fixture
def dataset(trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """36 photos of daisy, rose and tulip, without a quality analysis; the settings name it."""
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(trained_workspace.root))
    return read_dataset(trained_workspace, list_datasets(trained_workspace)[0].id)


def find_photos(dataset: Dataset, wanted: PhotoFilter) -> np.ndarray:
    return DatasetPage(dataset, "photos", wanted).photos


def test_filters_are_joined_and_order_is_kept(dataset: Dataset) -> None:
    manifest = dataset.manifest
    found = find_photos(dataset, PhotoFilter(class_name="rose", split="train", sort="brightest"))
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


@pytest.mark.parametrize(
    "query",
    [
        {"class": "no such class", "in": "nowhere", "issue": "none", "sort": "by magic"},
        {"like": "99999"},
        {"view": "nonsense", "text": "  "},
    ],
)
def test_what_a_link_names_wrongly_is_left_out(
    query: dict[str, str], dataset: Dataset, address: Address
) -> None:
    address(**query)
    page = read_dataset_page(dataset)
    assert page.wanted == PhotoFilter()
    assert page.view == "photos"
    assert len(page.photos) == len(dataset)


@pytest.mark.parametrize("query", [{"sort": "least-typical"}, {"issue": "leak"}, {"like": "3"}])
def test_what_needs_the_analysis_finds_nothing_without(
    query: dict[str, str], dataset: Dataset, address: Address
) -> None:
    address(**query)
    page = read_dataset_page(dataset)
    assert page.lacking
    assert len(page.photos) == 0


def test_the_colours_of_a_map_are_read(dataset: Dataset, address: Address) -> None:
    address(map="tsne", colours="answers", run="gone", classes="rose|none")
    page = read_map_page(dataset, np.ones(len(dataset), dtype=bool))
    assert (page.positions, page.method) == (None, "pca")  # the first map comes first
    assert page.colouring.shown == ("rose",)
    assert page.colouring.run == next(iter(page.runs))


def test_an_area_on_the_map_narrows_wall_and_table(
    dataset: Dataset, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions = np.stack([np.arange(len(dataset)), np.zeros(len(dataset))], axis=1)
    monkeypatch.setattr(cache, "positions", lambda *_: positions)
    features = [FeatureSet(id="f", kind="random", backbone_id="b", label="")]
    monkeypatch.setattr("core.ui.dataset.map_reading.find_feature_sets", lambda *_: features)
    for view in ("photos", "table", "map"):
        address(view=view, area="-1,-1 9.5,-1 9.5,1 -1,1", q="split is not test", sort="-width")
        page = read_dataset_page(dataset)
        inside = [photo for photo in range(10) if dataset.splits[photo] != "test"]
        assert sorted(page.photos) == inside
        assert np.diff(dataset.manifest["width"].to_numpy()[page.photos]).max() <= 0
        assert page.matching.sum() == (dataset.splits != "test").sum(), "the map shows them all"
    faint, *groups = read_map_page(dataset, page.matching).draw(dark=False).traces
    assert faint.tolist() == dataset.photo_numbers("test").tolist()
    assert sorted(np.concatenate(groups)) == np.flatnonzero(dataset.splits != "test").tolist()
    monkeypatch.setattr("core.ui.dataset.map_charts.MOST_POINTS", 6)
    everything = np.ones(len(dataset), dtype=bool)
    closer = read_map_page(dataset, everything).draw(False, (9.5, 15.5, -1.0, 1.0)).figure
    drawn = np.concatenate([trace.customdata for trace in closer.data])
    assert len(drawn) == 7 and set(range(10, 16)) < set(drawn), "all in sight, and one of the rest"
    other = replace(dataset, id="0000000000000000")
    assert read_dataset_page(other).wanted.area == "", "it was drawn on the map of the first"
    assert "area" not in st.query_params
    assert read_areas("0,0 0,1 1,1;x") == []
    (area,) = read_areas("0,0 0,1 1,1")
    assert area.tolist() == [[0, 0], [0, 1], [1, 1]]


def test_a_query_of_answers_chooses_a_run_and_keeps_test_photos_sealed(
    dataset: Dataset, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    address(q="width > 0")
    assert read_dataset_page(dataset).run is None
    address(q="right or wrong", sort="-loss")
    page = read_dataset_page(dataset)
    assert page.run is not None
    unsealed = np.flatnonzero(dataset.splits != "test")
    assert sorted(page.photos) == unsealed.tolist()
    assert np.diff(page.table["loss"].to_numpy()[page.photos]).max() <= 0
    monkeypatch.setattr("core.ui.dataset.reading.is_opened", lambda run: run == page.run.id)
    assert len(read_dataset_page(dataset).photos) == len(dataset)


def test_a_query_that_cannot_be_read_finds_nothing_and_says_why(
    dataset: Dataset, address: Address
) -> None:
    for query in ("scor < 1", "(", "class is nothing", "typicality < 1"):
        address(q=query)
        page = read_dataset_page(dataset)
        assert page.problem is not None
        assert len(page.photos) == 0


def test_an_only_version_is_compared_with_nothing(dataset: Dataset, address: Address) -> None:
    address(**{"with": dataset.id})
    page = read_versions_page(dataset)
    assert [version.id for version in page.versions] == [dataset.id]
    assert page.other is None
