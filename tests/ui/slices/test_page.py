"""The page Slices: its views, and links to slices that exist or do not."""

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.quality.slicing import SliceStudy, study_slices
from core.runs.result import read_result
from core.runs.store import list_runs
from core.ui.slices.findings import SlicesPage, read_slices
from core.workspace import Workspace
from data.manifest import read_dataset
from tests.ui.driver import open_page, text_of

OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_slices(trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    def run(**query: str) -> AppTest:
        monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(trained_workspace.root))
        app = open_page("slices", **query)
        assert not app.error
        return app

    return run


@pytest.fixture(scope="module")
def study(trained_workspace: Workspace) -> SliceStudy:
    result = read_result(trained_workspace, list_runs(trained_workspace)[0].id)
    return study_slices(read_dataset(trained_workspace, result.dataset_id), result, "train")


def test_it_asks_for_a_slice_first(open_slices: OpenPage) -> None:
    words = text_of(open_slices())
    assert "Choose a slice" in words
    assert "The same for all of these photos" in words and "File format" in words


def test_a_link_opens_a_slice_with_its_n(open_slices: OpenPage, study: SliceStudy) -> None:
    bins = study.bins["brightness"].iloc[0]
    words = text_of(open_slices(split="train", slice=bins["value"], shown="all"))
    assert "Brightness below" in words
    assert f"n = {bins['n']}" in words
    assert f"{bins['n']} photos" in words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"slice": "brightness:7..9"}, "No validation photos in this slice"),
        ({"by": "worst"}, "the search needs 60 photos"),
    ],
)
def test_too_few_photos_say_so(open_slices: OpenPage, query: dict[str, str], words: str) -> None:
    assert words in text_of(open_slices(**query))


def test_shortcuts_show_their_n(open_slices: OpenPage, study: SliceStudy) -> None:
    app = open_slices(by="shortcuts", split="train")
    assert f"n = {study.shortcuts[0].accuracy.n}" in text_of(app)
    assert len(app.dataframe[-1].value) == len(study.shortcuts)


def test_the_views_are_one_click_away(open_slices: OpenPage) -> None:
    app = open_slices()
    (views,) = [one for one in app.button_group if one.key == "slices.view"]
    views.set_value("worst").run()
    assert not app.exception
    assert app.query_params["by"] in ("worst", ["worst"])


Read = Callable[..., SlicesPage]


@pytest.fixture
def read(
    compared_workspace: Workspace, monkeypatch: pytest.MonkeyPatch, address: Callable[..., None]
) -> Read:
    """A function that reads what a link shows of a run that hardly learnt."""
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(compared_workspace.root))

    def read_link(**query: str) -> SlicesPage:
        address(**query)
        return read_slices(list_runs(compared_workspace)[0], "train")

    return read_link


def test_a_link_names_a_view_and_a_slice(read: Read) -> None:
    rule = str(read().study.bins["brightness"]["value"].iloc[0])
    page = read(by="worst", slice=rule)
    assert page.view == "worst"
    assert page.rule is not None
    photos, right = page.study.photos_in(page.rule)
    row = page.study.bins["brightness"].iloc[0]
    assert (len(photos), int((~right).sum())) == (row["n"], row["wrong"])


@pytest.mark.parametrize("stated", ["height:..200", "no such:1..2", "brightness", ":..", "<b>"])
def test_a_slice_that_is_not_known_here_is_none(read: Read, stated: str) -> None:
    page = read(slice=stated, by="nonsense")
    assert page.rule is None and page.stated == stated
    assert page.view == "properties"


def test_wrong_photos_come_first_the_surest_first(read: Read) -> None:
    page = read()
    photos = page.study.photos
    ordered = page.order_photos(photos)
    assert sorted(ordered) == sorted(photos)
    scores = page.result.scores[ordered]
    wrong = scores.argmax(axis=1) != page.result.labels[ordered]
    assert 0 < wrong.sum() < len(wrong)
    assert (np.diff(wrong.astype(int)) <= 0).all()
    assert (np.diff(scores.max(axis=1)[wrong]) <= 0).all()
