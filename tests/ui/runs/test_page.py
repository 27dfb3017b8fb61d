"""The page Runs: the table, filters in the link, and comparisons."""

import dataclasses
import io
import re

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.runs.queue.control import note_run, tag_run
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.store import list_runs
from core.ui.runs.reading import FILTERS, RunsPage, to_csv
from core.workspace import Workspace
from tests.training import change_recipe, train
from tests.ui.driver import open_page, press, text_of


def open_runs(**query: str) -> AppTest:
    return open_page("runs", **query)


def ids(workspace: Workspace, *names: str) -> str:
    by_name = {run.name: run.id for run in list_runs(workspace)}
    return ",".join(by_name[name] for name in names)


def first_name(workspace: Workspace) -> str:
    return list_runs(workspace)[-1].name


def test_seeds_of_a_recipe_are_one_row_with_mean_and_sd(compared: Workspace) -> None:
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


def test_filters_without_a_match_can_be_cleared(compared: Workspace) -> None:
    assert len(list_runs(compared)) == 3
    nothing = open_runs(find="no such thing")
    assert "No run matches" in text_of(nothing)
    assert len(press(nothing, "Clear filters").dataframe[0].value) == 2


def test_a_link_compares_two_runs(compared: Workspace) -> None:
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


def test_three_runs_are_compared_with_adjusted_p(compared: Workspace) -> None:
    first = first_name(compared)
    app = open_runs(compare=ids(compared, first, "again", "hardly"), split="train")
    table = app.dataframe[1].value
    assert table["Run"].tolist() == ["Run 2 · again", "Run 3 · hardly"]
    assert table["Verdict"].tolist()[1] == "worse"
    assert "inflates its accuracy" in text_of(app)


def test_test_photos_stay_sealed_until_they_are_opened(compared: Workspace) -> None:
    app = open_runs(compare=ids(compared, "again", "hardly"), split="test")
    assert "The test split is sealed" in text_of(app)
    assert not app.metric
    press(app, "Open the test split")
    assert "Difference" in [metric.label for metric in app.metric]


def test_a_queued_run_is_compared_by_recipe_only(compared: Workspace) -> None:
    waiting, _ = submit_run(compared, change_recipe(compared, seed=9), "waiting")
    app = open_runs(compare=f"{ids(compared, 'again')},{waiting.id}")
    assert "when the baseline and another run are finished" in text_of(app)
    assert not app.metric


def test_a_link_that_compares_one_run_says_so(compared: Workspace) -> None:
    app = open_runs(compare=ids(compared, "again"))
    assert "A comparison needs two runs" in text_of(app)
    assert "Close" in [button.label for button in app.button]


def test_a_trained_head_is_compared_with_the_exact_head(compared: Workspace) -> None:
    exact = train(compared, submit_run(compared, change_recipe(compared, strategy="exact"))[0])
    hardly = ids(compared, "hardly")
    for order in (f"{exact.id},{hardly}", f"{hardly},{exact.id}"):
        said = text_of(open_runs(compare=order, split="train"))
        assert "No evidence that the trained head" in said
        assert re.search(r"beats the exact head .*\*\*: −[\d.]+ points \(−", said), said
    assert "exact head" not in text_of(open_runs(compare=ids(compared, "again", "hardly")))


def draw_notes() -> None:
    from core.runs.store import list_runs
    from core.ui.parts import cache
    from core.ui.recipes.run_cards import edit_notes

    edit_notes(list_runs(cache.workspace())[0])


def test_a_window_overwrites_only_its_own_changes(trained_copy: Workspace) -> None:
    windows = [AppTest.from_function(draw_notes, default_timeout=60).run() for _ in range(2)]
    for app, name in zip(windows, ("late roses", "early roses"), strict=True):
        app.text_input[0].set_value(name)
        app.button[0].click().run()
        assert not app.exception
        assert list_runs(trained_copy)[0].name == name
    note_run(trained_copy, list_runs(trained_copy)[0].id, "elsewhere")
    windows[1].text_input[0].set_value("roses")
    windows[1].button[0].click().run()
    run = list_runs(trained_copy)[0]
    assert (run.name, run.notes) == ("roses", "elsewhere")


def draw_code() -> None:
    from core.runs.store import list_runs
    from core.ui.parts import cache
    from core.ui.recipes.run_cards import show_cells

    show_cells(list_runs(cache.workspace())[0])


def test_the_code_trains_and_evaluates(trained_copy: Workspace) -> None:
    assert list_runs(trained_copy)
    (shown,) = AppTest.from_function(draw_code, default_timeout=60).run().code
    compile(shown.value, "run", "exec")
    assert "keras.Input" in shown.value and "roc_auc_score" in shown.value


RECIPE = Recipe(dataset="0123456789abcdef", weights_digest="w" * 64)


@pytest.fixture
def page(workspace: Workspace) -> RunsPage:
    """Three runs: two seeds of one recipe, and a tagged run of another strategy."""
    made = [
        submit_run(workspace, RECIPE, "first")[0],
        submit_run(workspace, dataclasses.replace(RECIPE, seed=1), "again")[0],
        submit_run(workspace, dataclasses.replace(RECIPE, strategy="full"), "hardly")[0],
    ]
    done = [
        dataclasses.replace(run, state="done", best_val_accuracy=accuracy, val_photos=100)
        for run, accuracy in zip(made, (0.75, 0.85, 0.5), strict=True)
    ]
    done[2] = dataclasses.replace(done[2], tags=("poor",))
    asked = dict.fromkeys((*FILTERS, "order", "repeats"))
    return RunsPage(runs=done[::-1], datasets={RECIPE.dataset: "Flowers"}, asked=asked)


def ask(page: RunsPage, **asked: str) -> list[list[str]]:
    """Return the names of the runs of each row."""
    asking = dataclasses.replace(page, asked={**page.asked, **asked})
    return [[run.name for run in one.runs] for one in asking.listed]


def test_seeds_of_a_recipe_are_one_row_unless_ungrouped(page: RunsPage) -> None:
    assert page.has_repeats
    assert ask(page) == [["hardly"], ["again", "first"]]
    assert ask(page, repeats="apart") == [["hardly"], ["again"], ["first"]]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"tag": "poor"}, ["hardly"]),
        ({"find": "AGAIN"}, ["again"]),
        ({"find": "flowers first"}, ["first"]),
        ({"strategy": "head"}, ["again", "first"]),
        ({"state": "done", "on": RECIPE.dataset}, ["hardly", "again", "first"]),
        ({"find": "no such thing"}, []),
        ({"tag": "gone", "strategy": "gone"}, ["hardly", "again", "first"]),
    ],
)
def test_the_address_filters(page: RunsPage, asked: dict[str, str], names: list[str]) -> None:
    assert ask(page, repeats="apart", **asked) == [[name] for name in names]


def test_the_matching_runs_become_csv(page: RunsPage) -> None:
    asking = dataclasses.replace(page, asked={**page.asked, "tag": "poor"})
    (row,) = pd.read_csv(io.BytesIO(to_csv(asking))).to_dict("records")
    assert row["name"] == "hardly" and row["best_val_accuracy"] == 0.5
    assert row["strategy"] == "full" and row["dataset_name"] == "Flowers" and row["tags"] == "poor"
    assert "learning_rate" in row and row["val_photos"] == 100


def test_the_address_orders(page: RunsPage) -> None:
    assert ask(page, order="accuracy") == [["again", "first"], ["hardly"]]
    assert ask(page, order="name", repeats="apart") == [["again"], ["first"], ["hardly"]]
    assert page.options["order"][0] == "newest"
