"""Drift of a version: from its log to words, with the photos that drive it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.errors import VersionDamaged
from core.monitoring import drift as drifting
from core.monitoring.drift import describe_drift, describe_photo, find_drift
from core.prediction.rules import read_distances
from core.registry.files import MEASURED
from core.runs.result import read_result, read_run_features
from core.workspace import Workspace
from data.manifest import read_dataset
from tests.asking import ask
from tests.registered import change_byte, register_versions, version_file
from tests.retraining import let_first_run_answer


def test_the_reference_is_validation_photos(
    trained_copy: Workspace,
) -> None:
    version = let_first_run_answer(trained_copy)
    reference = find_drift(trained_copy, version).reference
    dataset = read_dataset(trained_copy, version.dataset_id)
    result = read_result(trained_copy, version.run_id)
    photos = result.photo_numbers("validation")
    rows = dataset.manifest.iloc[photos]
    np.testing.assert_allclose(reference.properties, rows[list(MEASURED)])
    assert (reference.groups == result.scores[photos].argmax(axis=1)).all()
    model, _ = read_distances(trained_copy, version.run_id, result)
    validation = read_run_features(trained_copy, result)[photos]
    np.testing.assert_allclose(reference.components[:, 0], model.measure(validation), rtol=0.01)


def test_few_unchanged_and_darker_photos_in_words(trained_copy: Workspace) -> None:
    version = let_first_run_answer(trained_copy)
    now = datetime.now(UTC)
    ask(trained_copy, version, 49, until=now - timedelta(days=5))
    few = find_drift(trained_copy, version)
    assert few.drift is None
    assert describe_drift(few) == ["Too few different photos: 49 of at least 50."]
    ask(trained_copy, version, 11, first=49, until=now - timedelta(days=5))
    ask(trained_copy, version, 60, first=100, darker=0.1, until=now)
    before = find_drift(trained_copy, version, until=now - timedelta(days=4))
    assert describe_drift(before)[0].startswith("No significant change in the newest 60 photos")
    since = find_drift(trained_copy, version, since=now - timedelta(days=1))
    assert since.drift is not None and since.drift.proven == ["properties"]
    lines = describe_drift(since)
    assert any(line.startswith("The photos are darker: median brightness") for line in lines)
    assert "darker (brightness" in describe_photo(since, 0)
    (other,) = register_versions(trained_copy, 1)
    assert len(find_drift(trained_copy, other).photos) == 0, "answers of other versions"
    change_byte(version_file(trained_copy, version, "unlike"))
    with pytest.raises(VersionDamaged):
        find_drift(trained_copy, version)


def test_the_photos_that_changed_drive_it(trained_copy: Workspace) -> None:
    version = let_first_run_answer(trained_copy)
    ask(trained_copy, version, 8)
    dark = ask(trained_copy, version, 80, first=100, darker=0.1)
    first = find_drift(trained_copy, version).photos["id"].head(60)
    assert set(first) <= {row["id"] for row in dark}


def test_only_the_newest_photos_are_compared(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drifting, "MOST_PHOTOS", 55)
    version = let_first_run_answer(trained_copy)
    ask(trained_copy, version, 60, darker=0.1, until=datetime.now(UTC) - timedelta(days=1))
    ask(trained_copy, version, 55, first=100)
    found = find_drift(trained_copy, version)
    assert found.drift is not None
    assert (found.drift.n, found.drift.proven) == (55, [])
