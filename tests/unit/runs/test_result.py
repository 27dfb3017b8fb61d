"""What is derived from a run is computed once, and again when it must be."""

import shutil
import threading
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from core.errors import BadIdentifier, FeaturesMissing, ResultDamaged, RunMissing, RunUnfinished
from core.runs.queue.queue import delete_run, submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.result import check_order, keep_arrays, read_result, read_run_features
from core.runs.store import list_runs, read_openings, record_opening
from core.workspace import Workspace
from data.manifest import read_dataset


class Counted:
    """Makes arrays and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> dict[str, np.ndarray]:
        self.times += 1
        return {"values": np.arange(5.0), "names": np.array(["a", "bc"])}


def test_large_arrays_are_mapped(trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run = list_runs(trained_copy)[0].id
    read = read_result(trained_copy, run)
    monkeypatch.setattr("core.runs.result._MAPPED_FROM", 1)
    mapped = read_result(trained_copy, run)
    assert mapped.scores.base is not None and not mapped.scores.flags.writeable
    for name in ("scores", "labels", "splits", "paths"):
        np.testing.assert_array_equal(getattr(mapped, name), getattr(read, name))


def test_of_very_many_photos_some_are_drawn(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = read_result(trained_copy, list_runs(trained_copy)[0].id)
    everything = result.photo_numbers("train")
    assert np.array_equal(result.draw_photos("train"), everything)
    monkeypatch.setattr("core.runs.result.MOST_JUDGED", 10)
    drawn = result.draw_photos("train")
    assert len(drawn) == 10 and np.isin(drawn, everything).all() and (np.diff(drawn) > 0).all()
    assert np.array_equal(drawn, result.draw_photos("train"))
    assert len(result.draw_photos("train", 3)) == 3


def test_it_is_computed_once_and_again_when_it_differs(trained_copy: Workspace) -> None:
    run, make = list_runs(trained_copy)[0].id, Counted()
    first = keep_arrays(trained_copy, run, "some-thing", {"version": 1}, make)
    again = keep_arrays(trained_copy, run, "some-thing", {"version": 1}, make)
    assert make.times == 1
    assert all(np.array_equal(first[name], again[name]) for name in ("values", "names"))
    keep_arrays(trained_copy, run, "some", {"version": 1}, make)
    keep_arrays(trained_copy, run, "some-thing", {"version": 2}, make)
    assert make.times == 3
    kept = sorted(path.name for path in (trained_copy.run_folder(run) / "derived").iterdir())
    assert [name.rsplit("-", 1)[0] for name in kept] == ["some", "some-thing"]


def test_a_damaged_file_is_made_again(trained_copy: Workspace) -> None:
    run, make = list_runs(trained_copy)[0].id, Counted()
    keep_arrays(trained_copy, run, "some", {}, make)
    (file,) = (trained_copy.run_folder(run) / "derived").iterdir()
    content = bytearray(file.read_bytes())
    content[90] ^= 0xFF  # in the values of the first array
    for damaged in (bytes(content), file.read_bytes()[:40], b""):
        file.write_bytes(damaged)
        assert keep_arrays(trained_copy, run, "some", {}, make)["values"].tolist() == [
            0,
            1,
            2,
            3,
            4,
        ]
    assert make.times >= 3


def test_a_run_without_result_has_nothing_derived(workspace: Workspace) -> None:
    with pytest.raises(RunUnfinished):
        keep_arrays(workspace, "0123456789abcdef", "some", {}, Counted())


def test_photos_are_matched_by_identity(trained_copy: Workspace) -> None:
    result = read_result(trained_copy, list_runs(trained_copy)[0].id)
    dataset = read_dataset(trained_copy, result.dataset_id)
    check_order(result, dataset)
    assert len(read_run_features(trained_copy, result)) == len(dataset)
    swapped = result.paths.copy()
    swapped[[0, 1]] = swapped[[1, 0]]
    for change in ({"paths": swapped}, {"labels": result.labels[::-1]}, {"dataset_id": "other"}):
        with pytest.raises(ResultDamaged):
            check_order(replace(result, **change), dataset)


def test_features_that_are_gone_say_so(trained_copy: Workspace) -> None:
    result = read_result(trained_copy, list_runs(trained_copy)[0].id)
    trained_copy.features_file(result.features_id).unlink()
    with pytest.raises(FeaturesMissing):
        read_run_features(trained_copy, result)


def test_nothing_is_left_of_a_run_that_was_deleted_meanwhile(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id

    def make() -> dict[str, np.ndarray]:
        shutil.rmtree(trained_copy.run_folder(run))
        return {"values": np.arange(3)}

    assert keep_arrays(trained_copy, run, "some", {}, make)["values"].tolist() == [0, 1, 2]
    assert not trained_copy.run_folder(run).exists()


def submit(workspace: Workspace, seed: int = 0) -> str:
    recipe = Recipe(dataset="00aa", weights_digest="00bb", seed=seed)
    return submit_run(workspace, recipe)[0].id


def test_openings_are_counted_in_order(workspace: Workspace) -> None:
    run, other = submit(workspace), submit(workspace, seed=1)
    assert read_openings(workspace, run) == []
    before = datetime.now(UTC)

    record_opening(workspace, run, "ada@example.org", "page metrics")
    openings = record_opening(workspace, run, "", "command line")

    assert openings == read_openings(workspace, run)
    assert [(one.who, one.place) for one in openings] == [
        ("ada@example.org", "page metrics"),
        ("", "command line"),
    ]
    assert before <= openings[0].opened <= openings[1].opened <= datetime.now(UTC)
    assert read_openings(workspace, other) == []


def test_a_run_that_is_not_there_is_refused(workspace: Workspace) -> None:
    with pytest.raises(RunMissing):
        record_opening(workspace, "00cc", "", "command line")
    with pytest.raises(BadIdentifier):
        read_openings(workspace, "../etc")


def test_openings_outlive_their_run(workspace: Workspace) -> None:
    run, other = submit(workspace), submit(workspace, seed=1)
    for one in (run, other):
        record_opening(workspace, one, "", "command line")

    delete_run(workspace, run)

    assert submit(workspace) == run  # the same recipe, trained again: somebody has looked
    assert len(read_openings(workspace, run)) == 1
    assert len(read_openings(workspace, other)) == 1


def test_no_opening_is_lost_when_many_look_at_once(workspace: Workspace) -> None:
    run = submit(workspace)
    lookers = [
        threading.Thread(target=record_opening, args=(workspace, run, str(number), "page metrics"))
        for number in range(8)
    ]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()
    assert sorted(one.who for one in read_openings(workspace, run)) == [str(n) for n in range(8)]
