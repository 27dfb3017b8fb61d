"""Which backbone is best: measured once on training photos alone, the same in page and command."""

import json

import numpy as np
import pytest

from core.cli.entry import main
from core.datasets.quality.store import find_feature_sets
from core.errors import FeaturesMissing, RunStopped
from core.exact.backbones import (
    choose_photos,
    make_contest,
    read_contest,
    read_contest_job,
    start_contest,
    stop_contest,
)
from core.exact.contest import Contest, Measured, Subject
from core.runs.training.donors import find_donors
from core.runs.training.preparing import (
    Preparation,
    delete_features,
    expect_precisions,
    prepare_features,
)
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from models.devices import find_device
from models.weights import find_weights
from tests.processes import wait_until


def _measure(name: str, right: np.ndarray) -> Measured:
    return Measured(
        subject=Subject(weights=name),
        label=name,
        right=right,
        per_second=20.0,
        seconds=1.0,
        width=2048,
        size_bytes=0,
    )


def _contest(n: int, base: str, **right: int) -> Contest:
    """Return a contest of weights that answer the first so many photos right."""
    measured = [_measure(name, np.arange(n) < first) for name, first in right.items()]
    measured.sort(key=lambda one: -one.accuracy)
    return Contest(photos=np.arange(n), of=n, measured=tuple(measured), base=base)


def test_the_sentence_says_what_the_interval_allows() -> None:
    assert Contest(photos=np.arange(9), of=9).say() == ""
    alone = _contest(1000, "a", a=900).say()
    assert alone == "a answers 90.0 % of 1,000 training photos right, each left out once."
    gains = _contest(1000, "a", a=900, b=941).say()
    assert gains.startswith("b gains 4.1 points over a (+")
    assert "not told apart" in _contest(1000, "a", a=900, b=902).say()
    assert (
        _contest(1000, "a", a=900, b=800)
        .say()
        .startswith("a, in use, is best. b, the next, loses 10.0 points (")
    )
    assert "on the same 1,000 photos" in _contest(1000, "a", a=900, b=900).say()
    assert _contest(1000, "gone", a=900, b=800).say().startswith("a answers 90.0 %")


def test_intervals_are_wider_where_more_are_compared() -> None:
    two, four = _contest(500, "a", a=400, b=430), _contest(500, "a", a=400, b=430, c=410, d=300)
    first, second = two.compare(two.measured[0]), four.compare(four.measured[0])
    assert first is not None and second is not None
    assert second.low < first.low < first.difference < first.high < second.high


class _Quiet:
    def begin_phase(self, phase: str) -> None: ...

    def tell_progress(self, done: int, total: int, **facts: float | None) -> None: ...


def _newest(workspace: Workspace) -> Dataset:
    return read_dataset(workspace, list_datasets(workspace)[-1].id)


@pytest.mark.slow
def test_the_command_measures_on_training_photos_alone(
    trained_copy: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = _newest(trained_copy)
    assert main(["weights", "compare", dataset.id, "--over", "random", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    train = dataset.photo_numbers("train")
    assert document["photos"] == document["of"] == len(train)
    rows = {row["weights"]: row for row in document["weights"]}
    assert rows.keys() == {"random", "starter"}
    assert all(row["width"] == 2048 and row["per_second"] > 0 for row in rows.values())
    contest = read_contest(trained_copy, dataset, "random", whole=True)
    assert np.array_equal(contest.photos, train) and not contest.missing
    for one in contest.measured:
        assert one.accuracy == rows[one.subject.weights]["accuracy"]
    assert main(["weights", "compare", dataset.id, "--over", "random"]) == 0
    assert "each left out once" in capsys.readouterr().out


@pytest.mark.slow
def test_features_of_some_photos_are_copied_into_those_of_all(trained_copy: Workspace) -> None:
    dataset, weights = _newest(trained_copy), find_weights(trained_copy, "random")
    by = Preparation(workspace=trained_copy, device=find_device(), listener=_Quiet())
    known = np.array(prepare_features(by, dataset, weights, "resnet").values)
    delete_features(trained_copy, dataset.id)
    photos = np.array([3, 7, 20])
    some = Preparation(
        workspace=trained_copy, device=find_device(), listener=_Quiet(), photos=photos
    )
    made = prepare_features(some, dataset, weights, "resnet")
    assert np.array_equal(made.values, known[photos])
    assert not find_feature_sets(trained_copy, dataset.id)  # they are not those of the dataset
    (precision, *_) = expect_precisions(by, made.backbone_id)
    donors = find_donors(trained_copy, dataset, made.backbone_id, precision)
    assert np.flatnonzero(donors.source >= 0).tolist() == photos.tolist()
    assert np.array_equal(prepare_features(by, dataset, weights, "resnet").values, known)


@pytest.mark.slow
def test_a_job_measures_what_is_missing_and_can_be_stopped(trained_copy: Workspace) -> None:
    dataset = _newest(trained_copy)
    subjects = [Subject(weights="random")]
    start_contest(trained_copy, dataset, subjects, whole=True)
    wait_until(
        lambda: (job := read_contest_job(trained_copy, dataset)) and job.state != "going",
        "the backbones are measured",
    )
    job = read_contest_job(trained_copy, dataset)
    assert job is not None and job.result == {"stopped": False}, job
    assert read_contest(trained_copy, dataset, "random", whole=True).measured
    told: list[str] = []
    say = lambda phase, *_: told.append(phase)  # noqa: E731
    make_contest(trained_copy, dataset, subjects, say, whole=True)
    assert not told  # it is kept
    stop_contest(trained_copy, dataset)
    delete_features(trained_copy, dataset.id)
    for kept in trained_copy.analyses.glob("*/result/facts.json"):
        kept.unlink()
    with pytest.raises(RunStopped):
        make_contest(trained_copy, dataset, subjects, lambda *_: None, whole=True)
    assert read_contest(trained_copy, dataset, "random", whole=True).missing


def test_a_first_look_takes_photos_of_each_class(trained_copy: Workspace) -> None:
    dataset = _newest(trained_copy)
    train = dataset.photo_numbers("train")
    assert np.array_equal(choose_photos(dataset, whole=False), train)
    dataset.manifest["split"] = "test"
    dataset.__dict__.pop("splits", None)
    with pytest.raises(FeaturesMissing, match="two classes"):
        choose_photos(dataset, whole=True)
