"""The mistakes page without a browser: tabs, filters, the review and its actions."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.edits.tray import add_edits, apply_edits, list_edits
from core.evaluation.mistakes import RANKINGS
from core.runs.queue.queue import submit_run
from core.runs.result import read_result
from core.runs.store import list_runs
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from tests.training import make_recipe, train
from tests.ui.driver import open_page, press, text_of


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


def open_mistakes(workspace: Workspace, **query: str) -> AppTest:
    """Return the page on the train photos, least sure first."""
    usual = {"run": list_runs(workspace)[-1].id, "split": "train", "tab": "least-sure"}
    return open_page("mistakes", **usual | query)


def expected_order(workspace: Workspace) -> list[int]:
    """Return the train photos, least sure first, by the plain definition."""
    result = read_result(workspace, list_runs(workspace)[-1].id)
    photos = result.photo_numbers("train").tolist()
    return sorted(photos, key=lambda photo: (result.scores[photo].max(), result.paths[photo]))


def place_of(app: AppTest) -> str:
    return next(line.value for line in app.markdown if "in the tray" in line.value)


@pytest.mark.parametrize("tab", RANKINGS)
def test_each_tab_says_what_it_lists(trained_copy: Workspace, tab: str) -> None:
    app = open_mistakes(trained_copy, tab=tab)
    assert not app.error
    if tab.startswith("wrong-in"):
        assert "This list compares runs" in text_of(app)
    else:
        assert "first" in text_of(app)


def test_the_review_goes_through_the_list_and_back(trained_copy: Workspace) -> None:
    order = expected_order(trained_copy)
    app = press(open_mistakes(trained_copy), "One by one")
    assert not app.error
    assert app.query_params["review"] == str(order[0])
    assert place_of(app) == f"**1 of {len(order)}**, 0 in the tray"
    app = press(app, "Next")
    assert app.query_params["review"] == str(order[1])
    app = press(app, "Previous")
    assert app.query_params["review"] == str(order[0])
    app = press(app, "Gallery")
    assert "review" not in app.query_params
    assert "One by one" in [button.label for button in app.button]


def test_both_classes_are_named_with_their_scores(trained_copy: Workspace) -> None:
    order = expected_order(trained_copy)
    app = open_mistakes(trained_copy, review=str(order[2]))
    result = read_result(trained_copy, list_runs(trained_copy)[-1].id)
    label = int(result.labels[order[2]])
    said = text_of(app)
    assert "True class" in said and "Predicted" in said
    assert f"**{result.classes[label]}**" in said
    assert f"loss {-np.log(result.scores[order[2], label]):.2f}" in said
    assert "Nearest training photos of" in said


def test_deeds_are_noted_and_undone(trained_copy: Workspace, dataset: Dataset) -> None:
    order = expected_order(trained_copy)
    result = read_result(trained_copy, list_runs(trained_copy)[-1].id)
    paths = [str(dataset.manifest["path"].iat[photo]) for photo in order]
    app = press(open_mistakes(trained_copy, review=str(order[0])), "Exclude")
    assert app.query_params["review"] == str(order[1])
    best = np.argsort(-result.scores[order[1]], kind="stable")
    other = next(result.classes[n] for n in best if n != result.labels[order[1]])
    app = press(app, f"{other} · ")
    edits = list_edits(trained_copy, dataset.id)
    assert [(edit.path, edit.action, edit.value) for edit in edits] == [
        (paths[0], "exclude", ""),
        (paths[1], "relabel", other),
    ]
    assert "Run 1 says" in edits[1].note
    assert place_of(app) == f"**3 of {len(order)}**, 2 in the tray"
    app = press(app, "Undo")  # goes to the photo whose edit it takes back
    assert app.query_params["review"] == str(order[1])
    app = press(app, "Undo")
    assert app.query_params["review"] == str(order[0])
    assert list_edits(trained_copy, dataset.id) == []


def test_its_own_class_keeps_the_photo_and_cancels_what_waits(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    order = expected_order(trained_copy)
    photo = order[0]
    app = press(
        open_mistakes(trained_copy, review=str(photo)), f"{dataset.manifest['class'].iat[photo]} · "
    )
    assert list_edits(trained_copy, dataset.id) == []  # nothing to say, nothing noted
    add_edits(trained_copy, dataset, [photo], "exclude")
    app = open_mistakes(trained_copy, review=str(photo))
    assert "In the tray: excluded" in text_of(app)
    app = press(app, "Keep")
    assert place_of(app).endswith(", 0 in the tray")
    others = [other for other in range(len(dataset)) if other not in order][:3]
    add_edits(trained_copy, dataset, others, "exclude")
    assert place_of(open_mistakes(trained_copy, review=str(order[1]))).endswith(
        "3 in the tray, 0 of this list"
    )


def test_an_edit_of_another_window_is_reported_and_not_overwritten(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    photo = expected_order(trained_copy)[0]
    app = open_mistakes(trained_copy, review=str(photo))
    add_edits(trained_copy, dataset, [photo], "exclude")  # in another window
    app = press(app, "Keep")
    assert "Another window has changed this photo" in text_of(app)
    assert app.query_params["review"] == str(photo)
    assert [edit.action for edit in list_edits(trained_copy, dataset.id)] == ["exclude"]


def test_classes_filter_the_list(trained_copy: Workspace, dataset: Dataset) -> None:
    app = open_mistakes(trained_copy, true="rose", predicted="rose")
    n = len(dataset.photo_numbers("train", "rose"))
    assert f"{n:,} have true class rose and predicted class rose." in text_of(app)
    app = open_mistakes(trained_copy, true="rose", predicted="tulip")
    assert "0 have true class rose" in text_of(app) and not app.exception


def test_several_runs_over_versions_are_matched_by_identity(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    gone = int(dataset.photo_numbers("train")[0])
    add_edits(trained_copy, dataset, [gone], "exclude")
    later = apply_edits(trained_copy, dataset)
    recipe = make_recipe(trained_copy, later.id, epochs=1, learning_rate=1e-7)
    run, _ = submit_run(trained_copy, recipe)
    assert train(trained_copy, run).state == "done"
    first, second = list_runs(trained_copy)[-1], list_runs(trained_copy)[0]
    results = {one.id: read_result(trained_copy, one.id) for one in (first, second)}
    wrong = {}
    for one, result in results.items():
        photos = result.photo_numbers("train")
        missed = photos[result.scores[photos].argmax(axis=1) != result.labels[photos]]
        wrong[one] = {str(path) for path in result.paths[missed]}
    paths = {str(path) for path in results[second.id].paths[results[second.id].splits == "train"]}
    alone = len(wrong[second.id] - wrong[first.id])
    assert alone > 0
    app = open_mistakes(trained_copy, run=second.id, tab="wrong-in-this-run-only", others=first.id)
    assert not app.error
    assert f"{alone} of {len(paths)} train photos" in text_of(app)
    app = open_mistakes(trained_copy, run=first.id, tab="wrong-in-every-run", others=second.id)
    both = len(wrong[first.id] & wrong[second.id])
    assert f"{both} of {len(paths)} train photos" in text_of(app)
    assert "1 photo of this split cannot be compared" in text_of(app)
    # Answers of the other run to test photos are sealed, too.
    app = open_mistakes(
        trained_copy, run=first.id, tab="wrong-in-every-run", others=second.id, split="test"
    )
    assert "The test split is sealed" in text_of(press(app, "Open the test split"))


def test_a_sample_says_what_it_is_of_and_is_drawn_again(trained_copy: Workspace) -> None:
    app = open_mistakes(trained_copy, tab="random", of="all", seed="5")
    assert not app.error
    assert "A random sample" in text_of(app) and "Correct in this sample" in text_of(app)
    app = press(app, "Draw again")
    assert app.query_params["seed"] != "5"
