"""What photos are worth: measured once, the same in the command, the table and the queries."""

import json

import numpy as np
import pytest

from core.cli.entry import main
from core.datasets.photo_table import WORTH
from core.errors import FeaturesMissing
from core.exact.store import WORTH_KIND, find_judged_source
from core.exact.worth import MARKS, read_worth
from core.workspace import Workspace
from data.manifest import list_datasets, read_dataset
from tests.processes import wait_until


def test_the_command_measures_it_and_queries_ask_for_it(
    trained_copy: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    assert read_worth(trained_copy, dataset.id) is None
    assert main(["worth", dataset.id, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["photo"] for row in document["photos"]] == dataset.photo_numbers("train").tolist()
    judged = document["validation_photos"]
    assert judged == len(dataset.photo_numbers("validation"))
    for row in document["removal"]:
        assert row["right"] == row["before"] + row["gained"] - row["lost"]
        assert row["random_low"] <= row["random"] <= row["random_high"] <= judged == row["n"]
    assert main(["datasets", "photos", dataset.id, "--where", "neighbour_worth > 0", "--json"]) == 0
    asked = json.loads(capsys.readouterr().out)["photos"]
    above = [row["photo"] for row in document["photos"] if row["neighbour_worth"] > 0]
    assert [row["photo"] for row in asked] == above
    assert {row["split"] for row in asked} == {"train"}
    assert set(WORTH) <= set(asked[0])
    assert main(["worth", dataset.id]) == 0
    text = capsys.readouterr().out
    assert all(f"{mark}" in text for mark in MARKS)


def test_a_job_measures_it_and_splits_decide(trained_copy: Workspace) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    source = find_judged_source(trained_copy, dataset)
    source.start(trained_copy, WORTH_KIND)
    wait_until(lambda: read_worth(trained_copy, dataset.id) is not None, "the worth is measured")
    found = read_worth(trained_copy, dataset.id)
    assert found is not None and found.id == source.identify(WORTH_KIND)
    known = found.photos["worth"].notna().to_numpy()
    assert np.array_equal(np.flatnonzero(known), dataset.photo_numbers("train"))
    for mark in MARKS:
        assert np.array_equal(found.photos[mark].notna(), known)


def test_without_validation_photos_it_says_what_to_do(trained_copy: Workspace) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    dataset.manifest["split"] = "train"
    dataset.__dict__.pop("splits", None)
    with pytest.raises(FeaturesMissing, match="in validation"):
        find_judged_source(trained_copy, dataset)
