"""Adding a model on the page Models: its trial in a process of its own, the proposal, the run."""

import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.store import list_runs
from core.workspace import Workspace
from tests.other_models import Weights, make_onnx
from tests.ui.driver import labels, open_page, press, run, text_of

NAMES = b"daisy\nRose\ntulip\nsunflower\ndandelion\n"
"""Class 1 of the drawn photos is the rose here."""


def upload(files: dict[str, bytes]) -> AppTest:
    """Upload the files, and return the page when they were tried."""
    app = open_page("models")
    app.session_state["folded.Add a model"] = True
    (uploader,) = app.run().get("file_uploader")
    uploader.set_value([(name, content, "") for name, content in files.items()]).run()
    press(app, "Try this model")
    while "Choose other files" not in labels(app):
        time.sleep(0.3)
        run(app)
    return app


@pytest.mark.slow
def test_a_model_is_tried_and_added(trained_copy: Workspace, tmp_path: Path) -> None:
    model = make_onnx(Weights("imagenet"), tmp_path / "flowers.onnx").read_bytes()
    app = upload({"flowers.onnx": model, "labels.txt": NAMES})
    said = text_of(app)
    assert "5 outputs" in said
    assert "“dandelion”, “sunflower”" in said
    chosen = {radio.label: radio.value for radio in app.radio}
    assert chosen["Preprocessing"] == "imagenet"
    assert chosen["Order of the outputs"] == "names"
    press(app, "Add this model")
    run = list_runs(trained_copy)[0]
    assert (run.name, run.recipe.outputs, run.recipe.has_model) == (
        "flowers.onnx",
        (0, 1, 2),
        True,
    )
    assert not [*trained_copy.temporary.glob("model-*")]


@pytest.mark.slow
def test_a_refusal_says_what_to_do(trained_copy: Workspace) -> None:
    app = upload({"noise.onnx": bytes(range(256)) * 40})
    assert "ONNX file cannot be opened" in text_of(app)
    press(app, "Choose other files")
    assert app.get("file_uploader")
    assert not [*trained_copy.temporary.glob("model-*")]
