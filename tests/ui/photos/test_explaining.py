"""What a run looked at, on pages: in the panel of a photo, on the predict page, as a download."""

import shutil
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.result import read_result
from core.runs.store import list_runs, record_opening
from core.workspace import Workspace
from tests.ui.driver import open_page, text_of

PHOTO = 5
Open = Callable[..., AppTest]


@pytest.fixture
def open_panel(trained_copy: Workspace) -> Open:
    """Return a function that opens the dataset page with the panel of a photo."""

    def run(photo: str = str(PHOTO), **kept: object) -> AppTest:
        state = {f"explaining.{name}": value for name, value in kept.items()}
        dataset = list_runs(trained_copy)[0].recipe.dataset
        return open_page("dataset", state, dataset=dataset, view="photos", photo=photo)

    return run


def captions_of_pictures(app: AppTest) -> list[str]:
    return [one.caption for pictures in app.get("image") for one in pictures.proto.imgs]


def test_nothing_is_computed_until_it_is_asked_for(
    open_panel: Open, trained_copy: Workspace
) -> None:
    app = open_panel()
    assert not app.exception
    assert not app.toggle(key="panel.explain").value
    assert "What the model sees" not in captions_of_pictures(app)
    assert not trained_copy.maps.exists()


def test_the_panel_shows_what_spoke_for_the_classes(
    open_panel: Open, trained_copy: Workspace
) -> None:
    app = open_panel()
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


def test_a_class_of_another_dataset_is_forgotten(open_panel: Open) -> None:
    app = open_panel(shown=True, **{"class": "orchid", "run": "0123456789abcdef"})
    assert not app.exception
    assert app.selectbox(key="panel.class").value is None
    assert "What the model sees" in captions_of_pictures(app)


def test_a_missing_backbone_is_said_in_the_panel(open_panel: Open, trained_copy: Workspace) -> None:
    shutil.rmtree(trained_copy.backbones)
    app = open_panel(shown=True)
    assert not app.exception
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


def test_answers_to_test_photos_are_sealed(open_panel: Open, trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[-1].id
    result = read_result(trained_copy, run)
    photo = str(int(result.photo_numbers("test")[0]))
    app = open_panel(photo=photo)
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
