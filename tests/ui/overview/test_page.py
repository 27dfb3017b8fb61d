"""The first click of a newcomer: the sample, then training with or without a network."""

import shutil
from collections.abc import Iterator

import pytest

from core import downloading
from core.errors import WeightsMissing
from core.runs.jobs import run_job, start_job
from core.workspace import Workspace
from tests.ui.driver import labels, open_page, press, run, text_of

SERVER = "http://127.0.0.1:9/resnet50_notop.h5"
"""No server listens there."""


@pytest.fixture
def newcomer(trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace with a dataset, without runs, weights or a scheduler."""
    monkeypatch.delenv("PETALSCOPE_WEIGHTS", raising=False)
    monkeypatch.setenv("PETALSCOPE_WEIGHTS_URL", SERVER)
    monkeypatch.setenv("KERAS_HOME", str(trained_copy.root / "keras"))
    for folder in (trained_copy.runs, trained_copy.weights):
        shutil.rmtree(folder)
        folder.mkdir()
    for file in trained_copy.root.glob("petalscope.db*"):
        file.unlink()
    for place in ("core.ui.recipes.form.ensure_scheduler", "core.runs.jobs.ensure_scheduler"):
        monkeypatch.setattr(place, lambda _: None)
    yield trained_copy
    downloading._asked.clear()


OFFERS = ["Download ImageNet weights (95 MB) and train", "Train with the built-in weights"]


def say_network(monkeypatch: pytest.MonkeyPatch, *, there: bool) -> None:
    monkeypatch.setattr("core.ui.overview.page.is_reachable", lambda _: there)


def find_main(app: object) -> list[str]:
    """Return the labels of the primary buttons."""
    return [one.label for one in app.button if one.proto.type == "primary"]  # type: ignore[attr-defined]


def test_an_empty_machine_begins_with_the_sample(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def start(*asked: object) -> str:
        begun.append(asked)
        return "import-1"

    monkeypatch.setattr("core.ui.overview.page.start_import", start)
    app = open_page("overview")
    assert find_main(app) == ["Open the sample flowers"] and "petalscope " not in text_of(app)
    press(app, "Open the sample flowers")
    assert len(begun) == 1 and workspace.root.exists()


@pytest.mark.usefixtures("newcomer")
def test_with_a_network_the_download_is_the_primary_button(monkeypatch: pytest.MonkeyPatch) -> None:
    say_network(monkeypatch, there=True)
    app = open_page("overview")
    assert find_main(app) == ["Download ImageNet weights (95 MB) and train"]
    assert labels(app)[-2:] == OFFERS
    (download,) = [one for one in app.button if one.key == "fetch.pretrained"]
    assert "95 MB, licence MIT, from 127.0.0.1" in download.help


@pytest.mark.usefixtures("newcomer")
def test_without_a_network_the_built_in_weights_are(monkeypatch: pytest.MonkeyPatch) -> None:
    say_network(monkeypatch, there=False)
    app = open_page("overview")
    assert find_main(app) == ["Train with the built-in weights"]
    assert labels(app)[-2:] == OFFERS  # no button moves when the network is known
    assert "You are offline" in text_of(app)
    app.session_state["training.weights"] = "pretrained"  # chosen in the form before
    press(app, "Train with the built-in weights")
    assert app.session_state["training.weights"] == "starter"


def test_a_click_starts_the_download_once(
    newcomer: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    say_network(monkeypatch, there=True)
    begun = []

    def start(workspace: Workspace, folder: object, kind: str, asked: object) -> None:
        begun.append((kind, asked))
        monkeypatch.setattr("core.runs.jobs.start_detached", lambda *_, **__: None)
        start_job(workspace, folder, kind, asked)  # type: ignore[arg-type]

    monkeypatch.setattr("core.runs.jobs.start_job", start)
    press(open_page("overview"), "Download ImageNet weights")
    ((kind, asked),) = begun
    assert kind == "weights"
    assert asked["run"]["dataset"] in {path.name for path in newcomer.datasets.iterdir()}  # type: ignore[index]


def test_a_download_that_fails_says_why(
    newcomer: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    say_network(monkeypatch, there=True)

    def fail(_parameters: object, _tell: object) -> dict[str, str]:
        raise WeightsMissing("The server answered 404.", "Fetch it by hand.")

    folder = newcomer.downloads / "weights-pretrained"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text('{"weights": "pretrained", "run": {}}')
    run_job(folder, fail)  # type: ignore[arg-type]
    app = open_page("overview")
    assert "answered 404" in text_of(app)
    assert find_main(app) == ["Train with the built-in weights"]
    assert "Download ImageNet weights (95 MB) and train" in labels(app)
    app = run(app)
    assert "answered 404" in text_of(app)
