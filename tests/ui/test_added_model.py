"""Pages that show a run of an added model: with a map, with rows alone, with scores alone."""

from collections.abc import Iterator

import pytest

from core.registry.promoting import promote
from core.registry.registering import register_run
from core.runs.store import RunRecord
from core.workspace import Workspace
from tests.added_model import KINDS, open_added, run_added_model
from tests.builders import draw_photo, encode_photo
from tests.ui.driver import labels, open_page, text_of

NO_FEATURES = "its last layer is not a dense layer"


@pytest.fixture(scope="module")
def workspace(
    trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    with open_added(trained_workspace, tmp_path_factory) as opened:
        yield opened


@pytest.fixture(scope="module")
def runs(workspace: Workspace) -> dict[str, RunRecord]:
    return {name: run_added_model(workspace, **kind) for name, kind in KINDS.items()}


@pytest.mark.parametrize("page", ["metrics", "confusion", "calibration", "training", "runs"])
def test_a_page_of_a_run_shows_it(runs: dict[str, RunRecord], page: str) -> None:
    app = open_page(page, run=runs["map"].id)
    assert not app.error
    said = text_of(app)
    assert "Notebook" not in said and "Show the code" not in labels(app)


@pytest.mark.parametrize("kind", KINDS)
def test_the_review_explains_or_says_why_not(runs: dict[str, RunRecord], kind: str) -> None:
    said = text_of(open_page("mistakes", run=runs[kind].id, split="train", review="0"))
    assert ("Occlusion: evidence for the class: low" in said) == (kind != "map")
    assert ("Evidence for the class: low" in said) == (kind == "map")
    assert (NO_FEATURES in said) == (kind == "scores")


@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_a_photo(runs: dict[str, RunRecord], kind: str) -> None:
    app = open_page("predict", run=runs[kind].id)
    photo = encode_photo(draw_photo(0, 77, (300, 260)), quality=90)
    app = app.get("file_uploader")[0].upload("mine.jpg", photo, "image/jpeg").run()
    assert not app.exception and not app.error
    said = text_of(app)
    assert f"Answered by Run {runs[kind].number}" in said
    assert ("Occlusion: evidence for the class: low" in said) == (kind != "map")
    assert (NO_FEATURES in said) == (kind == "scores")


def test_it_is_a_version_that_cannot_be_exported(
    workspace: Workspace, runs: dict[str, RunRecord]
) -> None:
    version = register_run(workspace, runs["map"].id)
    promote(workspace, version.number, reason="the first")
    app = open_page("models", version=version.label)
    assert not app.error
    models = next(box for box in app.selectbox if box.label == "Model")
    assert not any("from Colab" in name for name in models.options)
