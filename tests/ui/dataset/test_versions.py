"""The review of the tray, applying it, and the versions that come of it, without a browser."""

import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.edits.tray import add_edits, apply_edits, count_edits
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from tests.ui.driver import labels, open_page, press, text_of


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


def open_view(dataset: Dataset, view: str) -> AppTest:
    return open_page("dataset", dataset=dataset.id, view=view)


def type_name(app: AppTest, name: str) -> None:
    next(field for field in app.text_input if field.label == "Name").set_value(name)


def test_a_version_is_renamed_and_never_nameless(trained_copy: Workspace, dataset: Dataset) -> None:
    app = open_view(dataset, "versions")
    type_name(app, "  Garden, version 1 ")
    app = press(app, "Rename")
    assert "**Garden, version 1**" in [line.value for line in app.markdown], "said once"
    name = next(field for field in app.text_input if field.label == "Name")
    assert name.value == "Garden, version 1"
    name.set_value("  ")
    app = press(app, "Rename")
    assert any("needs a name" in error.value for error in app.error)
    assert list_datasets(trained_copy)[0].name == "Garden, version 1"


def test_two_windows_rename_and_the_later_name_stays(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    windows = [open_view(dataset, "versions") for _ in range(2)]
    for app, name in zip(windows, ("One", "Two"), strict=True):
        type_name(app, name)
        app = press(app, "Rename")
        assert next(field for field in app.text_input if field.label == "Name").value == name
    assert list_datasets(trained_copy)[0].name == "Two"


def test_an_empty_tray_says_how_it_is_filled(dataset: Dataset) -> None:
    app = open_view(dataset, "edits")
    assert "The tray is empty" in text_of(app)
    assert "Apply the edits" not in labels(app)


def test_the_review_says_what_will_change(trained_copy: Workspace, dataset: Dataset) -> None:
    add_edits(trained_copy, dataset, [0], "relabel", "tulip")
    add_edits(trained_copy, dataset, [1], "exclude", note="blurred")
    app = open_view(dataset, "edits")
    assert "2 photos: 1 relabelled, 1 excluded" in text_of(app)
    table = next(frame.value for frame in app.dataframe if "then" in frame.value)
    assert table["then"].to_list() == ["→ tulip", "excluded"]
    assert table["note"].to_list() == ["", "blurred"]
    assert table["photo"].str.startswith("data:image/webp;base64,").all()


def test_clear_can_be_redone(trained_copy: Workspace, dataset: Dataset) -> None:
    add_edits(trained_copy, dataset, [0, 1], "exclude")
    app = press(open_view(dataset, "edits"), "Clear")
    assert count_edits(trained_copy, dataset.id) == 0
    press(app, "Redo")
    assert count_edits(trained_copy, dataset.id) == 2


def test_apply_makes_a_version_and_chooses_it(trained_copy: Workspace, dataset: Dataset) -> None:
    add_edits(trained_copy, dataset, [1], "exclude")
    app = open_view(dataset, "edits")
    type_name(app, "cleaned")
    app = press(app, "Apply the edits")
    assert not app.error
    made = next(entry for entry in list_datasets(trained_copy) if entry.parent == dataset.id)
    assert (made.name, made.photos) == ("cleaned", len(dataset) - 1)
    assert made.id in app.query_params["dataset"]
    assert any("was created" in toast.value for toast in app.toast)


def test_what_cannot_be_applied_is_said_and_stays_in_the_tray(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    add_edits(trained_copy, dataset, range(len(dataset)), "exclude")
    app = press(open_view(dataset, "edits"), "Apply the edits")
    assert "Every photo would be excluded" in text_of(app)
    assert count_edits(trained_copy, dataset.id) == len(dataset)


def test_versions_are_listed_and_compared(trained_copy: Workspace, dataset: Dataset) -> None:
    add_edits(trained_copy, dataset, [0], "relabel", "tulip")
    add_edits(trained_copy, dataset, [1], "exclude")
    version = apply_edits(trained_copy, dataset, name="cleaned")
    app = open_view(version, "versions")
    assert "1 relabelled, 1 excluded since version 1" in text_of(app)
    shown = {metric.label: metric.value for metric in app.metric}
    assert (shown["Relabelled"], shown["Removed"], shown["Added"]) == ("1", "1", "0")
    assert shown["Unchanged"] == str(len(dataset) - 2)
