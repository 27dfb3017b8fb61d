"""The page Runs: the table, filters in the link, and comparisons."""

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.queue.control import tag_run
from core.runs.queue.queue import submit_run
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.training import change_recipe, train
from tests.ui.driver import open_page, text_of

OpenRuns = Callable[..., AppTest]


@pytest.fixture
def open_runs(compared: Workspace, monkeypatch: pytest.MonkeyPatch) -> OpenRuns:
    """Return a function that opens the page by a link."""
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(compared.root))

    def run(**query: str) -> AppTest:
        return open_page("runs", **query)

    return run


def ids(workspace: Workspace, *names: str) -> str:
    by_name = {run.name: run.id for run in list_runs(workspace)}
    return ",".join(by_name[name] for name in names)


def first_name(workspace: Workspace) -> str:
    return list_runs(workspace)[-1].name


def test_seeds_of_a_recipe_are_one_row_with_mean_and_sd(
    compared: Workspace, open_runs: OpenRuns
) -> None:
    app = open_runs()
    table = app.dataframe[0].value
    assert len(table) == 2
    (folded,) = table[table["Seeds"] == 2].to_dict("records")
    done = [run for run in list_runs(compared) if not run.recipe.hidden]
    mean = 100 * sum(run.best_val_accuracy or 0 for run in done) / 2
    assert folded["Accuracy"] == round(mean)
    assert "3 runs in 2 rows" in text_of(app)
    assert "Head" in table and "Strategy" not in table
    assert "All rows: state done, strategy head" in text_of(app)
    tag_run(compared, list_runs(compared)[0].id, ["poor"])
    apart = open_runs(repeats="apart", order="accuracy").dataframe[0].value
    assert len(apart) == 3
    assert "Seeds" not in apart and "Tags" in apart
    assert apart["Accuracy"].is_monotonic_decreasing


def test_filters_without_a_match_can_be_cleared(compared: Workspace, open_runs: OpenRuns) -> None:
    assert len(list_runs(compared)) == 3
    nothing = open_runs(find="no such thing")
    assert "No run matches" in text_of(nothing)
    next(b for b in nothing.button if b.label == "Clear filters").click().run()
    assert len(nothing.dataframe[0].value) == 2


def test_a_link_compares_two_runs(compared: Workspace, open_runs: OpenRuns) -> None:
    first = first_name(compared)
    app = open_runs(compare=ids(compared, first, "hardly"), split="train")
    assert not app.error
    said = text_of(app)
    assert "2 runs compared" in said
    assert "Significant difference" in said
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Difference"].startswith("−")
    assert int(shown["Lost"]) > int(shown["Gained"])
    assert "2 seeds" in said
    recipes = app.dataframe[1].value
    assert set(recipes.index) == {"hidden layers", "learning rate", "epochs"}


def test_three_runs_are_compared_with_adjusted_p(compared: Workspace, open_runs: OpenRuns) -> None:
    first = first_name(compared)
    app = open_runs(compare=ids(compared, first, "again", "hardly"), split="train")
    table = app.dataframe[1].value
    assert table["Run"].tolist() == ["Run 2 · again", "Run 3 · hardly"]
    assert table["Verdict"].tolist()[1] == "worse"
    assert "inflates its accuracy" in text_of(app)


def test_test_photos_stay_sealed_until_they_are_opened(
    compared: Workspace, open_runs: OpenRuns
) -> None:
    app = open_runs(compare=ids(compared, "again", "hardly"), split="test")
    assert "The test split is sealed" in text_of(app)
    assert not app.metric
    next(b for b in app.button if b.label == "Open the test split").click().run()
    assert not app.exception
    assert "Difference" in [metric.label for metric in app.metric]


def test_a_queued_run_is_compared_by_recipe_only(compared: Workspace, open_runs: OpenRuns) -> None:
    waiting, _ = submit_run(compared, change_recipe(compared, seed=9), "waiting")
    app = open_runs(compare=f"{ids(compared, 'again')},{waiting.id}")
    assert "when the baseline and another run are finished" in text_of(app)
    assert not app.metric


def test_a_link_to_deleted_runs_says_so(compared: Workspace, open_runs: OpenRuns) -> None:
    app = open_runs(compare=f"{ids(compared, 'again')},0000000000000000")
    assert "1 run of the link was deleted" in text_of(app)
    assert not app.error
    next(b for b in app.button if b.label == "Close").click().run()
    assert "compare" not in app.query_params
    assert "was deleted" not in text_of(app)


def test_a_link_that_compares_one_run_says_so(compared: Workspace, open_runs: OpenRuns) -> None:
    app = open_runs(compare=ids(compared, "again"))
    assert "A comparison needs two runs" in text_of(app)
    assert "Close" in [button.label for button in app.button]


def test_a_trained_head_is_compared_with_the_exact_head(
    compared: Workspace, open_runs: OpenRuns
) -> None:
    exact = train(compared, submit_run(compared, change_recipe(compared, strategy="exact"))[0])
    hardly = ids(compared, "hardly")
    for order in (f"{exact.id},{hardly}", f"{hardly},{exact.id}"):
        said = text_of(open_runs(compare=order, split="train"))
        assert "No evidence that the trained head" in said
        assert re.search(r"beats the exact head .*\*\*: −[\d.]+ points \(−", said), said
    assert "exact head" not in text_of(open_runs(compare=ids(compared, "again", "hardly")))
