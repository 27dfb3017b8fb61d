"""The confusion page: links to a cell, a row, a column, a part and a difference of two runs."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.store import list_runs, record_opening
from core.workspace import Workspace
from tests.ui.driver import open_page, text_of

Open = Callable[..., AppTest]


@pytest.fixture
def open_link(compared: Workspace, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Return a function that opens the page of the oldest run on its train photos."""
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(compared.root))
    run_id = list_runs(compared)[-1].id

    def run(**query: str) -> AppTest:
        return open_page("confusion", **{"run": run_id, "split": "train", **query})

    return run


def test_a_row_a_column_and_a_cell_have_links(open_link: Open) -> None:
    for query, title in (
        ({"true": "daisy"}, "All photos of daisy"),
        ({"predicted": "daisy"}, "All photos predicted as daisy"),
        ({"true": "daisy", "predicted": "daisy"}, "daisy recognised as daisy"),
        ({"true": "daisy", "predicted": "tulip"}, "daisy mistaken for tulip"),
    ):
        app = open_link(**query)
        assert [one.value for one in app.subheader] == [title]
        for name in ("true", "predicted"):
            assert (name in app.query_params) == (name in query)


def test_a_pair_shows_what_both_classes_look_like(open_link: Open) -> None:
    app = open_link(true="daisy", predicted="tulip")
    said = text_of(app)
    assert "True class: typical daisy" in said
    assert "Predicted as: typical tulip" in said
    assert "nearest to the class centre" in said
    assert "95 % interval" in said


def test_what_is_gone_is_said(open_link: Open, compared: Workspace) -> None:
    for file in (compared.root / "features").rglob("*.npy"):
        file.unlink()
    app = open_link(true="daisy", predicted="tulip", against="0000000000000000")
    assert "The run to compare with was deleted" in text_of(app)
    assert "Most confused pairs" in text_of(app)
    assert "the features were deleted" in text_of(app)


def test_a_zoom_is_kept_until_the_order_changes(open_link: Open) -> None:
    app = open_link(zoom="0-1_1-2")
    assert "2 rows × 2 columns of 3 classes" in text_of(app)
    app.selectbox(key="confusion.order").set_value("accuracy").run()
    assert not app.exception
    assert "zoom" not in app.query_params
    assert app.query_params["order"] == "accuracy"
    assert "columns of 3 classes" not in text_of(app)


def test_zooming_out_shows_all(open_link: Open) -> None:
    app = open_link(zoom="0-0_0-2")
    next(button for button in app.button if button.label == "Zoom out").click().run()
    assert not app.exception
    assert "zoom" not in app.query_params


def test_cells_and_diagonal_live_in_the_link(open_link: Open) -> None:
    app = open_link(cells="row share", diagonal="hidden")
    assert app.toggle(key="confusion.hide_diagonal").value is True
    app.toggle(key="confusion.hide_diagonal").set_value(False).run()
    assert not app.exception
    assert "diagonal" not in app.query_params
    assert app.query_params["cells"] == "row share"


def test_a_difference_says_who_came_and_who_left(open_link: Open, compared: Workspace) -> None:
    hardly = list_runs(compared)[0]
    app = open_link(against=hardly.id, true="daisy", predicted="daisy")
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


def test_the_seal_holds_for_the_other_run_too(open_link: Open, compared: Workspace) -> None:
    mine, other = list_runs(compared)[-1].id, list_runs(compared)[0].id
    app = open_link(split="test", against=other)
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
