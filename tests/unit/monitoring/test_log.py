"""The prediction log on each database: what goes in comes out, is exported, and is deleted."""

import csv
import io
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import numpy as np
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from core.errors import PetalscopeError
from core.evaluation.intervals import wilson_interval
from core.monitoring.feedback import give_feedback, list_feedback, review_feedback
from core.monitoring.kept_photos import Photo, find_kept, keep_photo
from core.monitoring.log import (
    PROPERTIES,
    RUNS,
    count_classes,
    count_predictions,
    delete_predictions,
    describe_prediction,
    keep_newest,
    log_predictions,
    read_features,
    read_predictions,
    read_scores,
    summarise,
    summarise_days,
    write_csv,
)
from core.monitoring.tables import feedback_table
from core.prediction.predictor import open_predictor
from core.runs.database import read_database, write_database
from core.runs.store import list_runs
from core.workspace import Workspace
from data.findings import measure_photo
from tests.builders import draw_photo, encode_photo
from tests.predictions import NOON, make_prediction

PHOTO = encode_photo(draw_photo(0, 90))


def read_ids(workspace: Workspace) -> list[str]:
    return read_predictions(workspace)["id"].tolist()


def test_what_goes_in_comes_out(workspace: Workspace) -> None:
    rows = [make_prediction(0), make_prediction(1, version=3, kind="unlike", source="api")]
    log_predictions(workspace, rows)
    table = read_predictions(workspace)
    assert table["time"].tolist() == [row["time"] for row in rows]
    for column in ("id", "run_id", "photo", "top", "top_score", "kind", "latency_ms", "source"):
        assert table[column].tolist() == [row[column] for row in rows]
    assert table["version"].isna().tolist() == [True, False] and table["version"].iat[1] == 3
    assert table[list(PROPERTIES)].iloc[0].to_dict() == rows[0]["properties"]
    assert table[["was_right", "class_name", "feedback"]].isna().all(axis=None)
    ids = [row["id"] for row in rows[::-1]]
    features, scores = read_features(workspace, ids), read_scores(workspace, ids)
    assert features.dtype == np.float16
    assert np.array_equal(features[1], rows[0]["features"].astype(np.float16))
    assert np.array_equal(scores[0], rows[1]["scores"])


def test_an_empty_log_has_the_same_columns_and_rows_are_written_together(
    workspace: Workspace,
) -> None:
    empty = read_predictions(workspace)
    log_predictions(workspace, [])
    log_predictions(workspace, [make_prediction(0)])
    with pytest.raises(IntegrityError):
        log_predictions(workspace, [make_prediction(1), make_prediction(0)])
    assert read_ids(workspace) == ["prediction-0"]
    filled = read_predictions(workspace)
    assert len(empty) == 0 and empty.dtypes.equals(filled.dtypes)
    assert len(read_features(workspace, [])) == 0


def test_times_and_versions_choose(workspace: Workspace) -> None:
    rows = [make_prediction(n, version=n % 2) for n in range(5)]
    log_predictions(workspace, rows)

    def read(**conditions: object) -> list[int]:
        ids = read_predictions(workspace, **conditions)["id"]  # type: ignore[arg-type]
        return [int(name.removeprefix("prediction-")) for name in ids]

    assert read(since=NOON + timedelta(hours=2)) == [2, 3, 4]
    assert read(until=NOON + timedelta(hours=2)) == [0, 1]
    assert read(versions=[1]) == [1, 3] and read(versions=[]) == []
    assert read(versions=[0], limit=2) == [2, 4]


def test_arrays_of_a_deleted_prediction_are_missed_aloud(workspace: Workspace) -> None:
    log_predictions(workspace, [make_prediction(n) for n in range(700)])
    ids = [f"prediction-{n}" for n in range(700)]
    assert len(read_scores(workspace, ids)) == 700
    assert delete_predictions(workspace, ids=ids[:600]) == 600
    with pytest.raises(PetalscopeError, match="600 of 700"):
        read_features(workspace, ids)


def test_feedback_stands_beside_its_prediction(workspace: Workspace) -> None:
    log_predictions(workspace, [make_prediction(n) for n in range(4)])
    told = [
        give_feedback(workspace, f"prediction-{n}", class_name=name)
        for n, name in enumerate(("daisy", "rose", "tulip"))
    ]
    review_feedback(workspace, [told[1].number], "relabel", class_name="daisy")
    review_feedback(workspace, [told[2].number], "discard")
    table = read_predictions(workspace)
    assert table["was_right"].tolist()[:2] == [True, True]  # the reviewer's word counts
    assert table["class_name"].tolist()[:2] == ["daisy", "daisy"]
    assert table["feedback"].tolist()[:2] == ["waiting", "relabelled"]
    assert table.loc[2:, ["was_right", "class_name", "feedback"]].isna().all(axis=None)


def test_a_spreadsheet_runs_nothing_of_the_csv(workspace: Workspace) -> None:
    log_predictions(workspace, [make_prediction(0, top="=1+1", visitor="@me"), make_prediction(1)])
    give_feedback(workspace, "prediction-0", class_name="-2+3")
    stream = io.StringIO(newline="")
    write_csv(read_predictions(workspace), stream)
    stream.seek(0)
    first, second = csv.DictReader(stream)
    assert (first["top"], first["visitor"], first["feedback_class"]) == ("'=1+1", "'@me", "'-2+3")
    assert (first["was_right"], second["was_right"], second["version"]) == ("False", "", "")
    assert first["time"] == "2026-11-20T12:00:00+00:00" and first["width"] == "640"
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in first.values())


def test_deleting_takes_feedback_and_kept_photo_along(workspace: Workspace) -> None:
    rows = [make_prediction(n, PHOTO, visitor=f"visitor {n}") for n in range(2)]
    log_predictions(workspace, rows)
    for row in rows:
        give_feedback(workspace, row["id"], class_name="rose", photo=PHOTO)
    digest = sha256(PHOTO).hexdigest()
    assert delete_predictions(workspace, visitor="visitor 0") == 1
    assert find_kept(workspace, [digest]), "another visitor asked about the same photo"
    assert [one.prediction for one in list_feedback(workspace)] == ["prediction-1"]
    assert count_predictions(workspace, photo=digest) == 1
    assert delete_predictions(workspace, photo=digest) == 1
    assert not find_kept(workspace, [digest])
    assert read_ids(workspace) == [] and list_feedback(workspace) == []
    assert delete_predictions(workspace, photo=digest) == 0


def test_of_what_stands_in_a_dataset_nobody_is_told_any_more(workspace: Workspace) -> None:
    rows = [make_prediction(n, PHOTO + bytes([n]), visitor="ann") for n in range(2)]
    log_predictions(workspace, rows)
    table = feedback_table
    for row, left_out in zip(rows, ("", "A test photo of this dataset."), strict=True):
        told = give_feedback(workspace, row["id"], class_name="rose", who="ann", note="home")
        with write_database(workspace) as connection:
            values = {"state": "accepted", "dataset": "d" * 16, "left_out": left_out}
            which = table.c.number == told.number
            connection.execute(update(table).where(which).values(values))
    assert delete_predictions(workspace, visitor="ann") == 2
    with read_database(workspace) as connection:
        left = connection.execute(select(table.c.dataset, table.c.who, table.c.note)).all()
    assert [tuple(row) for row in left] == [("d" * 16, "", "")]


def test_what_is_old_can_be_deleted_and_nothing_by_no_condition(workspace: Workspace) -> None:
    log_predictions(workspace, [make_prediction(n) for n in range(3)])
    assert delete_predictions(workspace, until=NOON + timedelta(hours=2)) == 2
    assert delete_predictions(workspace, ids=[]) == 0
    with pytest.raises(ValueError, match="say which"):
        delete_predictions(workspace)
    assert read_ids(workspace) == ["prediction-2"]
    assert count_predictions(workspace) == 1


def test_an_answer_of_a_real_model_is_described(trained_copy: Workspace) -> None:
    predictor = open_predictor(trained_copy, list_runs(trained_copy)[-1].id)
    answer = predictor.predict(PHOTO)
    row = describe_prediction(answer, Photo(PHOTO), source="cli", latency_ms=12.5, visitor="me")
    log_predictions(trained_copy, [row])
    [logged] = read_predictions(trained_copy).to_dict("records")
    assert (logged["photo"], logged["top"]) == (sha256(PHOTO).hexdigest(), answer.top[0][0])
    assert logged["top_score"] == pytest.approx(answer.top[0][1])
    assert (logged["width"], logged["height"], logged["format"]) == (96, 80, "JPEG")
    measured = measure_photo(answer.photo)
    assert logged["brightness"] == pytest.approx(measured["brightness"], abs=1e-5)
    assert logged["sharpness"] == pytest.approx(measured["sharpness"], abs=1e-5)
    kept = read_features(trained_copy, [row["id"]])[0]
    assert np.allclose(kept, answer.features, rtol=1e-3, atol=1e-4)
    keep_photo(trained_copy, Photo(PHOTO))
    assert not trained_copy.kept_photos.exists(), "photos are kept where a setting says so"


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
