"""The confusion page: links to a cell, a row, a column, a part and a difference of two runs."""

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.charts.matrix_cells import Look, describe_matrix
from core.runs.store import list_runs, record_opening
from core.ui.confusion.grid import pack_grid, write_square
from core.ui.confusion.reading import Chosen, ConfusionPage, read_against, read_confusion
from core.ui.confusion.scope import choose_part, list_parts
from core.workspace import Workspace
from tests.ui.driver import open_page, press, text_of


def open_link(workspace: Workspace, **query: str) -> AppTest:
    """Return the page of the oldest run on its train photos."""
    run_id = list_runs(workspace)[-1].id
    return open_page("confusion", **{"run": run_id, "split": "train", **query})


def test_a_row_a_column_and_a_cell_have_links(compared: Workspace) -> None:
    for query, title in (
        ({"true": "daisy"}, "All photos of daisy"),
        ({"predicted": "daisy"}, "All photos predicted as daisy"),
        ({"true": "daisy", "predicted": "daisy"}, "daisy recognised as daisy"),
        ({"true": "daisy", "predicted": "tulip"}, "daisy mistaken for tulip"),
    ):
        app = open_link(compared, **query)
        assert [one.value for one in app.subheader] == [title]
        for name in ("true", "predicted"):
            assert (name in app.query_params) == (name in query)


def test_a_pair_shows_what_both_classes_look_like(compared: Workspace) -> None:
    app = open_link(compared, true="daisy", predicted="tulip")
    said = text_of(app)
    assert "True class: typical daisy" in said
    assert "Predicted as: typical tulip" in said
    assert "nearest to the class centre" in said
    assert "95 % interval" in said


def test_what_is_gone_is_said(compared: Workspace) -> None:
    for file in (compared.root / "features").rglob("*.npy"):
        file.unlink()
    app = open_link(compared, true="daisy", predicted="tulip")
    assert "Most confused pairs" in text_of(app)
    assert "the features are missing" in text_of(app)


def test_a_zoom_is_kept_until_the_order_changes(compared: Workspace) -> None:
    app = open_link(compared, zoom="0-1_1-2")
    assert "2 rows × 2 columns of 3 classes" in text_of(app)
    app.selectbox(key="confusion.order").set_value("accuracy").run()
    assert not app.exception
    assert "zoom" not in app.query_params
    assert app.query_params["order"] == "accuracy"
    assert "columns of 3 classes" not in text_of(app)


def test_zooming_out_shows_all(compared: Workspace) -> None:
    app = open_link(compared, zoom="0-0_0-2")
    assert "zoom" not in press(app, "Zoom out").query_params


def test_cells_and_diagonal_live_in_the_link(compared: Workspace) -> None:
    app = open_link(compared, cells="row share", diagonal="hidden")
    assert app.toggle(key="confusion.hide_diagonal").value is True
    app.toggle(key="confusion.hide_diagonal").set_value(False).run()
    assert not app.exception
    assert "diagonal" not in app.query_params
    assert app.query_params["cells"] == "row share"


def test_a_difference_says_who_came_and_who_left(compared: Workspace) -> None:
    hardly = list_runs(compared)[0]
    app = open_link(compared, against=hardly.id, true="daisy", predicted="daisy")
    said = text_of(app).replace("\\", "")
    assert f"against run {hardly.number}" in said
    assert "photos that both predicted" in said
    assert "Largest changes" in said
    assert [one.value for one in app.subheader] == ["daisy recognised as daisy: now, or no longer"]
    kinds = next(one for one in app.segmented_control if one.key == "confusion.moved")
    assert any(option.startswith("New here (") for option in kinds.options)
    app.selectbox(key="confusion.against").set_value(None).run()
    assert not app.exception
    assert "against" not in app.query_params
    assert "Most confused pairs" in text_of(app)


def test_the_seal_holds_for_the_other_run_too(compared: Workspace) -> None:
    mine, other = list_runs(compared)[-1].id, list_runs(compared)[0].id
    app = open_link(compared, split="test", against=other)
    assert "sealed" in text_of(app)
    for run in (mine, other):
        record_opening(compared, run, "another", "command line")
    app.session_state[f"test_opened.{mine}"] = True
    app.run()
    assert "sealed" in text_of(app)  # the other run's test photos are still closed
    assert "gained" not in text_of(app)
    app.session_state[f"test_opened.{other}"] = True
    app.run()
    assert not app.exception
    assert "gained" in text_of(app)


CLASSES = ("daisy", "rose", "tulip")
MATRIX = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])


def pack(rows: list[int], columns: list[int], *shown: Any) -> dict[str, Any]:
    look = Look(rows=np.array(rows), columns=np.array(columns))
    return pack_grid(describe_matrix(MATRIX, CLASSES, look), *shown)


def test_a_place_says_row_and_column_of_what_is_drawn() -> None:
    packed = pack([2, 1, 0], [1, 0])
    assert packed["rows"] == ["tulip", "rose", "daisy"]
    assert packed["row_numbers"] == [2, 1, 0] and packed["column_numbers"] == [1, 0]
    texts = {
        (packed["rows"][place // 2], packed["columns"][place % 2]): text
        for place, text in zip(packed["places"], packed["texts"], strict=True)
    }
    assert texts == {
        ("rose", "rose"): "3",
        ("rose", "daisy"): "1",
        ("daisy", "rose"): "2",
        ("daisy", "daisy"): "8",
    }


def test_colours_are_numbers_into_a_table_and_all_is_json() -> None:
    packed = json.loads(json.dumps(pack([0, 1, 2], [0, 1, 2], (1, None))))
    for names in ("fills", "inks"):
        assert all(packed["colours"][number].startswith("#") for number in packed[names])
    assert packed["chosen"] == {"true": 1, "predicted": None}
    assert [legend["high"] for legend in packed["legends"]] == ["2", "8"]


def test_of_very_many_classes_the_most_confused_pairs_are_drawn_first() -> None:
    k = 400
    matrix = np.eye(k, dtype=np.int64)
    matrix[np.arange(100), np.arange(100)] = 0
    matrix[np.arange(100), np.arange(300, 400)] = 1  # one photo a class: all as confused
    matrix[3, 390] = 5
    names = [f"class {number:03d}" for number in range(k)]
    parts = list_parts(matrix, names)
    drawn = parts[choose_part(parts, k)].classes
    assert {3, 390} <= set(drawn.tolist()) and len(drawn) <= 40
    part = matrix[np.ix_(drawn, drawn)]
    assert part.sum() - part.trace() >= 20  # the errors are in it, not only their classes
    assert choose_part(list_parts(np.eye(k, dtype=np.int64), names), k) == "all"
    assert choose_part(list_parts(matrix[:300, :300], names[:300]), 300) == "all"


Read = Callable[..., ConfusionPage]


@pytest.fixture
def read(compared: Workspace, address: Callable[..., None]) -> Read:
    """Return a function that reads what a link shows of a run that hardly learnt."""
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


@pytest.mark.parametrize("differs", [False, True])
def test_numbers_of_all_classes_are_written(read: Read, compared: Workspace, differs: bool) -> None:
    query = {"against": list_runs(compared)[-1].id} if differs else {}
    page = read(zoom="0-0_0-0", **query)
    square = pd.read_csv(io.StringIO(write_square(page)), index_col=0)
    assert square.columns.tolist() == square.index.tolist() == list(page.classes)
    assert np.array_equal(square.to_numpy(), page.counts)
