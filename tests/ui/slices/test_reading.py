"""What the slices page has read: the view, the slice of the link, and its photos in order."""

from collections.abc import Callable

import numpy as np
import pytest

from core.runs.store import list_runs
from core.ui.slices.findings import SlicesPage, read_slices
from core.workspace import Workspace

Read = Callable[..., SlicesPage]


@pytest.fixture
def read(
    compared_workspace: Workspace, monkeypatch: pytest.MonkeyPatch, address: Callable[..., None]
) -> Read:
    """A function that reads what a link shows of a run that hardly learnt."""
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(compared_workspace.root))

    def read_link(**query: str) -> SlicesPage:
        address(**query)
        return read_slices(list_runs(compared_workspace)[0], "train")

    return read_link


def test_a_link_names_a_view_and_a_slice(read: Read) -> None:
    rule = str(read().study.bins["brightness"]["value"].iloc[0])
    page = read(by="worst", slice=rule)
    assert page.view == "worst"
    assert page.rule is not None
    photos, right = page.study.photos_in(page.rule)
    row = page.study.bins["brightness"].iloc[0]
    assert (len(photos), int((~right).sum())) == (row["n"], row["wrong"])


@pytest.mark.parametrize("stated", ["height:..200", "no such:1..2", "brightness", ":..", "<b>"])
def test_a_slice_that_is_not_known_here_is_none(read: Read, stated: str) -> None:
    page = read(slice=stated, by="nonsense")
    assert page.rule is None and page.stated == stated
    assert page.view == "properties"


def test_wrong_photos_come_first_the_surest_first(read: Read) -> None:
    page = read()
    photos = page.study.photos
    ordered = page.order_photos(photos)
    assert sorted(ordered) == sorted(photos)
    scores = page.result.scores[ordered]
    wrong = scores.argmax(axis=1) != page.result.labels[ordered]
    assert 0 < wrong.sum() < len(wrong)
    assert (np.diff(wrong.astype(int)) <= 0).all()
    assert (np.diff(scores.max(axis=1)[wrong]) <= 0).all()
