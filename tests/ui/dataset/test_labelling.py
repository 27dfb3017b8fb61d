"""The view Label: photos without labels one by one, a version of them, and the replay."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.edits.tray import add_edits, list_edits
from core.datasets.quality.making import make_analysis
from core.datasets.quality.store import list_parameters
from core.formats import plain
from core.instant.herding import STRATEGIES, Replay
from core.ui.labelling.charts import draw_replay, tabulate_replay
from core.ui.labelling.reading import check_name, list_choices, name_now
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import list_datasets, read_dataset
from data.sources.found import SourceRequest
from tests.builders import write_class_folders
from tests.ui.driver import labels, open_page, press, text_of


@pytest.fixture
def garden(trained_copy: Workspace, tmp_path: Path) -> Dataset:
    """Photos without labels, which are looked at already."""
    folder = write_class_folders(tmp_path / "garden", ("rose", "tulip"), photos_per_class=4)
    request = SourceRequest(kind="unlabelled", path=str(folder))
    dataset = import_source(trained_copy, request)
    make_analysis(
        trained_copy, list_parameters(trained_copy, dataset.id, "random", "order"), lambda *_: None
    )
    return dataset


def photo_of(app: AppTest, dataset: Dataset) -> str:
    """Return the path of the photo that is asked about."""
    path = str(dataset.manifest["path"].iat[app.session_state[name_now(dataset)]])
    assert plain(path) in text_of(app)
    return path


def label(app: AppTest, dataset: Dataset) -> AppTest:
    """Press the digit of the class that the photo's folder is called after."""
    return press(app, photo_of(app, dataset).split("/")[0])


def test_labels_are_given_taken_back_and_made_a_dataset(
    trained_copy: Workspace, garden: Dataset
) -> None:
    app = open_page("dataset", dataset=garden.id)  # its desk, unasked
    assert "0 of 8 labelled" in app.get("progress")[0].proto.text
    app = press(app, "Make the dataset")
    assert "A version needs 2 more of the classes" in text_of(app)
    for path in ("rose/rose_000.jpg", "tulip/tulip_000.jpg"):  # new names: a browser types them
        photo = garden.manifest["path"].tolist().index(path)
        add_edits(trained_copy, garden, [photo], "relabel", path.split("/")[0])
    app = open_page("dataset", dataset=garden.id)
    first = photo_of(app, garden)
    app = label(app, garden)
    assert photo_of(app, garden) != first
    app = press(app, "Undo")
    assert photo_of(app, garden) == first and len(list_edits(trained_copy, garden.id)) == 2
    app = press(app, "Later")
    assert photo_of(app, garden) != first
    for _ in range(3):
        app = label(app, garden)
    assert "5 of 8 labelled" in app.get("progress")[0].proto.text
    app = press(app, "Leave out")
    app = open_page("dataset", dataset=garden.id)  # a reload loses nothing
    assert "5 of 7 labelled" in app.get("progress")[0].proto.text
    app = press(app, "Make the dataset")
    assert "is made" in text_of(app)
    made = read_dataset(trained_copy, list_datasets(trained_copy)[0].id)
    assert (made.parent, made.classes, len(made)) == (garden.id, ("rose", "tulip"), 5)
    names = [path.split("/")[0] for path in made.manifest["path"]]
    assert names == list(made.manifest["class"])


def test_no_label_is_no_class() -> None:
    assert [check_name(name) for name in ("rose", " ", "Unlabeled", "un-labelled")] == [
        True,
        False,
        False,
        True,
    ]


def test_labelled_photos_are_replayed(trained_copy: Workspace) -> None:
    dataset = list_datasets(trained_copy)[-1].id
    app = open_page("dataset", dataset=dataset, view="label")
    assert "All photos here have a label" in text_of(app)
    assert any("See what an order is worth" in one for one in labels(app))
    make_analysis(
        trained_copy, list_parameters(trained_copy, dataset, "random", "order"), lambda *_: None
    )
    app = open_page("dataset", dataset=dataset, view="label")
    assert "5 repeats, each choosing from" in text_of(app)


def test_digits_stay_with_their_classes() -> None:
    assert list_choices(("a", "b"), [], {"b": 0.9, "a": 0.1}) == ["a", "b"]
    many = tuple("abcdefghijklm")
    assert list_choices(many, [], {"m": 0.9, "a": 0.1}) == ["m", "a"]
    assert list_choices(many, [], {}) == list(many[:9])


@pytest.mark.parametrize("dark", [False, True])
def test_three_curves_with_bands_are_drawn(dark: bool) -> None:
    values = np.random.default_rng(0).uniform(0.2, 0.9, (3, 5, 4))
    replay = Replay(
        sizes=np.array([5, 10, 20, 40]),
        accuracies=values,
        judged=75,
        classes=np.full((3, 5, 4), 3),
        pool=100,
    )
    table = tabulate_replay(replay)
    assert len(table) == len(STRATEGIES) * 4
    assert (table["low"] <= table["accuracy"]).all() and (table["accuracy"] <= table["high"]).all()
    assert table["accuracy"].iloc[0] == pytest.approx(values[0, :, 0].mean())
    spec = draw_replay(table, 75, dark).to_dict()
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["area", "line"]
