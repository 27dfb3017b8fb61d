"""The learning curve of a dataset by the real job: measured once, stored, read again."""

from dataclasses import replace

import pytest

from core.errors import FeaturesMissing
from core.exact.forecasting import KIND, prepare_curve, read_forecast
from core.exact.store import find_judged_source, prepare_head
from core.runs.jobs import read_job
from core.workspace import Workspace
from data.manifest import list_datasets, read_dataset
from tests.processes import wait_until


def test_a_curve_is_measured_by_a_job(trained_copy: Workspace) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    source = find_judged_source(trained_copy, dataset)
    assert read_forecast(trained_copy, source) is None
    source.start(trained_copy, KIND)
    wait_until(lambda: read_forecast(trained_copy, source) is not None, "the curve is measured")
    found = read_forecast(trained_copy, source)
    assert found is not None
    head, judged = prepare_head(trained_copy, source), dataset.photo_numbers("validation")
    right = head.outputs[judged].argmax(axis=1) == head.labels[judged]
    assert found.curve.means[-1] == pytest.approx(right.mean())
    assert found.curve.judged == len(judged) and found.photos == len(head.train)
    job = read_job(trained_copy.analysis_folder(source.identify(KIND)))
    assert job is not None and job.state in ("going", "done")
    told: list[object] = []
    prepare_curve(trained_copy, source, lambda *facts: told.append(facts))
    assert not told


def test_without_validation_photos_it_says_what_to_do(trained_copy: Workspace) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    none = replace(dataset, manifest=dataset.manifest.assign(split="train"))
    with pytest.raises(FeaturesMissing, match="nothing judges"):
        find_judged_source(trained_copy, none)
