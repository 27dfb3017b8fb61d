"""Saved views: what is kept comes back, by any spelling of its name; damage is left out."""

import pytest

from core.datasets.selections import delete_view, list_views, read_view, save_view
from core.errors import QueryRefused
from core.workspace import Workspace


def test_a_view_is_found_by_its_name_and_replaced_by_a_newer_one(workspace: Workspace) -> None:
    assert list_views(workspace) == {}
    assert (
        save_view(workspace, "  dim   roses ", {"q": "class is rose", "view": "table"})
        == "dim roses"
    )
    save_view(workspace, "All", {})
    save_view(workspace, "Dim roses", {"q": "brightness < 0.3"})
    (workspace.views / "broken.json").write_text("{", encoding="utf-8")
    assert list_views(workspace) == {"All": {}, "Dim roses": {"q": "brightness < 0.3"}}
    assert read_view(workspace, "DIM roses") == {"q": "brightness < 0.3"}
    delete_view(workspace, "dim ROSES")
    delete_view(workspace, "dim ROSES")
    with pytest.raises(QueryRefused, match="no saved view"):
        read_view(workspace, "dim roses")


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\x00b"])
def test_a_name_that_cannot_be_shown_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(QueryRefused):
        save_view(workspace, name, {})
