"""The lesson: every step answered wrong and right, by hand, and by a link."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.exact.store import find_judged_source, prepare_head, read_forecast
from core.runs.queue.queue import submit_run
from core.runs.recipe.strategies import STRATEGIES
from core.runs.store import RunRecord, list_runs
from core.teaching.checks import NEEDS, judge_need
from core.ui.lesson import page as room
from core.ui.lesson.checking import QUESTIONS, write_report
from core.ui.lesson.reading import LessonPage
from core.workspace import Workspace
from data.manifest import list_datasets, read_dataset
from tests.conftest import open_copy
from tests.lessons import prepare_lesson
from tests.processes import wait_until
from tests.training import make_recipe, train
from tests.ui.driver import captions, labels, open_page, press, run, text_of


@pytest.fixture(scope="module")
def prepared_lesson(
    trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """The settings point to a workspace that has all that the lesson needs. Only read it."""
    root = tmp_path_factory.mktemp("lesson") / "workspace"
    with pytest.MonkeyPatch.context() as patch, open_copy(trained_workspace, root, patch) as opened:
        prepare_lesson(opened)
        yield


@pytest.fixture
def seen(
    prepared_lesson: None,  # noqa: ARG001 (makes the workspace)
    monkeypatch: pytest.MonkeyPatch,
) -> list[LessonPage]:
    """The pages whose question was drawn, newest last."""
    pages: list[LessonPage] = []
    show = room.show_check

    def keep(page: LessonPage, beside: Any) -> Any:
        pages.append(page)
        return show(page, beside)

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
    choice = app.segmented_control(key=f"{page.key}.excited.{page.chosen}")
    choice.set_value(str(photos.tolist().index(order[-1 if right else 0]) + 1))


def choose_rotation(app: AppTest, page: LessonPage, right: bool) -> None:
    judge, places = QUESTIONS["first_flip"].judge, range(len(page.step.values) + 1)
    fits = [not judge(page, place).wrong for place in places]
    app.selectbox(key=f"{page.key}.flip").set_value(fits.index(right))


def tell_apart(app: AppTest, page: LessonPage, right: bool) -> None:
    fits = [
        not judge_need(page.trained.compare(page.chosen), place).wrong
        for place in range(len(NEEDS) + 1)
    ]
    app.select_slider(key=f"{page.key}.need").set_value(fits.index(right))


WAYS: dict[str, Callable[[AppTest, LessonPage, bool], None]] = {
    "reach_accuracy": turn,
    "best_epoch": type_epoch,
    "first_flip": choose_rotation,
    "enough_photos": turn,
    "most_taken": choose_class,
    "reach_right": turn,
    "need_photos": tell_apart,
    "most_excited": choose_excited,
}


def test_every_step_knows_a_right_answer_from_a_wrong_one(seen: list[LessonPage]) -> None:
    app = open_page("lesson")
    for number in range(1, 9):
        app.segmented_control(key="lesson.step").set_value(str(number))
        page = run(app) and seen[-1]
        assert page.place + 1 == number and f"{number}. {page.words.title}" in text_of(app)
        for right in (False, True):
            WAYS[page.step.check](app, page, right)
            press(app, "Check")
            told = [one.icon for one in (*app.success, *app.warning)]
            assert (":material/check_circle:" in told) == right, page.step.key
            assert (":material/replay:" in told) != right, page.step.key
    assert "8 of 8 questions" in captions(run(app))
    assert "Download your answers" in [one.label for one in app.get("download_button")]
    answered, drawn = (
        app.session_state[f"lesson.transfer.{kind}"] for kind in ("right", "pictures")
    )
    assert set(drawn) == {"strategies", "rate", "heart", "photos", "unsure"}
    report = write_report(page, answered, drawn)
    assert report.count("<h2>") == 8 and report.count('src="data:image/png;base64,iVBOR') == len(
        drawn
    )


def test_a_link_opens_a_step_with_its_control_set(seen: list[LessonPage]) -> None:
    app = open_page("lesson", step="3", set="0.8")
    page = seen[-1]
    assert page.step.key == "heart"
    assert app.select_slider(key=f"{page.key}.control").value == "0.8"
    assert "memorise" in text_of(app) and "Check" in labels(app)
    assert f"{len(page.judged)} validation photos" in captions(app)


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize("link", [{"step": "99"}, {"step": "5", "set": "x"}])
def test_a_link_that_does_not_fit_shows_nothing_else(link: dict[str, str]) -> None:
    app = open_page("lesson", **link)
    assert "This link cannot be shown" in text_of(app)
    assert not app.select_slider


def test_the_setting_before_is_drawn_beside_the_one_now(seen: list[LessonPage]) -> None:
    app = open_page("lesson", step="5")
    page = seen[-1]
    sizes = list(page.options)
    app.select_slider(key=f"{page.key}.control").set_value(sizes[0])
    run(app)
    assert app.session_state[f"{page.key}.before"] == (sizes[0], sizes[-1])
    assert app.query_params["set"] == sizes[0]


def test_a_room_sees_the_farthest_turns_and_short_figures(seen: list[LessonPage]) -> None:
    app = open_page("lesson", step="4", set="60", present="1")
    assert seen and not app.title and captions(app).count("°") == 3
    assert " – " in captions(open_page("lesson", step="5", present="1"))


@pytest.fixture
def _no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("recipes.form", "parts.live_state"):
        monkeypatch.setattr(f"core.ui.{module}.ensure_scheduler", lambda _: None)


@pytest.mark.usefixtures("_no_scheduler")
def test_missing_runs_are_trained_from_the_step_and_the_curve_is_measured(
    trained_copy: Workspace,
) -> None:
    source = find_judged_source(
        trained_copy, read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    )
    assert read_forecast(trained_copy, source) is None
    app = open_page("lesson", step="6")
    assert "Prepare the lesson" in labels(app)
    assert not any("does not show" in one.value for one in app.caption), "it waits"
    recipe = make_recipe(trained_copy, source.dataset.id, strategy="exact")
    train(trained_copy, submit_run(trained_copy, recipe)[0])
    prepare_head(trained_copy, source)
    app = open_page("lesson", step="6")
    titles = [STRATEGIES[name].title for name in ("last_stage", "full")]
    offered = [one for one in app.button if one.key and one.key.startswith("lesson.train.")]
    assert [one.label.split(":")[0] for one in offered] == titles
    press(app, offered[0].label)
    newest = list_runs(trained_copy, source.dataset.id)[0]
    assert (newest.state, newest.recipe.strategy) == ("queued", "last_stage")
    assert "1st in the queue" in app.get("progress")[0].proto.text
    wait_until(lambda: read_forecast(trained_copy, source), "the curve of step 5 is measured")


@pytest.mark.usefixtures("_no_scheduler")
def test_an_empty_workspace_is_prepared_with_one_button(workspace: Workspace) -> None:
    app = open_page("lesson")
    press(app, "Prepare the lesson")

    def draw_again() -> list[RunRecord]:  # the dataset is there before its import has ended
        run(app)
        return list_runs(workspace)

    [submitted] = wait_until(draw_again, "the sample is imported, and its run is submitted")
    assert len(list_datasets(workspace)) == 1
    assert submitted.recipe.strategy == "exact" and submitted.state == "queued"
    assert "Prepare the lesson" not in labels(app)
