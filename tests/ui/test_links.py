"""A link shows what it names, or says that it cannot and shows nothing else."""

from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.quality.making import make_analysis
from core.datasets.quality.store import find_feature_sets, list_parameters
from core.workspace import Workspace
from data.manifest import list_datasets
from tests.builders import CLASSES
from tests.prepared import prepare_compared
from tests.training import copy_workspace
from tests.ui.driver import PAGES, captions, open_page, press, run

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
    ("metrics", {}, ("focus", "metrics.kind", "run", "split")),
    ("metrics", {"focus": CLASSES[0]}, ("heap",)),
    ("mistakes", {"tab": "least-sure"}, ("review",)),
    ("mistakes", {}, ("predicted", "run", "split", "tab", "true")),
    ("mistakes", {"tab": "random"}, ("of", "seed")),
    ("monitoring", {}, ("tab",)),
    ("predict", {}, ("against", "model", "run")),
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
NOT_SHOWN: tuple[tuple[str, dict[str, str], tuple[str, ...]], ...] = (
    *((page, {}, ("elsewhere",)) for page in PAGES),
    ("calibration", {"question": "answers"}, ("bin",)),
    ("confusion", {}, ("moved", "cell_page")),
    ("dataset", {}, ("with", "map", "colours")),
    ("dataset", {"view": "map"}, ("with",)),
    ("dataset", {"view": "edits"}, ("area", "photo", "class", "q")),
    ("dataset", {"view": "versions"}, ("sort", "map", "photos_page")),
    ("lesson", {}, ("set",)),
    ("metrics", {}, ("heap", "present")),
    ("mistakes", {"tab": "least-sure"}, ("of", "seed", "others")),
    ("monitoring", {}, ("period", "watch", "item")),
    ("quality", {"finding": "exact"}, ("differs", "patch", "leak_page", "quality_splits")),
    ("runs", {}, ("split", "photos")),
    ("slices", {}, ("focus",)),
    ("training", {}, ("true",)),
)
"""Page, the rest of its link, and parameters that this view does not show."""
NOT_SHOWN_SAID = "This link also names"


@pytest.fixture(scope="module")
def analysed_workspace(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The workspace of three runs with an analysis of its dataset."""
    workspace = Workspace(tmp_path_factory.mktemp("analysed") / "workspace")
    copy_workspace(prepare_compared(prepared), workspace)
    (dataset,) = list_datasets(workspace)
    (features,) = find_feature_sets(workspace, dataset.id)
    make_analysis(workspace, list_parameters(workspace, dataset.id, features.kind), lambda *_: None)
    return workspace


@pytest.fixture(autouse=True)
def _analysed(analysed_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(analysed_workspace.root))


@pytest.mark.parametrize(
    ("page", "rest", "name"),
    [(page, rest, name) for page, rest, names in LINKS for name in names],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_link_to_nothing_shows_nothing_else(page: str, rest: dict[str, str], name: str) -> None:
    place = sum(map(ord, page + name))
    value = HOSTILE[place % len(HOSTILE)]
    earlier = {f"chosen.{name}": value} if place % 2 else {}
    app = open_page(page, earlier, **rest, **{name: value})
    said = [one.value for one in app.warning if "This link cannot be shown" in one.value]
    assert len(said) == 1
    assert not app.error
    press(app, "Show the page without it")
    assert not [one for one in app.warning if "This link cannot be shown" in one.value]


@pytest.mark.parametrize(
    ("page", "rest", "names"), NOT_SHOWN, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_link_says_what_it_names_and_the_view_does_not_show(
    page: str, rest: dict[str, str], names: tuple[str, ...]
) -> None:
    app = open_page(page, **rest, **dict.fromkeys(names, "1"))
    said = " and ".join(f"“{name}”" for name in names).replace("_", r"\_")
    assert f"{NOT_SHOWN_SAID} {said}, which this view does not show." in captions(app)
    assert captions(run(app)).count(NOT_SHOWN_SAID) == 1
    assert NOT_SHOWN_SAID not in captions(open_page(page, **rest))


def follow(app: AppTest | None, page: str, query: dict[str, str]) -> AppTest:
    """Return a page as a link opens it, and its address anew; neither says that it lacks a part."""
    before = read_address(app) if app else {}
    earlier = {f"chosen.{name}": value for name, value in before.items()}
    opened = open_page(page, earlier, **query)
    for one in (opened, reload(page, opened)):
        assert NOT_SHOWN_SAID not in captions(one), (page, query)
    return opened


def read_address(app: AppTest) -> dict[str, str]:
    """Return name → value of the address; AppTest gives lists for what the page left as it was."""
    stated = dict(app.query_params)
    return {name: one if isinstance(one, str) else one[-1] for name, one in stated.items()}


def reload(page: str, app: AppTest) -> AppTest:
    """Return the page that the address of an open page opens in a new session."""
    return open_page(page, **read_address(app))


def list_links(app: AppTest) -> list[tuple[str, dict[str, str]]]:
    """Return page and parameters of each link on a page."""
    protos = [one.proto for one in app.get("page_link")]
    return [(one.page or "overview", dict(parse_qsl(one.query_string))) for one in protos]


@pytest.mark.parametrize(
    ("page", "rest"),
    [
        ("augmentation", {}),
        ("calibration", {}),
        ("confusion", {"true": "rose", "predicted": "daisy", "split": "train"}),
        ("metrics", {"focus": CLASSES[0]}),
        ("overview", {}),
        ("training", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_link_of_a_page_names_only_what_the_next_page_shows(
    page: str, rest: dict[str, str]
) -> None:
    app = follow(None, page, rest)
    links = list_links(app)
    assert links
    for next_page, query in links:
        follow(app, next_page, query)


@pytest.mark.parametrize(
    ("page", "rest", "widget", "value"),
    [
        ("dataset", {"view": "map", "map": "pca"}, "dataset.view", "photos"),
        ("dataset", {"class": CLASSES[0]}, "dataset.view", "edits"),
        ("mistakes", {"tab": "random", "seed": "7"}, "mistakes.tab", "least-sure"),
    ],
)
def test_an_address_that_a_page_itself_has_left_is_no_link_from_outside(
    page: str, rest: dict[str, str], widget: str, value: str
) -> None:
    app = follow(None, page, rest)
    next(one for one in app.get("button_group") if one.key == widget).set_value(value)
    assert NOT_SHOWN_SAID not in captions(run(app))
    assert NOT_SHOWN_SAID not in captions(reload(page, app))
    other = open_page(page, **read_address(app), elsewhere="1")
    assert all(f"“{name}”" in captions(other) for name in (list(rest)[-1], "elsewhere"))
