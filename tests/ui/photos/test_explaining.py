"""What a run looked at, on pages: in the panel of a photo, on the predict page, as a download."""

import shutil

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.edits.tray import add_edits, list_edits, resolve_edits
from core.errors import FeaturesMissing
from core.exact.head import fit_head
from core.exact.store import find_run_source, find_source, prepare_head
from core.exact.whatif import apply_and_predict, predict_effect
from core.exact.why import Why, ask_why
from core.formats import percent, points
from core.runs.result import read_result, read_run_features
from core.runs.store import list_runs, record_opening
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import list_datasets, read_dataset
from tests.builders import write_class_folders
from tests.ui.driver import open_page, press, text_of

PHOTO = 5


def open_panel(workspace: Workspace, photo: int = PHOTO, **kept: object) -> AppTest:
    """Return the dataset page with the panel of a photo."""
    state = {f"explaining.{name}": value for name, value in kept.items()}
    dataset = list_runs(workspace)[0].recipe.dataset
    return open_page("dataset", state, dataset=dataset, view="photos", photo=str(photo))


def captions_of_pictures(app: AppTest) -> list[str]:
    return [one.caption for pictures in app.get("image") for one in pictures.proto.imgs]


def test_nothing_is_computed_until_it_is_asked_for(trained_copy: Workspace) -> None:
    app = open_panel(trained_copy)
    assert not app.toggle(key="panel.explain").value
    assert "What the model sees" not in captions_of_pictures(app)
    assert not trained_copy.maps.exists()


def test_the_panel_shows_what_spoke_for_the_classes(trained_copy: Workspace) -> None:
    app = open_panel(trained_copy)
    app.toggle(key="panel.explain").set_value(True).run()
    assert not app.exception
    result = read_result(trained_copy, list_runs(trained_copy)[-1].id)
    true, predicted = result.labels[PHOTO], result.scores[PHOTO].argmax()
    captions = captions_of_pictures(app)
    shown = captions[captions.index("What the model sees") + 1 : -1]  # the last is the scale
    roles = ["predicted, true"] if true == predicted else ["predicted", "true"]
    assert [caption.partition(":")[0] for caption in shown] == roles
    assert result.classes[predicted] in shown[0]
    assert [file.name for file in trained_copy.maps.rglob("*.map")] == [f"{PHOTO}.map"]
    # Any other class is drawn, too, and what was chosen stays.
    other = next(name for n, name in enumerate(result.classes) if n not in (true, predicted))
    app.selectbox(key="panel.class").set_value(other).run()
    assert not app.exception
    assert captions_of_pictures(app)[-2].startswith(f"**{other}**")


def test_a_class_of_another_dataset_is_forgotten(trained_copy: Workspace) -> None:
    app = open_panel(trained_copy, shown=True, **{"class": "orchid", "run": "0123456789abcdef"})
    assert app.selectbox(key="panel.class").value is None
    assert "What the model sees" in captions_of_pictures(app)


def test_a_missing_backbone_is_said_in_the_panel(trained_copy: Workspace) -> None:
    shutil.rmtree(trained_copy.backbones)
    app = open_panel(trained_copy, shown=True)
    assert "is not in the workspace" in text_of(app)
    assert "python -m core features" in text_of(app).replace("\\", "")


def script(run_id: str, dataset_id: str) -> None:
    import streamlit as st

    from core.runs.store import read_run
    from core.ui.mistakes.reading import read_mistakes
    from core.ui.mistakes.review import show_nearest_training
    from core.ui.parts import cache
    from core.ui.photos.explaining import show_explanation

    run, dataset = read_run(cache.workspace(), run_id), cache.dataset(dataset_id)
    show_explanation(run, dataset, 0, {2: ["predicted"], 0: ["true"]})
    st.write(show_nearest_training(read_mistakes(run, "validation"), 0, 1, most=50))


def test_pages_may_show_explanation_and_neighbours(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[-1]
    app = AppTest.from_function(script, args=(run.id, run.recipe.dataset))
    app.run(timeout=60)
    assert not app.exception
    photo, predicted, true, _scale = captions_of_pictures(app)
    assert photo == "What the model sees"
    assert predicted.startswith("predicted: **tulip**")
    assert true.startswith("true: **daisy**")
    result = read_result(trained_copy, run.id)
    learnt = int(((result.splits == "train") & (result.labels == 1)).sum())
    assert f"This run had {learnt} training photos of this class." in text_of(app)


def test_answers_to_test_photos_are_sealed(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[-1].id
    result = read_result(trained_copy, run)
    app = open_panel(trained_copy, photo=result.photo_numbers("test")[0])
    app.toggle(key="panel.explain").set_value(True).run()
    assert not app.exception
    assert "so the answer is sealed" in text_of(app)
    assert "What the model sees" not in captions_of_pictures(app)
    (said,) = [table.value for table in app.dataframe if "Predicted" in table.value]
    assert list(said["Answer"]) == ["sealed"] and list(said["Predicted"]) == ["–"]
    record_opening(trained_copy, run, "me", "page metrics")
    app.session_state[f"test_opened.{run}"] = True
    app.run()
    assert "What the model sees" in captions_of_pictures(app)


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


@pytest.fixture
def why(trained_copy: Workspace, dataset: Dataset) -> Why:
    """The first validation photo whose answer a few training photos turn."""
    run = list_runs(trained_copy)[0].id
    result = read_result(trained_copy, run)
    head = prepare_head(trained_copy, find_run_source(trained_copy, dataset, run, result))
    asked = (ask_why(head, dataset, result, int(n)) for n in result.photo_numbers("validation"))
    return next(one for one in asked if one is not None and one.flip is not None)


def test_the_page_says_what_the_head_says(
    trained_copy: Workspace, dataset: Dataset, why: Why
) -> None:
    run, paths = list_runs(trained_copy)[0].id, dataset.manifest["path"]
    # A ranking of random photos lists right ones, too.
    query = {"run": run, "tab": "random", "review": str(why.photo)}
    app = open_page("mistakes", photo=str(why.photo), **query)
    app.toggle("panel.why").set_value(True).run()
    assert f"{why.say_answer()} **{why.say_set()}**" in text_of(app)
    assert why.flip is not None
    press(app, "Exclude in the tray")
    edits = list_edits(trained_copy, dataset.id)
    assert {edit.path for edit in edits} == set(paths.iloc[why.flip])
    assert {edit.action for edit in edits} == {"exclude"}


def test_what_a_sealed_photo_is_answered_is_not_said(dataset: Dataset) -> None:
    app = open_page("dataset", dataset=dataset.id, photo=str(dataset.photo_numbers("test")[0]))
    app.toggle("panel.why").set_value(True).run()
    assert "sealed" in text_of(app)


def test_a_training_photo_is_asked_of_the_head_without_it(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    run = list_runs(trained_copy)[0].id
    result = read_result(trained_copy, run)
    head = prepare_head(trained_copy, find_run_source(trained_copy, dataset, run, result))
    photo = int(head.train[0])
    found = ask_why(head, dataset, result, photo)
    assert photo not in found.train
    app = open_page("dataset", dataset=dataset.id, photo=str(photo))
    app.toggle("panel.why").set_value(True).run()
    assert found.say_set() in text_of(app) and "fitted without it" in text_of(app)


def test_without_its_features_it_says_what_to_do(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id
    result = read_result(trained_copy, run)
    for file in trained_copy.features.glob(f"{result.features_id}*"):
        file.unlink()
    photo = int(result.photo_numbers("validation")[0])
    app = open_page("mistakes", run=run, tab="least-sure", review=str(photo))
    told = [one.value for one in app.info]
    assert any("features" in one for one in told), told


def test_classes_that_nothing_teaches(trained_copy: Workspace, dataset: Dataset) -> None:
    run = list_runs(trained_copy)[0].id
    result = read_result(trained_copy, run)
    train, features = result.photo_numbers("train"), read_run_features(trained_copy, result)
    first = train[dataset.labels[train] == 0]
    head = fit_head(np.asarray(features), dataset.labels, first, len(dataset.classes))
    with pytest.raises(FeaturesMissing, match="Only one class"):
        ask_why(head, dataset, result, int(first[0]))
    other = int(np.flatnonzero(dataset.labels == 1)[0])
    found = ask_why(head, dataset, result, other)
    assert not found.right and found.flip is None
    assert "No training photo shows" in found.say_set()
    # The only photo of its class: asked of a head that knows none.
    alone = np.append(first, other)
    head = fit_head(np.asarray(features), dataset.labels, np.sort(alone), len(dataset.classes))
    found = ask_why(head, dataset, result, other)
    assert "No other training photo shows" in found.say_set()


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
    run = list_runs(trained_copy)[0]  # its accuracy, not that of the exact head
    now = percent(run.best_val_accuracy or 0.0, run.val_photos or 0)
    assert f"Accuracy now (Run 1): **{now}**, n = {run.val_photos}" in text_of(app)
    assert f"predicted {points(told.difference, told.n)}" in text_of(app)
    made = apply_and_predict(trained_copy, dataset)
    app = open_page("dataset", dataset=made.id, view="versions")
    assert "Predicted by the exact head" in text_of(app)


def test_without_features_the_review_says_what_to_do(workspace: Workspace) -> None:
    made = import_source(workspace, write_class_folders(workspace.root / "photos"))
    add_edits(workspace, made, [0], "exclude")
    app = open_page("dataset", dataset=made.id, view="edits")
    assert "features" in text_of(app) and made.id in text_of(app)
