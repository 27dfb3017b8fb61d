"""The learning curve of an exact head: measured once, and not without photos that judge it."""

from dataclasses import replace

import pytest

from core.errors import FeaturesMissing
from core.exact.store import (
    HeadSource,
    find_judged_source,
    prepare_curve,
    prepare_head,
    read_forecast,
)
from core.workspace import Workspace
from data.manifest import list_datasets, read_dataset


@pytest.fixture
def source(trained_copy: Workspace) -> HeadSource:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    return find_judged_source(trained_copy, dataset)


def test_a_curve_is_measured_once(trained_copy: Workspace, source: HeadSource) -> None:
    assert read_forecast(trained_copy, source) is None
    prepare_curve(trained_copy, source, lambda *_: None)
    found = read_forecast(trained_copy, source)
    assert found is not None
    head = prepare_head(trained_copy, source)
    judged = source.dataset.photo_numbers("validation")
    right = head.outputs[judged].argmax(axis=1) == head.labels[judged]
    assert found.curve.means[-1] == pytest.approx(right.mean())
    assert found.curve.judged == len(judged) and found.photos == len(head.train)
    reported: list[object] = []
    prepare_curve(trained_copy, source, lambda *facts: reported.append(facts))
    assert not reported


def test_without_validation_photos_the_error_says_so(
    trained_copy: Workspace, source: HeadSource
) -> None:
    manifest = source.dataset.manifest.assign(split="train")
    with pytest.raises(FeaturesMissing, match="no validation photos"):
        find_judged_source(trained_copy, replace(source.dataset, manifest=manifest))
