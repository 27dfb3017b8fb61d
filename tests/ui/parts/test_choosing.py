"""Which run a page is about: the address, what was chosen, the newest unfinished or done run."""

import dataclasses
from collections.abc import Callable

import pytest
import streamlit as st
from sqlalchemy import update

from core.runs.database import write_database
from core.runs.queue.queue import submit_run
from core.runs.store import RunRecord, State, list_runs, read_run
from core.runs.tables import runs_table
from core.ui.parts.choosing import (
    change_run,
    choose_dataset,
    choose_run,
    find_default,
    read_asked_run,
)
from core.ui.parts.state import bind_choice, keep_choice, read_number, settle_choice
from core.workspace import Workspace
from tests.training import change_recipe, make_recipe


@pytest.fixture
def make_run(trained_workspace: Workspace) -> Callable[..., RunRecord]:
    """A function that makes a record as the index would hold it."""
    (run,) = list_runs(trained_workspace)

    def make(name: str, state: State = "done") -> RunRecord:
        return dataclasses.replace(run, id=name, state=state)

    return make


Make = Callable[..., RunRecord]


def _finish_run(workspace: Workspace, epochs: int) -> RunRecord:
    run, _ = submit_run(workspace, change_recipe(workspace, epochs=epochs))
    with write_database(workspace) as connection:
        connection.execute(update(runs_table).where(runs_table.c.id == run.id).values(state="done"))
    return read_run(workspace, run.id)


def test_a_running_run_comes_first_then_the_newest(
    make_run: Make, address: Callable[..., None]
) -> None:
    address()
    failed, waiting = make_run("e", "failed"), make_run("d", "queued")
    going, done = make_run("c", "running"), make_run("b")
    assert choose_run([failed, waiting, going, done]) == going
    assert choose_run([failed, waiting, done]) == waiting
    assert choose_run([failed, done]) == done
    assert choose_run([failed]) == failed


def test_what_the_rule_gives_is_in_the_address_and_no_choice(
    make_run: Make, address: Callable[..., None]
) -> None:
    address()
    first, queued = make_run("a"), make_run("b", "queued")
    keep_choice("run", "b")  # it was just started
    st.query_params.clear()  # another page, on which only finished runs can be shown
    assert choose_run([first]) == first
    assert st.query_params["run"] == "a"
    assert choose_run([first]) == first  # drawn again
    assert read_asked_run() == "b"
    st.query_params.clear()
    assert choose_run([queued, first]) == queued


def test_a_link_that_a_person_followed_is_a_choice(
    compared_workspace: Workspace, address: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(compared_workspace.root))
    newest, *_, oldest = list_runs(compared_workspace)
    address(run=oldest.id)
    assert choose_run([newest, oldest]) == oldest
    st.query_params.clear()
    assert choose_run([newest, oldest]) == oldest


def test_a_choice_of_the_newest_run_follows_the_newest(
    trained_copy: Workspace, address: Callable[..., None]
) -> None:
    """The page server started run 1; others trained two more since."""
    (first,) = list_runs(trained_copy)
    address()
    change_run(first.id)
    second, third = (_finish_run(trained_copy, epochs) for epochs in (7, 8))
    for _ in range(2):  # drawn again: the address of the run that was replaced is no choice
        assert choose_run(list_runs(trained_copy)) == third
        assert st.query_params["run"] == third.id
    change_run(second.id)  # an older one, chosen on purpose, stays
    _finish_run(trained_copy, 9)
    st.query_params.clear()
    assert choose_run(list_runs(trained_copy)) == read_run(trained_copy, second.id)


def test_the_default_is_the_newest_run_of_the_dataset_in_hand(
    make_run: Make, address: Callable[..., None]
) -> None:
    address()
    here = make_run("a")
    elsewhere = dataclasses.replace(
        make_run("b"), recipe=dataclasses.replace(here.recipe, dataset="feed")
    )
    assert find_default([elsewhere, here]) == elsewhere
    st.session_state["chosen.dataset"] = here.recipe.dataset
    assert find_default([elsewhere, here]) == here
    assert find_default([elsewhere]) == elsewhere


def test_links_of_before_name_what_is_watched(make_run: Make, address: Callable[..., None]) -> None:
    address(watch="a")
    assert choose_run([make_run("b"), make_run("a")]).id == "a"  # type: ignore[union-attr]
    assert st.query_params.to_dict() == {"run": "a"}


def test_a_link_to_a_run_brings_its_dataset(
    trained_copy: Workspace, address: Callable[..., None]
) -> None:
    here = list_runs(trained_copy)[0].recipe.dataset
    trained_copy.dataset_folder("feedfeedfeedfeed").mkdir()
    run, _ = submit_run(trained_copy, make_recipe(trained_copy, "feedfeedfeedfeed"))
    other, _ = submit_run(trained_copy, change_recipe(trained_copy, epochs=9))
    datasets = [here, "feedfeedfeedfeed"]
    for name in ("run", "watch"):
        address(**{name: run.id})
        st.session_state["chosen.dataset"] = here
        assert choose_dataset(datasets) == "feedfeedfeedfeed"
    address(run=run.id, dataset=here)  # it names both
    assert choose_dataset(datasets) == here
    change_run(run.id)  # a click on it
    assert choose_dataset(datasets) == st.query_params["dataset"] == "feedfeedfeedfeed"
    change_run(other.id)
    st.query_params.clear()
    assert choose_dataset(datasets) == here
    address()
    assert choose_dataset(datasets) == here


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("0", 0), ("7", 7), ("007", 7), ("9", 9)),
        *(("10", None), ("-1", None), ("1.5", None), ("", None), (" 1", None), ("x", None)),
        *(("\u0663", None), ("\u00b2", None), ("9" * 5000, None)),
    ],
)
def test_only_numbers_in_range_count(text: str, number: int | None) -> None:
    assert read_number(text, 10) == number


def test_a_choice_among_options_is_settled_in_the_link(address: Callable[..., None]) -> None:
    address(view="map", sort="by magic")
    assert settle_choice("view", ["photos", "map"], "photos") == "map"
    assert settle_choice("sort", ["name", "size"], "name") == "name"
    assert st.query_params.to_dict() == {"view": "map", "sort": "name"}


def test_a_bound_widget_shows_the_choice_and_writes_its_change(
    address: Callable[..., None],
) -> None:
    address(**{"class": "rose"})
    heard: list[str] = []
    bound = bind_choice(
        "class",
        "rose",
        key="w",
        write=lambda name: None if name == "All" else name,
        then=lambda: heard.append("then"),
    )
    assert bound["key"] == "w" and st.session_state["w"] == "rose"
    st.session_state["w"] = "tulip"
    bound["on_change"]()
    assert st.query_params["class"] == "tulip"
    st.session_state["w"] = "All"
    bound["on_change"]()
    assert "class" not in st.query_params
    assert heard == ["then", "then"]
