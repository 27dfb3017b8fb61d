"""A link shows what it names, or says that it cannot and shows nothing else."""

import pytest

from core.workspace import Workspace
from tests.builders import CLASSES
from tests.ui.driver import open_page

HOSTILE = ("gone", "<script>alert(1)</script>", "__proto__", "99999999999999999999999", "-1")
LINKS: tuple[tuple[str, dict[str, str], tuple[str, ...]], ...] = (
    ("augmentation", {}, ("asked", "dataset", "draft", "first_draw", "framing", "photos")),
    ("augmentation", {}, ("policy", "seed", "show")),
    ("calibration", {}, ("question", "run", "split", "threshold")),
    ("calibration", {"question": "scores"}, ("bin", "bins")),
    ("confusion", {}, ("against", "among", "cells", "diagonal", "order", "predicted", "run")),
    ("confusion", {"true": CLASSES[0]}, ("photo", "predicted", "split", "zoom")),
    ("confusion", {"predicted": CLASSES[0]}, ("true",)),
    ("dataset", {}, ("class", "dataset", "in", "issue", "like", "photo", "sort")),
    ("dataset", {"view": "map"}, ("area", "classes", "colours", "map")),
    ("dataset", {"view": "versions"}, ("with",)),
    ("dataset", {}, ("view",)),
    ("lesson", {}, ("dataset", "lesson")),
    ("metrics", {}, ("focus", "run", "split")),
    ("metrics", {"focus": CLASSES[0]}, ("heap",)),
    ("mistakes", {"tab": "least-sure"}, ("review",)),
    ("mistakes", {}, ("predicted", "run", "split", "tab", "true")),
    ("mistakes", {"tab": "random"}, ("of", "seed")),
    ("monitoring", {}, ("tab",)),
    ("predict", {}, ("model", "run")),
    ("quality", {}, ("dataset", "finding")),
    ("runs", {}, ("compare", "on", "order", "state", "strategy", "tag")),
    ("slices", {}, ("by", "run", "slice", "split")),
    ("training", {}, ("dataset", "policy", "run")),
)
"""Page, the rest of its link, and the parameters that a link may state wrongly."""


@pytest.mark.parametrize(
    ("page", "rest", "name"),
    [(page, rest, name) for page, rest, names in LINKS for name in names],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_link_to_nothing_shows_nothing_else(
    page: str,
    rest: dict[str, str],
    name: str,
    trained_workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(trained_workspace.root))
    value = HOSTILE[sum(map(ord, page + name)) % len(HOSTILE)]
    app = open_page(page, **rest, **{name: value})
    said = [one.value for one in app.warning if "This link cannot be shown" in one.value]
    assert len(said) == 1
    assert not app.error
    without = next(one for one in app.button if one.label == "Show the page without it")
    without.click().run()
    assert not app.exception
    assert not [one for one in app.warning if "This link cannot be shown" in one.value]
