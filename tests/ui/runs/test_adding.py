"""Adding predictions on the page Runs: what is understood, what is asked, what is stored."""

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.runs.store import list_runs
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from tests.added import make_table
from tests.ui.driver import labels, open_page, press, text_of


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


def upload(table: pd.DataFrame) -> AppTest:
    app = open_page("runs")
    app.session_state["folded.Add predictions"] = True
    (uploader,) = app.run().get("file_uploader")
    uploader.upload("mine.csv", table.to_csv(index=False).encode(), "text/csv").run()
    return app


def test_a_table_is_added_as_it_was_understood(trained_copy: Workspace, dataset: Dataset) -> None:
    judged = dataset.photo_numbers("validation")
    app = upload(make_table(dataset, wrong=judged[:1].tolist(), missing=judged[1:2].tolist()))
    n = len(judged)
    assert f"{n - 1} of {n} validation photos matched" in text_of(app)
    press(app, "Add this run")
    run = list_runs(trained_copy)[0]
    assert (run.name, run.val_photos, run.recipe.is_added) == ("mine", n - 1, True)
    assert run.best_val_accuracy == pytest.approx((n - 2) / (n - 1))


def test_names_that_look_alike_are_confirmed_and_unknown_ones_are_asked(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    table = make_table(dataset, scored="none")
    alike = table.assign(prediction="01_" + table["prediction"].str.capitalize())
    app = upload(alike)
    assert "look like classes" in text_of(app)
    add = next(button for button in app.button if button.label == "Add this run")
    assert add.disabled
    app.checkbox(key="runs.adding.confirmed").check().run()
    assert not next(button for button in app.button if button.label == "Add this run").disabled
    other = upload(table.assign(prediction=table["prediction"].replace("daisy", "Bellis")))
    assert "Bellis" in text_of(other)
    assert "Use these classes" in labels(other)
    assert len(list_runs(trained_copy)) == 1


@pytest.mark.usefixtures("trained_copy")
def test_a_table_without_photos_of_the_dataset_is_refused() -> None:
    app = upload(pd.DataFrame({"image": ["else/where.jpg"], "prediction": ["daisy"]}))
    assert not app.exception
    assert "No row names a photo" in app.error[0].value
