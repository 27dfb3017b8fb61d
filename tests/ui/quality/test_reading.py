"""What the quality page has read, without drawing it: counts, thresholds, pairs and the tray."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from core.datasets.edits.tray import add_edits
from core.ui.quality.pairs import move_copies
from core.ui.quality.reading import FINDINGS, LeakEffect, QualityPage, measure_balance
from core.workspace import Workspace
from data.dataset import Dataset
from data.findings import MEASURED
from data.importing import import_source
from tests.faults import write_faults, write_sound


@pytest.fixture
def faulty(workspace: Workspace, tmp_path: Path) -> Dataset:
    return import_source(workspace, write_faults(tmp_path / "flowers"))


def read(dataset: Dataset, finding: str) -> QualityPage:
    thresholds = {issue: measured.threshold for issue, measured in MEASURED.items()}
    return QualityPage(dataset, finding, None, thresholds)


def test_planted_faults_are_counted(faulty: Dataset) -> None:
    counts = read(faulty, "exact").counts
    assert (counts["exact"], counts["across"], counts["leak"], counts["dark"]) == (2, 1, 1, 1)
    assert counts["unreadable"] == len(faulty.set_aside) == 1
    assert counts["suspect"] is counts["outlier"] is None


def test_metrics_without_the_leaking_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = np.array(["train", "train", "test", "test", "test"])
    result = SimpleNamespace(
        splits=splits,
        scores=np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3], [0.8, 0.2]]),
        labels=np.array([0, 1, 1, 0, 0]),
        classes=("a", "b"),
        photo_numbers=lambda split: np.flatnonzero(splits == split),
    )
    monkeypatch.setattr(LeakEffect, "result", result)
    pairs = pd.DataFrame({"a": [0, 3], "b": [2, 4]})
    effect = LeakEffect(run=None, split="test", runs={}, sealed=False, pairs=pairs)  # type: ignore[arg-type]
    before, after = effect.compare()
    assert (before.n, before.accuracy, after.n, after.accuracy) == (3, 2 / 3, 2, 1.0)


def test_nothing_is_found_among_sound_photos(workspace: Workspace, tmp_path: Path) -> None:
    sound = import_source(workspace, write_sound(tmp_path / "flowers"))
    counts = read(sound, "exact").counts
    assert list(counts) == list(FINDINGS)
    assert not any(counts.values())


def test_a_lower_bar_flags_more_photos_the_worst_first(faulty: Dataset) -> None:
    page = replace(read(faulty, "dark"), thresholds=dict.fromkeys(MEASURED, 0.5))
    flagged = page.find_flagged("dark")
    assert page.counts["dark"] == len(flagged) > 1
    assert faulty.manifest["brightness"].iloc[flagged].is_monotonic_increasing


def test_an_exclusion_settles_every_pair_and_a_move_those_of_the_leak(
    workspace: Workspace, faulty: Dataset
) -> None:
    before = read(faulty, "leak")
    (pair,) = [pair for _, pair in before.pairs.iterrows()]
    assert {pair["split_a"], pair["split_b"]} == {"train", "test"}
    assert not before.settles(pair)
    move_copies(faulty, before.pairs)
    moved = read(faulty, "leak")
    assert moved.settles(pair)
    assert not read(faulty, "exact").settles(pair)
    twin = int(pair["a"] if pair["split_a"] == "test" else pair["b"])
    assert moved.say_change(twin) == "moved to train"
    add_edits(workspace, faulty, [twin], "exclude")
    assert read(faulty, "exact").settles(pair)


def test_balance_is_measured_in_equal_classes() -> None:
    ratio, effective = measure_balance(pd.Series({"a": 10, "b": 10, "c": 0}))
    assert ratio == 1
    assert effective == pytest.approx(2)
    ratio, effective = measure_balance(pd.Series({"a": 90, "b": 10}))
    assert ratio == 9
    assert effective == pytest.approx(1.384, abs=1e-3)
