"""Every page in four states: no dataset, no run, a run that goes, a run that is done."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.runs.adding import add_predictions
from core.runs.queue.queue import delete_run, request_stop, submit_run
from core.runs.queue.starting import ensure_scheduler
from core.runs.store import list_runs, read_run
from core.workspace import Workspace
from data.importing import import_source
from data.manifest import list_datasets, read_dataset
from tests.added import understand
from tests.builders import write_class_folders
from tests.processes import end_processes, wait_until
from tests.training import change_recipe, copy_workspace
from tests.ui.driver import PAGES, labels, open_page, text_of

NEEDS_RUN = ("calibration", "confusion", "metrics", "mistakes", "predict", "slices")
OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_in(monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Return a function that runs a page in a workspace, as a cold deep link would."""

    def run(page: str, workspace: Workspace, **query: str) -> AppTest:
        monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(workspace.root))
        return open_page(page, **query)

    return run


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.usefixtures("workspace")
def test_without_a_dataset_it_says_what_to_do(page: str) -> None:
    app = open_page(page)
    assert app.title and app.title[0].value
    expected = "No finished run yet" if page in NEEDS_RUN else "photo"
    assert expected in text_of(app)


@pytest.mark.parametrize("page", PAGES)
def test_without_a_run_it_says_what_to_do(page: str, workspace: Workspace, tmp_path: Path) -> None:
    import_source(workspace, write_class_folders(tmp_path / "flowers"))
    app = open_page(page)
    if page in NEEDS_RUN:
        assert "No finished run yet" in text_of(app)
    if page == "training":
        assert "No run yet" in text_of(app)
        # Without ImageNet weights the form opens with the built-in ones.
        assert app.session_state["training.weights"] == "starter"
        assert not next(button for button in app.button if button.label == "Train").disabled
        app.selectbox(key="training.weights").set_value("pretrained").run()
        assert "Use built-in" in labels(app)
        assert next(button for button in app.button if button.label == "Train").disabled
    if page == "dataset":
        assert "**30 photos · 3 classes" in text_of(app)


@pytest.mark.parametrize("page", PAGES)
def test_with_a_finished_run(page: str, trained_workspace: Workspace, open_in: OpenPage) -> None:
    app = open_in(page, trained_workspace)
    assert not app.error
    run = list_runs(trained_workspace)[0]
    if page == "metrics":
        shown = {metric.label: metric.value for metric in app.metric}
        assert shown["Accuracy"].endswith("%")
        assert f"n = {run.val_photos}" in text_of(app)
    if page in (*NEEDS_RUN, "training"):
        assert "Random weights" in text_of(app)


@pytest.fixture(scope="module")
def added_workspace(
    trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """The trained workspace with predictions of another program, the newest without scores."""
    workspace = Workspace(tmp_path_factory.mktemp("added") / "workspace")
    copy_workspace(trained_workspace, workspace)
    dataset = read_dataset(workspace, list_datasets(workspace)[0].id)
    for scored in ("all", "predicted", "none"):
        wrong = dataset.photo_numbers("validation")[:2].tolist()
        add_predictions(workspace, dataset, understand(dataset, wrong=wrong, scored=scored), scored)
    return workspace


@pytest.mark.parametrize("page", PAGES)
def test_with_added_predictions(page: str, added_workspace: Workspace, open_in: OpenPage) -> None:
    app = open_in(page, added_workspace)
    assert not app.error
    shown = {metric.label for metric in app.metric}
    if page == "metrics":
        assert "Accuracy" in shown and not shown & {"Loss", "ROC area", "Top-2"}
        assert "need a score of each class" in text_of(app)
    if page == "calibration":
        assert "No scores" in text_of(app)
    if page == "mistakes":
        assert "These predictions have no scores" in text_of(app)
    if page in ("predict", "training"):  # they show the run that has a model
        assert "Random weights" in text_of(app)


@pytest.mark.parametrize("scored", ["all", "predicted"])
@pytest.mark.parametrize("page", ["metrics", "mistakes", "calibration"])
def test_with_added_scores(
    page: str, scored: str, added_workspace: Workspace, open_in: OpenPage
) -> None:
    run = next(run for run in list_runs(added_workspace) if run.name == scored)
    app = open_in(page, added_workspace, run=run.id)
    assert not app.error
    if page == "metrics":
        assert ("Loss" in {metric.label for metric in app.metric}) is (scored == "all")
    if page == "calibration":
        assert "but no model" in text_of(app)
        assert "Save rule" not in labels(app)


@pytest.fixture(scope="module")
def going_workspace(
    forked_workers: None,  # noqa: ARG001 (before the scheduler)
    trained_workspace: Workspace,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Workspace, str]]:
    """A workspace in which a real worker trains a long run while the tests look at it."""
    workspace = Workspace(tmp_path_factory.mktemp("going") / "workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETALSCOPE_WORKSPACE", str(workspace.root))
        copy_workspace(trained_workspace, workspace)
        recipe = change_recipe(workspace, epochs=1000, batch_size=1)  # longer than all pages take
        delete_run(workspace, list_runs(workspace)[0].id)  # its features stay
        run, _ = submit_run(workspace, recipe, name="Run 1")
        ensure_scheduler(workspace)
        wait_until(lambda: read_run(workspace, run.id).epochs_done >= 2, "two epochs are done")
        yield workspace, run.id
        request_stop(workspace, run.id)
        wait_until(lambda: read_run(workspace, run.id).has_ended, "the run is stopped")
        end_processes(workspace)


@pytest.mark.parametrize("page", PAGES)
def test_while_a_run_goes(
    page: str, going_workspace: tuple[Workspace, str], open_in: OpenPage
) -> None:
    workspace, run_id = going_workspace
    app = open_in(page, workspace)
    assert not [error.value for error in app.error]
    assert read_run(workspace, run_id).is_going
    if page in NEEDS_RUN:
        assert "still running" in text_of(app)
    if page == "training":
        assert "Stop" in labels(app)
        assert np.any(["Run 1" in subheader.value for subheader in app.subheader])
    assert len(list_datasets(workspace)) == 1
