"""The what-if in the review of the tray, and the predicted effect in the list of versions."""

import pytest

from core.datasets.edits.tray import add_edits, list_edits, resolve_edits
from core.exact.store import find_source, prepare_head
from core.exact.whatif import apply_and_predict, predict_effect
from core.formats import points
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import list_datasets, read_dataset
from tests.builders import write_class_folders
from tests.ui.driver import open_page, text_of


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


def test_the_page_shows_the_predicted_effect(trained_copy: Workspace, dataset: Dataset) -> None:
    photos = dataset.photo_numbers("train")[::2]
    add_edits(trained_copy, dataset, photos, "relabel", dataset.classes[2])
    head = prepare_head(trained_copy, find_source(trained_copy, dataset))
    changes = resolve_edits(dataset, list_edits(trained_copy, dataset.id))
    told = predict_effect(head, dataset, changes).comparison
    app = open_page("dataset", dataset=dataset.id, view="edits")
    shown = {one.label: one.value for one in app.metric}
    assert (shown["Gained"], shown["Lost"]) == (f"{told.gained}", f"{told.lost}")
    assert shown["Validation photos"] == f"{told.n}"
    assert "agrees with Run 1" in text_of(app)
    assert f"predicted {points(told.difference, told.n)}" in text_of(app)
    made = apply_and_predict(trained_copy, dataset)
    app = open_page("dataset", dataset=made.id, view="versions")
    assert "Predicted by the exact head" in text_of(app)


def test_without_features_the_review_says_what_to_do(workspace: Workspace) -> None:
    made = import_source(workspace, write_class_folders(workspace.root / "photos"))
    add_edits(workspace, made, [0], "exclude")
    app = open_page("dataset", dataset=made.id, view="edits")
    assert "features" in text_of(app) and made.id in text_of(app)
