"""What the metrics page has read: the class in focus, its heaps, and the tables of numbers."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from core.runs.result import read_result
from core.runs.store import list_runs
from core.ui.metrics.reading import MetricsPage, find_heaps, read_metrics
from core.workspace import Workspace
from tests.ui.driver import captions, open_page

Read = Callable[..., MetricsPage]


@pytest.fixture
def read(
    trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch, address: Callable[..., None]
) -> Read:
    """A function that reads what a link shows of the run."""
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(trained_workspace.root))

    def read_link(**query: str) -> MetricsPage:
        address(**query)
        return read_metrics(list_runs(trained_workspace)[0], "train")

    return read_link


def test_the_link_names_a_class(read: Read) -> None:
    page = read(focus="rose", heap="found")
    assert page.class_name == "rose"
    number = page.result.classes.index("rose")
    assert page.heaps.keys() == find_heaps(page.result, "train", number).keys()
    assert read(focus="<b>oak</b>").class_name is None


def test_the_heaps_of_a_class_hold_each_photo_once(read: Read) -> None:
    result = read().result
    photos = result.photo_numbers("train")
    for number in range(len(result.classes)):
        heaps = find_heaps(result, "train", number)
        own = np.concatenate([heaps["missed"], heaps["found"]])
        assert sorted(own) == photos[result.labels[photos] == number].tolist()
        assert (result.labels[heaps["taken"]] != number).all()
        assert (result.scores[heaps["taken"]].argmax(axis=1) == number).all()
        sure = result.scores[heaps["found"]].max(axis=1)
        assert (np.diff(sure) >= 0).all()  # the least sure first


def test_the_table_says_shares_in_percent(read: Read) -> None:
    page = read()
    recall = page.evaluation.per_class.set_index("class")["recall"]
    assert np.allclose(page.table["recall"], 100 * recall[page.table["class"]])
    assert page.table["recall"].is_monotonic_increasing and len(recall) == len(page.table)
    assert page.table["recall_interval"].str.contains(" to ").all()


def test_the_run_comes_before_its_baselines_the_best_first(read: Read) -> None:
    rows = read().baselines
    assert rows["name"].iloc[0].startswith("Run 1")
    assert rows["accuracy"].iloc[1:].is_monotonic_decreasing
    assert rows["interval"].str.contains(" to ").all()


def test_leaking_photos_that_quality_knows_are_named(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = list_runs(trained_copy)[0]
    result = read_result(trained_copy, run.id)
    leak, train = result.photo_numbers("validation")[1], result.photo_numbers("train")[0]
    found = SimpleNamespace(pairs=pd.DataFrame({"a": [train], "b": [leak]}))
    monkeypatch.setattr("core.ui.parts.cache.quality", lambda _: found)
    app = open_page("metrics")
    assert "1 photo of this split has a copy in train" in captions(app)
    assert str(result.paths[leak]) in captions(app).replace("\\", "")
