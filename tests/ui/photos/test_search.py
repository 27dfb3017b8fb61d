"""Search by a picture: a photo of the dataset finds itself first."""

import numpy as np
import pytest
from PIL import Image

from core.ui.photos import search
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from tests.builders import draw_photo, encode_photo
from tests.ui.driver import open_page, text_of


@pytest.fixture
def dataset(trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """36 photos with cached features; the settings name it."""
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(trained_workspace.root))
    return read_dataset(trained_workspace, list_datasets(trained_workspace)[0].id)


def test_a_photo_of_the_dataset_is_its_own_nearest(
    dataset: Dataset, trained_workspace: Workspace
) -> None:
    (features, *_) = search.find_feature_sets(trained_workspace, dataset.id)
    found = search._find_nearest(features, encode_photo(Image.fromarray(dataset.photos[5]), "PNG"))
    assert found.photos[0] == 5 and found.cosines[0] > 0.999
    assert (np.diff(found.cosines) <= 0).all() and len(found.photos) == 24


@pytest.mark.usefixtures("dataset")
def test_an_upload_shows_the_nearest_photos() -> None:
    app = open_page("dataset")
    app.session_state["folded.Search by a picture"] = True
    app.run()
    (uploader,) = app.get("file_uploader")
    photo = encode_photo(draw_photo(1, 300))
    app = uploader.upload("mine.jpg", photo, "image/jpeg").run()
    assert not app.error and "The 24 most similar of 36 photos" in text_of(app)
    (uploader,) = app.get("file_uploader")
    app = uploader.upload("mine.jpg", b"no photo", "image/jpeg").run()
    assert "Unsupported file format" in app.error[0].value
