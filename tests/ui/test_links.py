"""A link shows what it names, or says that it cannot and shows nothing else."""

from pathlib import Path

import pytest

from core.datasets.quality.making import make_analysis
from core.datasets.quality.store import find_feature_sets, list_parameters
from core.workspace import Workspace
from data.manifest import list_datasets
from tests.builders import CLASSES
from tests.prepared import prepare_trained
from tests.training import copy_workspace
from tests.ui.driver import open_page

HOSTILE = ("gone", "<script>alert(1)</script>", "__proto__", "99999999999999999999999", "-1")
LINKS: tuple[tuple[str, dict[str, str], tuple[str, ...]], ...] = (
    ("augmentation", {}, ("asked", "dataset", "draft", "first_draw", "framing", "photos")),
    ("augmentation", {}, ("policy", "seed", "show")),
    ("calibration", {}, ("question", "run", "split", "threshold")),
    ("calibration", {"question": "scores"}, ("bin", "bins")),
    ("confusion", {}, ("against", "among", "cells", "diagonal", "order", "predicted", "run")),
    ("confusion", {"true": CLASSES[0]}, ("cell_page", "photo", "predicted", "split", "zoom")),
    ("confusion", {"predicted": CLASSES[0]}, ("true",)),
    ("dataset", {}, ("class", "dataset", "in", "issue", "like", "photo", "photos_page", "sort")),
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
    ("quality", {}, ("dataset", "finding", "exact_page", "quality_class", "dark", "small")),
    ("quality", {"finding": "leak"}, ("leak_page", "quality_splits")),
    ("quality", {"finding": "splits"}, ("differs",)),
    ("quality", {"finding": "patches"}, ("patch",)),
    ("quality", {"finding": "suspect"}, ("suspect_page", "quality_class")),
    ("quality", {"finding": "dark"}, ("quality_dark_page",)),
    ("quality", {"finding": "outlier"}, ("quality_outlier_page",)),
    ("runs", {}, ("compare", "on", "order", "repeats", "state", "strategy", "tag")),
    ("slices", {}, ("by", "run", "slice", "split")),
    ("training", {}, ("dataset", "like", "over", "policy", "run")),
)
"""Page, the rest of its link, and the parameters that a link may state wrongly."""


@pytest.fixture(scope="module")
def analysed_workspace(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The trained workspace with an analysis of its dataset."""
    workspace = Workspace(tmp_path_factory.mktemp("analysed") / "workspace")
    copy_workspace(prepare_trained(prepared), workspace)
    (dataset,) = list_datasets(workspace)
    (features,) = find_feature_sets(workspace, dataset.id)
    make_analysis(workspace, list_parameters(workspace, dataset.id, features.kind), lambda *_: None)
    return workspace


@pytest.mark.parametrize(
    ("page", "rest", "name"),
    [(page, rest, name) for page, rest, names in LINKS for name in names],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_link_to_nothing_shows_nothing_else(
    page: str,
    rest: dict[str, str],
    name: str,
    analysed_workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(analysed_workspace.root))
    place = sum(map(ord, page + name))
    value = HOSTILE[place % len(HOSTILE)]
    earlier = {f"chosen.{name}": value} if place % 2 else {}
    app = open_page(page, earlier, **rest, **{name: value})
    said = [one.value for one in app.warning if "This link cannot be shown" in one.value]
    assert len(said) == 1
    assert not app.error
    without = next(one for one in app.button if one.label == "Show the page without it")
    without.click().run()
    assert not app.exception
    assert not [one for one in app.warning if "This link cannot be shown" in one.value]
