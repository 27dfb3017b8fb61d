"""The lesson: every step answered wrong and right, by hand, and by a link."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.edits.applying import apply_edits
from core.datasets.edits.tray import add_edits
from core.exact.forecasting import prepare_curve, read_forecast
from core.exact.lesson import prepare_stages, prepare_trainings
from core.exact.store import find_judged_source, prepare_head
from core.runs.queue.queue import submit_run
from core.runs.recipe.strategies import STRATEGIES
from core.runs.store import list_runs
from core.teaching.checks import NEEDS, judge_need
from core.ui.lesson import page as room
from core.ui.lesson.checking import QUESTIONS, write_report
from core.ui.lesson.reading import LessonPage
from core.ui.wall import showing
from core.workspace import Workspace
from data.manifest import list_datasets, read_dataset
from tests.processes import wait_until
from tests.training import make_recipe, train
from tests.ui.driver import captions, open_page, press, run, text_of


@pytest.fixture
def seen(trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[LessonPage]:
    """What the page has read, newest last; the lesson is prepared.

    Some validation photos are of another class than they show, so that something is confused.
    """
    parent = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    photos = parent.photo_numbers("validation")
    moved = photos[parent.labels[photos] == 0][:2]
    add_edits(trained_copy, parent, moved, "relabel", parent.classes[1])
    dataset = apply_edits(trained_copy, parent)
    for strategy in ("head", "exact"):
        recipe = make_recipe(trained_copy, dataset.id, strategy=strategy)
        assert train(trained_copy, submit_run(trained_copy, recipe)[0]).state == "done"
    for prepare in (prepare_curve, prepare_trainings):
        prepare(trained_copy, find_judged_source(trained_copy, dataset), lambda *_: None)
    return watch(monkeypatch)


def watch(monkeypatch: pytest.MonkeyPatch) -> list[LessonPage]:
    """Return a list to which each page is added whose question is drawn."""
    pages: list[LessonPage] = []
    show = room.show_check

    def keep(page: LessonPage) -> None:
        pages.append(page)
        show(page)

    monkeypatch.setattr(room, "show_check", keep)
    return pages


def turn(app: AppTest, page: LessonPage, right: bool) -> None:
    """Move the control to where the answer is right, or is not."""
    judge = QUESTIONS[page.step.check].judge
    fits = [not judge(page, place).wrong for place in range(len(page.options))]
    value = list(page.options)[fits.index(right)]
    app.select_slider(key=f"{page.key}.control").set_value(value)


def type_epoch(app: AppTest, page: LessonPage, right: bool) -> None:
    losses = [one.validation_loss for one in page.learn_with(0)]
    place = np.argmin(losses) if right else np.argmax(losses)
    app.number_input(key=f"{page.key}.epoch").set_value(int(place) + 1)


def choose_labels(app: AppTest, page: LessonPage, right: bool) -> None:
    photos, _, wrong = page.planted
    name = f"{showing._CHOSEN}.{page.source.dataset.id}.{page.key}.labels"
    app.session_state[name] = photos[wrong == right][:3].tolist()


def choose_class(app: AppTest, page: LessonPage, right: bool) -> None:
    errors = page.matrix[page.asked].copy()
    errors[page.asked] = 0
    fits: Any = errors == errors.max()
    others = [one for one in range(len(errors)) if one != page.asked and fits[one] == right]
    app.selectbox(key=f"{page.key}.class").set_value(others[0])


def choose_excited(app: AppTest, page: LessonPage, right: bool) -> None:
    photos, values = page.beside
    of = dict(zip(page.judged.tolist(), values.tolist(), strict=True))
    order = sorted(photos.tolist(), key=of.__getitem__)
    name = f"{showing._CHOSEN}.{page.source.dataset.id}.{page.key}.excited.{page.chosen}"
    app.session_state[name] = [order[-1 if right else 0]]


def tell_apart(app: AppTest, page: LessonPage, right: bool) -> None:
    fits = [
        not judge_need(page.trained.compare(page.chosen), place).wrong
        for place in range(len(NEEDS) + 1)
    ]
    app.select_slider(key=f"{page.key}.need").set_value(fits.index(right))


WAYS: dict[str, Callable[[AppTest, LessonPage, bool], None]] = {
    "reach_loss": turn,
    "best_epoch": type_epoch,
    "first_flip": turn,
    "enough_photos": turn,
    "wrong_labels": choose_labels,
    "most_taken": choose_class,
    "reach_right": turn,
    "need_photos": tell_apart,
    "widest_gap": turn,
    "most_excited": choose_excited,
}


def test_every_step_knows_a_right_answer_from_a_wrong_one(seen: list[LessonPage]) -> None:
    app = open_page("lesson")
    for number in (1, *range(3, 11)):
        app.segmented_control(key="lesson.step").set_value(str(number))
        page = run(app) and seen[-1]
        assert page.place + 1 == number and f"{number}. {page.words.title}" in text_of(app)
        for right in (False, True):
            WAYS[page.step.check](app, page, right)
            press(app, "Check")
            told = [one.icon for one in (*app.success, *app.warning)]
            assert (":material/check_circle:" in told) == right, page.step.key
            assert (":material/replay:" in told) != right, page.step.key
    assert "9 of 10 questions" in captions(run(app))
    assert "Keep your answers" in [one.label for one in app.get("download_button")]
    answered, drawn = (
        app.session_state[f"lesson.transfer.{kind}"] for kind in ("right", "pictures")
    )
    assert set(drawn) == {"strategies", "rate", "heart", "photos", "noise", "unsure"}
    report = write_report(page, answered, drawn)
    assert report.count("<h2>") == 9 and report.count('src="data:image/png;base64,iVBOR') == len(
        drawn
    )


@pytest.mark.usefixtures("seen")
def test_random_weights_are_compared_with_none() -> None:
    assert "These weights are random" in text_of(open_page("lesson", step="2"))


@pytest.mark.slow
def test_stages_of_trained_weights_are_measured_beside_random_ones(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    recipe = make_recipe(trained_copy, dataset.id, weights="starter")
    assert train(trained_copy, submit_run(trained_copy, recipe)[0]).state == "done"
    source = find_judged_source(trained_copy, dataset)
    assert source.weights == "starter"
    prepare_head(trained_copy, source)
    prepare_stages(trained_copy, source, lambda *_: None)
    seen = watch(monkeypatch)
    app = open_page("lesson", step="2")
    page = seen[-1]
    assert page.stages is not None and len(page.stages) == 10
    assert (page.stages["of"] == len(source.train)).all()
    for place, stage in enumerate(page.options):
        app.select_slider(key=f"{page.key}.control").set_value(stage)
        press(app, "Check")
        assert bool(app.success) != bool(QUESTIONS["widest_gap"].judge(page, place).wrong)
    assert f"{len(source.train)} training photos" in captions(app)


def test_a_link_opens_a_step_with_its_control_set(seen: list[LessonPage]) -> None:
    app = open_page("lesson", step="5", set="0.8")
    page = seen[-1]
    assert page.step.key == "heart"
    assert app.select_slider(key=f"{page.key}.control").value == "0.8"
    assert "by heart" in text_of(app) and "Check" in [one.label for one in app.button]
    assert f"{len(page.judged)} validation photos" in captions(app)


@pytest.mark.usefixtures("seen")
def test_a_link_that_does_not_fit_is_passed_over() -> None:
    app = open_page("lesson", step="99", set="x", lesson="none")
    assert "1. What does it see?" in text_of(app)


def test_copied_photos_are_learned_by_heart_and_the_others_tell(seen: list[LessonPage]) -> None:
    app = open_page("lesson", step="8", set="0")
    app.toggle[0].set_value(True)
    page = run(app) and seen[-1]
    assert f"Of the {page.copied} copied photos {page.leaked['after']} are right" in captions(app)
    copied = np.random.default_rng(page.person).permutation(len(page.judged))[: page.copied]
    photos = np.union1d(page.source.train, page.judged[copied])
    x = page.head.rows.astype(np.float64)
    targets = np.eye(page.head.n_classes)[page.source.dataset.labels[photos]]
    among = x[photos].T @ x[photos] + page.head.ridge * np.eye(x.shape[1])
    answers = (x[page.judged] @ np.linalg.solve(among, x[photos].T @ targets)).argmax(axis=1)
    right = answers == page.true
    assert page.leaked["after"] == right[copied].sum()
    assert page.leaked["others_after"] == right.sum() - right[copied].sum()


def test_the_setting_before_is_drawn_beside_the_one_now(seen: list[LessonPage]) -> None:
    app = open_page("lesson", step="7")
    page = seen[-1]
    sizes = list(page.options)
    app.select_slider(key=f"{page.key}.control").set_value(sizes[0])
    run(app)
    assert app.session_state[f"{page.key}.before"] == (sizes[0], sizes[-1])
    assert app.query_params["set"] == sizes[0]


def test_a_room_sees_the_farthest_turns_and_short_figures(seen: list[LessonPage]) -> None:
    app = open_page("lesson", step="6", set="60", present="1")
    assert seen and not app.title and captions(app).count("°") == 3
    assert " – " in captions(open_page("lesson", step="7", present="1"))


def test_what_is_missing_is_trained_from_the_step_and_the_next_one_is_prepared(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("lesson.trained", "parts.live_state"):  # what is pressed and what follows it
        monkeypatch.setattr(f"core.ui.{module}.ensure_scheduler", lambda _: None)
    source = find_judged_source(
        trained_copy, read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    )
    prepare_head(trained_copy, source)
    app = open_page("lesson", step="3")
    titles = [STRATEGIES[name].title for name in ("last_stage", "full")]
    offered = [one for one in app.button if one.key and one.key.startswith("lesson.train.")]
    assert [one.label.split(":")[0] for one in offered] == titles
    press(app, offered[0].label)
    newest = list_runs(trained_copy, source.dataset.id)[0]
    assert (newest.state, newest.recipe.strategy) == ("queued", "last_stage")
    assert "1st in the queue" in app.get("progress")[0].proto.text
    assert read_forecast(trained_copy, source) is None
    open_page("lesson", step="6")
    wait_until(lambda: read_forecast(trained_copy, source), "the curve of step 7 is measured")
