"""The metrics page: intervals under every figure, links, heaps of photos, and the seal's count."""

import dataclasses

import numpy as np
import pytest

from core.runs.queue.queue import claim_next_run, submit_run
from core.runs.queue.run_lock import finish_run
from core.runs.result import read_result, read_run_head, write_result
from core.runs.store import list_runs, read_openings, record_opening
from core.ui.metrics.reading import find_heaps, read_metrics
from core.workspace import Workspace
from tests.ui.driver import captions, open_page, press, text_of


@pytest.fixture
def trained(trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The trained workspace, which the settings point to. Only read it."""
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(trained_workspace.root))
    return trained_workspace


@pytest.mark.usefixtures("trained")
def test_every_figure_has_its_interval() -> None:
    app = open_page("metrics")
    labels = [metric.label for metric in app.metric]
    assert labels == [
        *("Accuracy", "Top-2", "Balanced", "Macro F1", "Kappa", "Matthews", "ROC area", "Loss")
    ]
    below = [caption.value for caption in app.caption]
    ends = [
        text
        for text in below
        if text.startswith("no interval") or (" to " in text and len(text) < 20)
    ]
    assert len(ends) == len(labels)
    assert "Choose a class" in app.info[0].value
    assert len(app.dataframe) == 1  # the rest is folded
    assert "3 classes with fewer than 20 validation photos" in captions(app)


@pytest.mark.usefixtures("trained")
def test_what_is_folded_opens() -> None:
    app = open_page("metrics", {"metrics.part.baselines": True})
    _, rules = (table.value for table in app.dataframe)
    assert "5 nearest by colour" in list(rules["name"])
    assert any("Leave-one-out accuracy of the exact head" in one.value for one in app.markdown)


def test_leaking_photos_are_counted(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0]
    page = read_metrics(run, "validation")
    assert not len(page.leaks)
    digests = page.dataset.manifest["sha256"].to_numpy().copy()
    splits = page.result.splits
    digests[np.flatnonzero(splits == "validation")[:2]] = digests[splits == "train"][0]
    changed = dataclasses.replace(
        page.dataset, manifest=page.dataset.manifest.assign(sha256=digests)
    )
    for split, leaks in (("validation", 2), ("train", 0)):
        page = read_metrics(run, split)
        vars(page)["dataset"] = changed
        assert page.leaks.size == leaks


def test_a_link_opens_the_photos_of_a_class(trained: Workspace) -> None:
    app = open_page("metrics", split="train", focus="rose", heap="found")
    assert "rose" in [subheader.value for subheader in app.subheader]
    result = read_result(trained, list_runs(trained)[0].id)
    heaps = find_heaps(result, "train", result.classes.index("rose"))
    assert f"{len(heaps['found'])} photo" in captions(app)


@pytest.mark.parametrize(("gone", "said"), [(1, "1 class without a photo"), (2, "of one class")])
def test_classes_without_photos_are_said_not_drawn(
    trained_copy: Workspace, gone: int, said: str
) -> None:
    """The run's validation photos are of fewer classes than it knows."""
    run = list_runs(trained_copy)[0]
    result = read_result(trained_copy, run.id)
    splits = np.where(result.labels < len(result.classes) - gone, result.splits, "train")
    head = read_run_head(trained_copy, run.id)
    changed = dataclasses.replace(result, splits=splits)
    write_result(trained_copy.run_folder(run.id), changed, head)

    query = {"focus": result.classes[-1], "metrics.kind": "ROC"}
    app = open_page("metrics", **query)
    assert not app.error
    assert said in captions(app) + "\n".join(info.value for info in app.info)
    [classes] = (table.value for table in app.dataframe if "precision" in table.value)
    last = classes.iloc[-1]
    assert last["support"] == 0 and np.isnan(last["recall"]) and last["recall_interval"] == ""


def test_opening_the_test_split_is_counted_once_a_session(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0]
    record_opening(trained_copy, run.id, "ada", "command line")
    app = open_page("metrics", split="test")
    assert "The test split is sealed" in text_of(app) and "Opened once" in captions(app)
    assert not app.metric
    assert len(read_openings(trained_copy, run.id)) == 1  # asked, not opened

    press(app, "Open the test split")
    assert "opened 2 times" in captions(app)
    assert "Accuracy" in [metric.label for metric in app.metric]
    app.run()
    openings = read_openings(trained_copy, run.id)
    assert len(openings) == 2 and openings[-1].place.startswith("page")
    assert openings[-1].who


def test_the_run_first_shown_has_its_dataset(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0]
    submit_run(trained_copy, dataclasses.replace(run.recipe, dataset="0" * 16))
    newer = claim_next_run(trained_copy)
    assert newer is not None and finish_run(trained_copy, newer, stopped=False)
    assert [one.id for one in list_runs(trained_copy)] == [newer.id, run.id]
    app = open_page("metrics")
    assert not app.error
    assert run.id in app.query_params["run"]


@pytest.mark.usefixtures("trained")
def test_photos_that_were_learnt_give_no_verdict() -> None:
    for split in ("train", "validation"):
        app = open_page("metrics", {"metrics.part.baselines": True}, split=split)
        assert ("No verdict" in captions(app)) == (split == "train")


def test_a_page_that_is_loaded_again_is_no_opening(trained_copy: Workspace) -> None:
    run, visitor = list_runs(trained_copy)[0], {"visitor.mark": "0123abcd"}
    press(open_page("metrics", visitor, split="test"), "Open the test split")
    app = open_page("metrics", visitor, split="test")
    assert "opened once" in captions(app)
    assert len(read_openings(trained_copy, run.id)) == 1
    other = open_page("metrics", {"visitor.mark": "another"}, split="test")
    assert "sealed" in text_of(other)
