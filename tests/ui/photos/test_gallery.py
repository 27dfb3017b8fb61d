"""The wall, its selection bar, the photo panel and the tray, without a browser."""

import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.edits.tray import add_edits, count_edits, list_edits
from core.datasets.tags import list_tags, read_tags, set_tag, write_tags_csv
from core.runs.store import list_runs
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from tests.ui.driver import labels, open_page, press, text_of


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


def open_cell(
    workspace: Workspace,
    selected: list[int] | None = None,
    typed: dict[str, str] | None = None,
    **query: str,
) -> AppTest:
    """Return the cell daisy/daisy of the matrix, where all photos lie."""
    run = list_runs(workspace)[0]
    cell = {"run": run.id, "split": "train", "true": "daisy", "predicted": "daisy"}
    chosen = f"wall.chosen.{run.recipe.dataset}.cell"
    state = {**({} if selected is None else {chosen: selected}), **(typed or {})}
    return open_page("confusion", state, **cell | query)


def test_nothing_is_offered_until_photos_are_selected(trained_copy: Workspace) -> None:
    app = open_cell(trained_copy)
    assert "selected" not in text_of(app)
    assert "Exclude" not in labels(app)


def test_selected_photos_are_excluded_and_it_can_be_undone(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    app = open_cell(trained_copy, [0, 2])
    assert "2 photos selected" in text_of(app)
    app = press(app, "Exclude")
    edits = list_edits(trained_copy, dataset.id)
    assert {edit.path for edit in edits} == set(dataset.manifest["path"].iloc[[0, 2]])
    assert {edit.action for edit in edits} == {"exclude"}
    # The photos are let go, and what was done can be taken back.
    assert "selected" not in text_of(app)
    assert "2 photos excluded" in text_of(app)
    app = press(app, "Undo")
    assert count_edits(trained_copy, dataset.id) == 0
    assert "2 photos excluded" not in text_of(app)


def test_selected_photos_are_relabelled(trained_copy: Workspace, dataset: Dataset) -> None:
    app = open_cell(trained_copy, [1, 4])
    next(box for box in app.selectbox if box.label == "New class").set_value("tulip").run()
    app = press(app, "Relabel 2 photos")
    edits = list_edits(trained_copy, dataset.id)
    assert [(edit.action, edit.value) for edit in edits] == [("relabel", "tulip")] * 2


def test_what_cannot_be_done_is_said_and_the_selection_stays(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    other = int(dataset.photo_numbers(class_name="tulip")[0])
    app = press(open_cell(trained_copy, [0, other]), "Exclude 1 photo")
    assert "in several classes" in text_of(app)
    assert "2 photos selected" in text_of(app)
    assert count_edits(trained_copy, dataset.id) == 0


def test_a_selection_of_another_dataset_is_not_shown(trained_copy: Workspace) -> None:
    app = open_cell(trained_copy)
    app.session_state["wall.chosen.0123456789abcdef.cell"] = [0, 1]
    app.run()
    assert "selected" not in text_of(app)


def test_a_link_opens_the_panel_of_a_photo(trained_copy: Workspace, dataset: Dataset) -> None:
    app = open_cell(trained_copy, photo="0")
    row = dataset.manifest.iloc[0]
    said = text_of(app).replace("\\", "")
    assert str(row["path"]) in said
    assert f"{row['width']} × {row['height']} px" in said
    assert str(row["sha256"])[:16] in said
    # Without a quality analysis it says what makes the nearest photos.
    assert "quality analysis" in said
    runs = [frame.value for frame in app.dataframe if "Predicted" in frame.value]
    assert len(runs) == 1 and len(runs[0]) == 1


def test_the_panel_edits_one_photo(trained_copy: Workspace, dataset: Dataset) -> None:
    app = open_cell(trained_copy, photo="3")
    app = press(app, "Exclude")
    (edit,) = list_edits(trained_copy, dataset.id)
    assert (edit.path, edit.action) == (dataset.manifest["path"].iat[3], "exclude")
    app = open_cell(trained_copy, photo="3")
    assert "In the tray: excluded" in text_of(app)


def test_the_tray_is_silent_when_empty_and_counts_what_waits(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    def draw() -> None:
        from core.ui.parts import cache
        from core.ui.photos.tray import show_tray
        from data.manifest import list_datasets

        show_tray(cache.dataset(list_datasets(cache.workspace())[0].id))

    app = AppTest.from_function(draw, default_timeout=60).run()
    assert not app.exception and not app.markdown and not app.button
    add_edits(trained_copy, dataset, [1, 2, 3], "move", "test")
    app.run()
    assert "**3 edits** in the tray" in text_of(app)
    press(app, "Undo")
    assert count_edits(trained_copy, dataset.id) == 0


def test_selected_photos_are_tagged_and_let_go(trained_copy: Workspace, dataset: Dataset) -> None:
    set_tag(trained_copy, dataset, [5], "*odd*")
    app = open_cell(trained_copy, [0, 2])
    next(box for box in app.selectbox if box.label == "Tag").set_value("*odd*").run()
    app = press(app, "Add to 2 photos")
    assert read_tags(trained_copy, dataset).counts == {"*odd*": 3}
    assert "2 photos selected" in text_of(app)  # for one more tag
    assert r"Now: \*odd\*" in text_of(app)
    app = press(app, "Remove from 2 photos")
    assert read_tags(trained_copy, dataset).counts == {"*odd*": 1}


def test_a_name_that_cannot_be_kept_is_said(trained_copy: Workspace) -> None:
    app = open_cell(trained_copy, [0], typed={"selection.cell.tag": "x" * 41})
    assert "1 to 40 letters" in text_of(app)
    assert list_tags(trained_copy) == {}


def test_the_panel_shows_the_tags_of_a_photo(trained_copy: Workspace, dataset: Dataset) -> None:
    set_tag(trained_copy, dataset, [0], "[odd](x)")
    app = open_cell(trained_copy, photo="0")
    assert r"\[odd\]\(x\)" in text_of(app)
    csv = write_tags_csv(dataset, read_tags(trained_copy, dataset)).splitlines()
    assert csv[0] == "path,class,split,sha256,tag"
    assert [line.endswith(",[odd](x)") for line in csv[1:]] == [True]
