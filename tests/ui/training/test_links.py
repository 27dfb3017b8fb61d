"""The page Training with deleted runs and settings that cannot be read."""

import dataclasses
from collections.abc import Iterator

import pytest

from core.runs.queue.control import pause_run
from core.runs.queue.queue import delete_run, submit_run
from core.runs.store import State, list_runs
from core.ui.training.page import _list_numbers
from core.ui.training.reading import WatchedRun
from core.workspace import Workspace
from tests.training import change_recipe
from tests.training_page import buttons, copied_without_scheduler, open_page, value
from tests.ui.driver import captions, press


@pytest.fixture(scope="module")
def shared(
    trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """A copy of the trained workspace for the tests of this file, without a scheduler."""
    root = tmp_path_factory.mktemp("training-links") / "workspace"
    with copied_without_scheduler(trained_workspace, root) as workspace:
        yield workspace


def test_a_run_whose_settings_are_in_the_form_can_be_deleted(shared: Workspace) -> None:
    run, _ = submit_run(shared, change_recipe(shared, epochs=44))
    pause_run(shared, run.id)
    app = press(open_page(shared, run=run.id), "Duplicate")
    assert "Settings of" in captions(app)
    press(app, "Delete the run")
    assert "like" not in app.query_params
    assert not app.error
    assert value(app, "epochs") == 44
    assert "Train" in buttons(app)


def test_a_run_whose_settings_are_in_the_form_can_be_deleted_elsewhere(shared: Workspace) -> None:
    run, _ = submit_run(shared, change_recipe(shared, epochs=45))
    pause_run(shared, run.id)
    app = open_page(shared, like=run.id)
    delete_run(shared, run.id)
    app.run()
    assert not app.error
    assert "the settings of a deleted run" in captions(app)
    assert "like" not in app.query_params
    assert "Train" in buttons(app)
    assert "deleted run" not in captions(app.run())


@pytest.mark.parametrize("typed", ["abc", "-40", "300; 100", "12.5"])
def test_hidden_layers_that_cannot_be_read_are_not_trained(shared: Workspace, typed: str) -> None:
    app = open_page(shared, hidden=typed)
    assert any("hidden layers cannot be read" in error.value for error in app.error)
    assert next(button for button in app.button if button.label == "Train").disabled
    app.selectbox(key="training.hidden").set_value("128").run()
    assert not app.error
    assert not next(button for button in app.button if button.label == "Train").disabled


def test_a_link_to_watch_a_run_that_is_gone_says_so(shared: Workspace) -> None:
    app = open_page(shared, run="0000000000000000")
    assert "was deleted. Showing Run" in captions(app)
    assert app.query_params["run"] in {run.id for run in list_runs(shared)}
    assert "was deleted" not in captions(open_page(shared))


@pytest.mark.parametrize(("state", "now"), [("paused", "paused"), ("lost", "lost"), ("done", None)])
def test_a_presentation_shows_the_state_of_a_run_that_is_not_done(
    shared: Workspace, state: State, now: str | None
) -> None:
    run = dataclasses.replace(list_runs(shared)[-1], state=state)
    event = {"event": "epoch", "epoch": 3, "accuracy": 0.5, "seconds": 2.0}
    numbers = _list_numbers(WatchedRun(run=run, events=[event]))
    assert numbers.get("Now") == now
