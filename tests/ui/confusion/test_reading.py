"""What the confusion page has read: matrix, part, what is chosen; whatever the link says."""

import io
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from core.runs.store import list_runs
from core.ui.confusion.grid import write_cells, write_square
from core.ui.confusion.reading import Chosen, ConfusionPage, read_against, read_confusion
from core.workspace import Workspace

Read = Callable[..., ConfusionPage]


@pytest.fixture
def read(
    compared: Workspace, monkeypatch: pytest.MonkeyPatch, address: Callable[..., None]
) -> Read:
    """Return a function that reads what a link shows of a run that hardly learnt."""
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(compared.root))
    st.cache_resource.clear()
    run = list_runs(compared)[0]

    def read_link(**query: str) -> ConfusionPage:
        address(**query)
        return read_confusion(run, "train", read_against(run).run)

    return read_link


def test_a_cell_a_row_and_a_column_have_their_photos(read: Read) -> None:
    page = read()
    assert page.chosen is None
    for query, chosen in (
        ({"true": "daisy"}, Chosen(0, None)),
        ({"predicted": "tulip"}, Chosen(None, 2)),
        ({"true": "rose", "predicted": "daisy"}, Chosen(1, 0)),
    ):
        page = read(**query)
        assert page.chosen == chosen
        photos = page.find_photos(chosen)
        rows = slice(None) if chosen.true is None else chosen.true
        columns = slice(None) if chosen.predicted is None else chosen.predicted
        assert len(photos) == page.matrix[rows, columns].sum()
        assert set(photos) <= set(page.numbers)


def test_a_link_to_no_class_chooses_nothing(read: Read) -> None:
    page = read(true="<b>oak</b>", order="size", zoom="a", cells="x", among="y")
    assert page.chosen is None and page.zoom is None
    assert (page.order, page.part, page.value, page.hide_diagonal) == (
        "name",
        "all",
        "count",
        False,
    )


def test_a_link_to_a_row_names_no_column(read: Read) -> None:
    page = read()
    st.session_state["chosen.predicted"] = "tulip"  # chosen before: the link wins over it
    assert read_confusion(page.run, "train", None).chosen == Chosen(None, 2)
    st.query_params.from_dict({"true": "daisy"})
    assert read_confusion(page.run, "train", None).chosen == Chosen(0, None)


@pytest.mark.parametrize("zoom", ["0-3_0-1", "2-1_0-1", "0-1", "0-1_0-1x", "99999-99999_0-0"])
def test_a_zoom_that_does_not_fit_shows_all(read: Read, zoom: str) -> None:
    page = read(zoom=zoom)
    assert page.zoom is None and page.left_out == ""


def test_a_zoom_is_of_one_matrix_and_of_its_order(read: Read) -> None:
    page = read(zoom="0-1_1-2", order="accuracy")
    assert page.rows.tolist() == page.arranged[:2].tolist()
    assert page.columns.tolist() == page.arranged[1:].tolist()
    assert page.left_out == "2 rows × 2 columns of 3 classes."
    other = read_confusion(page.run, "validation", None)  # the same link, of another split
    assert other.zoom is None and "zoom" not in st.query_params


def test_typical_photos_are_train_photos_of_the_class(read: Read, compared: Workspace) -> None:
    page = read()
    typical = page.find_typical(0, 3)
    assert typical.by_features and 0 < len(typical.photos) <= 3
    assert (page.result.labels[typical.photos] == 0).all()
    for file in (compared.root / "features").rglob("*.npy"):
        file.unlink()
    assert not page.find_typical(0, 3).by_features


def test_a_difference_counts_what_came_and_what_left(read: Read, compared: Workspace) -> None:
    other = list_runs(compared)[-1]
    page = read(against=other.id)
    assert page.pair is not None and page.pair.other.id == other.id
    assert page.pair.change.title.startswith(f"Run {page.run.number} against run {other.number}: ")
    moved = page.find_moved(page.pair, Chosen(0, 0))
    change = page.pair.change.after - page.pair.change.before
    assert len(moved["came"]) - len(moved["left"]) == change[0, 0] == page.counts[0, 0]


def test_a_run_that_is_gone_is_no_difference(read: Read) -> None:
    page = read(against="0000000000000000")
    assert page.pair is None
    assert read_against(page.run).is_gone


@pytest.mark.parametrize("differs", [False, True])
def test_numbers_of_all_classes_are_written(read: Read, compared: Workspace, differs: bool) -> None:
    query = {"against": list_runs(compared)[-1].id} if differs else {}
    page = read(zoom="0-0_0-0", **query)
    square = pd.read_csv(io.StringIO(write_square(page)), index_col=0)
    assert square.columns.tolist() == square.index.tolist() == list(page.classes)
    assert np.array_equal(square.to_numpy(), page.counts)
    cells = pd.read_csv(io.StringIO(write_cells(page)))
    assert len(cells) == len(page.classes) ** 2
    assert np.array_equal(cells["change" if differs else "count"], page.counts.ravel())
