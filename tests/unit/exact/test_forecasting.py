"""Forecasts by the real job: kept, read again, told alike by page and command line."""

import json
from dataclasses import replace

import numpy as np
import pytest

from core.cli.entry import main
from core.datasets.quality.results import read_status
from core.errors import FeaturesMissing
from core.exact.forecasting import (
    KIND,
    NOT_MEASURED,
    foresee_more,
    read_forecasts,
    say_more,
)
from core.exact.store import find_judged_source, prepare_head
from core.instant.curves import Curve, foresee_curve
from core.workspace import Workspace
from data.manifest import list_datasets, read_dataset
from tests.processes import wait_until


def test_a_forecast_is_made_by_a_job_and_told_by_the_command(
    trained_copy: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    source = find_judged_source(trained_copy, dataset)
    assert read_forecasts(trained_copy, source) is None
    source.start(trained_copy, KIND)
    wait_until(lambda: read_forecasts(trained_copy, source) is not None, "the forecast is made")
    found = read_forecasts(trained_copy, source)
    assert found is not None
    head, judged = prepare_head(trained_copy, source), dataset.photo_numbers("validation")
    right = head.outputs[judged].argmax(axis=1) == head.labels[judged]
    assert found.whole.now == pytest.approx(right.mean()) and found.whole.judged == len(judged)
    assert len(found.classes) == 3 and found.shares.sum() == pytest.approx(1)
    job = read_status(trained_copy, source.identify(KIND))
    assert job is not None and job.state in ("going", "done")

    assert main(["forecast", dataset.id, "--more", "2", "--next", "5", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["accuracy"] == pytest.approx(found.whole.now)
    table = found.list_classes(dataset.classes, 2, found.share_out(5))
    assert [one["class"] for one in told["classes"]] == list(dataset.classes)
    for one, (_, row) in zip(told["classes"], table.iterrows(), strict=True):
        assert one["recall"] == pytest.approx(row["recall"])
        assert one["reason"] == row["reason"] and one["next"] == row["next"]
        assert (one["foreseen"] is None) == bool(np.isnan(row["foreseen"]))


def test_words_for_what_is_foreseen_and_for_what_is_not() -> None:
    sizes = np.array([10, 15, 22, 33, 50, 75, 110, 160])
    curve = Curve(sizes=sizes, values=np.tile(0.9 - 1.5 * sizes**-0.6, (20, 1)), judged=90)
    one = foresee_curve(curve)
    assert say_more(one, 50, "recall", " of roses").startswith(
        "50 more photos of roses: recall 83 % → 84 % (80 % interval"
    )
    assert "at most 160 photos more" in say_more(one, 161, "recall")
    assert foresee_more(one, 161) is None and foresee_more(one, 160) is not None
    assert NOT_MEASURED in say_more(None, 50, "recall")


def test_without_validation_photos_it_says_what_to_do(trained_copy: Workspace) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    none = replace(dataset, manifest=dataset.manifest.assign(split="train"))
    with pytest.raises(FeaturesMissing, match="nothing judges"):
        find_judged_source(trained_copy, none)
