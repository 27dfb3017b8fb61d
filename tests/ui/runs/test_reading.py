"""The page Runs lists the runs that match the address."""

import dataclasses
import io

import pandas as pd
import pytest

from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.ui.runs.reading import FILTERS, RunsPage, to_csv
from core.workspace import Workspace

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
