"""Summaries of the log: counts, intervals, days and versions are those of the rows."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.evaluation.intervals import wilson_interval
from core.monitoring.feedback import give_feedback
from core.monitoring.log import (
    RUNS,
    count_classes,
    keep_newest,
    log_predictions,
    read_predictions,
    summarise,
    summarise_days,
)
from core.workspace import Workspace
from tests.predictions import make_prediction

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)


def fill(workspace: Workspace) -> None:
    """24 answers on two days, of v1 and of a run; every fourth unlike; four with feedback."""
    rows = [
        make_prediction(
            number,
            time=MIDNIGHT + timedelta(hours=2 * number),
            version=1 if number < 18 else None,
            kind="unlike" if number % 4 == 0 else "answer",
            latency_ms=float(number),
            top=("daisy", "rose", "daisy")[number % 3],
            top_score=number / 24,
        )
        for number in range(24)
    ]
    log_predictions(workspace, rows)
    for number, name in ((1, "rose"), (2, "daisy"), (3, "tulip"), (20, "daisy")):
        give_feedback(workspace, f"prediction-{number}", class_name=name)


def test_figures_over_all(workspace: Workspace) -> None:
    fill(workspace)
    found = summarise(read_predictions(workspace))
    assert (found.n, found.photos) == (24, 24)
    assert found.slow_latency.value == pytest.approx(21.85)
    assert (found.unknown.value, found.unknown.n) == (0.25, 24)
    assert (found.unknown.low, found.unknown.high) == wilson_interval(6, 24)
    assert (found.accuracy.value, found.accuracy.n) == (0.75, 4)


def test_a_photo_that_is_asked_about_again_and_again_counts_once(workspace: Workspace) -> None:
    fill(workspace)
    for number in range(24, 64):  # of which nobody knows what it is, but the last says more
        kind = "unlike" if number < 63 else "answer"
        time = MIDNIGHT + timedelta(minutes=number)
        row = make_prediction(number, b"the same", version=1, kind=kind, time=time)
        log_predictions(workspace, [row])
    table = read_predictions(workspace)
    found = summarise(table)
    assert (found.n, found.photos, found.slow_latency.n) == (64, 25, 64)
    assert (found.unknown.value, found.unknown.n) == (6 / 25, 25)
    first = summarise_days(table).iloc[0]
    assert (first["photos"], first["different"]) == (52, 13)
    newest = keep_newest(table)
    assert newest["time"].is_monotonic_increasing and newest["photo"].is_unique


def test_an_empty_log_has_no_figures(workspace: Workspace) -> None:
    found = summarise(read_predictions(workspace))
    assert found.n == 0
    assert np.isnan(found.unknown.value) and np.isnan(found.slow_latency.value)
    assert summarise_days(read_predictions(workspace)).empty


def test_days_and_versions_are_apart(workspace: Workspace) -> None:
    fill(workspace)
    rows = summarise_days(read_predictions(workspace))
    assert rows[["version", "photos", "judged"]].to_numpy().tolist() == [
        ["v1", 12, 3],
        [RUNS, 6, 1],
        ["v1", 6, 0],
    ]
    assert rows["time"].dt.strftime("%d").tolist() == ["20", "21", "21"]
    first = rows.iloc[0]
    assert first["accuracy"] == pytest.approx(2 / 3)
    assert (first["accuracy_low"], first["accuracy_high"]) == wilson_interval(2, 3)


def test_classes_with_and_without_a_reference(workspace: Workspace) -> None:
    fill(workspace)
    table = read_predictions(workspace)
    rows = count_classes(table, ["rose", "tulip"], np.array([0, 0, 1, 1]))
    assert rows["class"].tolist() == ["daisy", "rose", "tulip"]  # of another model, too
    assert rows["photos"].tolist() == [16, 8, 0]
    assert rows["before"].tolist() == [0, 0.5, 0.5]
    assert rows["now"].sum() == 1
    assert count_classes(table, ["rose"], None)["before"].isna().all()
