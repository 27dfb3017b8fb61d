"""What the mistakes page has read: the ranking, the classes, the other runs, the place."""

from collections.abc import Callable

import pytest
import streamlit as st

from core.evaluation.mistakes import RANKINGS
from core.runs.store import list_runs
from core.ui.mistakes.reading import MistakesPage, read_mistakes
from core.workspace import Workspace

Read = Callable[..., MistakesPage]


@pytest.fixture
def read(
    compared_workspace: Workspace, monkeypatch: pytest.MonkeyPatch, address: Callable[..., None]
) -> Read:
    """A function that reads what a link shows of a run that hardly learnt, with two others."""
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(compared_workspace.root))

    def read_link(**query: str) -> MistakesPage:
        address(**query)
        return read_mistakes(list_runs(compared_workspace)[0], "train")

    return read_link


@pytest.mark.parametrize("tab", RANKINGS)
def test_each_ranking_lists_photos_of_the_split(read: Read, tab: str) -> None:
    page = read(tab=tab)
    assert page.ranking == tab
    assert set(page.photos) <= set(page.result.photo_numbers("train"))
    assert page.ranked.n == len(page.result.photo_numbers("train"))
    assert len(page.others) == (2 if tab.startswith("wrong-in") else 0)


def test_the_least_sure_come_first_and_equal_ones_by_path(read: Read) -> None:
    page = read(tab="least-sure")
    result = page.result
    photos = result.photo_numbers("train").tolist()
    photos.sort(key=lambda photo: (result.scores[photo].max(), result.paths[photo]))
    assert page.photos.tolist() == photos


def test_classes_of_the_link_are_listed_alone(read: Read) -> None:
    page = read(tab="least-sure", true="rose", predicted="daisy")
    found = page.photos
    assert len(found) and (page.result.labels[found] == 1).all()
    assert (page.answers.predictions[found] == 0).all()
    everything = read(tab="least-sure", true="no such class")
    assert everything.chosen == {"true": None, "predicted": None}
    assert len(everything.matching) == everything.ranked.n


def test_wrong_in_every_run_is_what_all_get_wrong(read: Read) -> None:
    other = next(iter(read().known))
    page = read(tab="wrong-in-every-run", others=f"{other},0000000000000000")
    assert [one.id for one in page.others] == [other]
    alone = read(tab="wrong-in-this-run-only", others=other)
    photos = page.result.photo_numbers("train")
    wrong = set(photos[page.answers.wrong[photos]])
    assert set(page.photos) | set(alone.photos) == wrong
    assert not set(page.photos) & set(alone.photos)


def test_a_link_without_a_ranking_gets_one(read: Read) -> None:
    assert read(tab="nonsense").ranking == RANKINGS[0]
    assert st.query_params["tab"] == RANKINGS[0]


@pytest.mark.parametrize("stated", ["99999999999999999999999", "x", "-1", "٣"])
def test_a_photo_that_is_not_listed_is_the_first(read: Read, stated: str) -> None:
    assert read(tab="least-sure", review=stated).find_place() == 0


def test_the_photo_of_the_link_has_its_place(read: Read) -> None:
    photos = read(tab="least-sure").photos
    assert read(tab="least-sure", review=str(photos[5])).find_place() == 5


def test_a_sample_is_that_of_its_link(read: Read) -> None:
    wrong = read(tab="random", of="wrong", seed="7")
    photos = wrong.result.photo_numbers("train")
    assert set(wrong.photos) == set(photos[wrong.answers.wrong[photos]])
    everything = read(tab="random", of="all", seed="7").photos
    assert set(everything) == set(photos)
    assert everything.tolist() == read(tab="random", of="all", seed="7").photos.tolist()
    assert everything.tolist() != read(tab="random", of="all", seed="8").photos.tolist()
    assert st.query_params["seed"] == "8"
    assert read(tab="random", of="x", seed="-3").seed == 1
