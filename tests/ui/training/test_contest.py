"""Which weights are best, on the page: what stands there, one click, and what Use it writes."""

from collections.abc import Iterator

import pytest

from core.exact.backbones import read_contest, read_contest_job
from core.workspace import Workspace
from data.manifest import list_datasets, read_dataset
from tests.processes import wait_until
from tests.training_page import copied_without_scheduler, open_page
from tests.ui.driver import captions


@pytest.fixture(scope="module")
def shared(
    trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """A copy of the trained workspace for the tests of this file, without a scheduler."""
    root = tmp_path_factory.mktemp("contest") / "workspace"
    with copied_without_scheduler(trained_workspace, root) as workspace:
        yield workspace


@pytest.mark.slow
def test_what_is_measured_stands_there_and_can_be_used(shared: Workspace) -> None:
    app = open_page(shared)
    assert "Which weights are best here?" not in [one.value for one in app.subheader]
    app.button(key="training.compare").click().run()
    assert "Which weights are best here?" in [one.value for one in app.subheader]
    dataset = read_dataset(shared, list_datasets(shared)[-1].id)
    ended = ("done", "failed")
    wait_until(lambda: read_contest_job(shared, dataset).state in ended, "both are measured")
    app.run()
    measured = read_contest(shared, dataset, "random", whole=True).measured
    said = f"{len(measured[0].right)} training photos, each left out once."
    assert said in captions(app)
    table = next(one.value for one in app.dataframe if "Photos/s" in one.value)
    assert list(table["Weights"]) == [one.label for one in measured]
    assert {one.subject.weights for one in measured} == {"random", "starter"}
    app.button(key="training.compare.use.dino").click().run()
    assert app.selectbox(key="training.weights").value == "dino"
    app.button(key="training.compare.close").click().run()
    assert "Which weights are best here?" not in [one.value for one in app.subheader]
