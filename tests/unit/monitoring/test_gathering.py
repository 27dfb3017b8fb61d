"""Reviewed photos become a version: never a copy of a test photo, each once, each with a reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from core.errors import FeedbackRefused
from core.monitoring.feedback import count_feedback, list_feedback, review_feedback
from core.monitoring.gathering import (
    find_reviewed_dataset,
    list_reviewed,
    make_reviewed_version,
    plan_reviewed,
)
from core.monitoring.kept_photos import find_kept, sweep_kept_photos
from core.monitoring.log import delete_predictions
from core.registry.events import list_events
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.result import read_result, read_run_features
from core.runs.store import list_runs
from core.workspace import Workspace
from data.additions import add_photos
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import list_datasets, read_dataset
from tests.builders import draw_photo, encode_photo, write_class_folders
from tests.predictions import ask_and_tell, read_feedback


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Classes daisy, rose, tulip; 36 photos in three splits."""
    folder = write_class_folders(tmp_path / "photos", photos_per_class=12)
    return import_source(workspace, folder, name="garden")


def accept(workspace: Workspace, *photos: tuple[bytes, str], run_id: str = "f" * 16) -> list[int]:
    """Return the numbers of accepted feedback: each photo is said to be of a class."""
    first = len(list_feedback(workspace))
    numbers = [
        ask_and_tell(workspace, first + place, content, name, run_id=run_id).number
        for place, (content, name) in enumerate(photos)
    ]
    review_feedback(workspace, numbers, "accept", reviewer="her")
    return numbers


def draw(number: int) -> bytes:
    """Return the bytes of a photo that no dataset here has."""
    return encode_photo(draw_photo(number % 3, 200 + number).rotate(30 + 7 * number), quality=90)


def find_photo(dataset: Dataset, split: str) -> int:
    return int(dataset.photo_numbers(split)[0])


def test_photos_of_a_model_of_other_things_that_is_gone_stay_out(
    workspace: Workspace, dataset: Dataset
) -> None:
    dog = ask_and_tell(workspace, 0, draw(0), "poodle", top="labrador", run_id="e" * 16)
    review_feedback(workspace, [dog.number], "accept")
    assert list_reviewed(workspace, dataset.id) == []
    [mine] = accept(workspace, (draw(1), "aster"))
    assert [one.number for one in list_reviewed(workspace, dataset.id)] == [mine]


def test_reviewed_photos_become_train_photos(workspace: Workspace, dataset: Dataset) -> None:
    numbers = accept(workspace, (draw(0), "rose"), (draw(1), "Tulip"), (draw(2), "aster"))
    review_feedback(workspace, numbers[:1], "relabel", class_name="daisy")
    plan = plan_reviewed(workspace, dataset)
    assert len(plan.added) == 3 and plan.new_classes == ("aster",) and not plan.left_out
    made = make_reviewed_version(workspace, dataset.id, who="her")
    new = made.manifest.iloc[36:]
    assert sorted(new["class"]) == ["aster", "daisy", "tulip"], "spelt as the dataset spells it"
    assert set(new["split"]) == {"train"} and all(new["path"].str.endswith(".jpg"))
    for split in ("validation", "test"):
        before, after = (set(d.manifest["sha256"][d.splits == split]) for d in (dataset, made))
        assert before == after
    assert [one.dataset for one in read_feedback(workspace, numbers)] == [made.id] * 3
    assert count_feedback(workspace)["used"] == 3
    [event] = list_events(workspace)
    assert (event.kind, event.who, event.facts["added"]) == ("reviewed", "her", 3)
    with pytest.raises(FeedbackRefused, match="no reviewed photos"):
        make_reviewed_version(workspace, made.id)
    photos = [one.photo for one in read_feedback(workspace, numbers)]
    assert len(find_kept(workspace, photos)) == 3
    sweep_kept_photos(workspace)
    assert not find_kept(workspace, photos), "the dataset has them; consent ends here"
    ids = [one.prediction for one in read_feedback(workspace, numbers)]
    assert delete_predictions(workspace, ids=ids) == 3
    whole = read_dataset(workspace, made.id)
    assert {whole.original(36 + n) for n in range(3)} == {draw(n) for n in range(3)}


def test_copies_of_what_tests_the_model_are_left_out(
    workspace: Workspace, dataset: Dataset
) -> None:
    photos = {split: find_photo(dataset, split) for split in ("test", "validation", "train")}
    pixels = encode_photo(Image.fromarray(dataset.photos[photos["test"]]), "PNG")
    retouched = np.clip(dataset.photos[photos["validation"]].astype(int) + 12, 0, 255)
    near = encode_photo(Image.fromarray(retouched.astype(np.uint8)), quality=85)
    own = dataset.classes[dataset.labels[photos["train"]]]
    numbers = accept(
        workspace,
        *((dataset.original(photos["test"]), "rose"), (pixels, "rose"), (near, "rose")),
        *((dataset.original(photos["train"]), "aster"), (draw(0), "rose")),
    )
    plan = plan_reviewed(workspace, dataset)
    reasons = {one.feedback[0].number: (one.left_out, one.copy_of) for one in plan.left_out}
    for number, split, word in (
        (numbers[0], "test", "Copy of a test photo"),
        (numbers[1], "test", "Copy of a test photo"),
        (numbers[2], "validation", "Near-duplicate of a validation photo"),
        (numbers[3], "train", f"Already a training photo, labelled “{own}”"),
    ):
        assert word in reasons[number][0] and reasons[number][1] == photos[split]
    made = make_reviewed_version(workspace, dataset.id)
    assert len(made) == 37
    told = {one.number: one for one in list_feedback(workspace, state="used")}
    assert [told[number].left_out != "" for number in numbers] == [True] * 4 + [False]
    assert not list_reviewed(workspace, made.id), "none of them is met again"


def test_a_cropped_and_a_mirrored_test_photo_are_found_by_their_features(
    trained_copy: Workspace,
) -> None:
    run = list_runs(trained_copy)[-1]
    result = read_result(trained_copy, run.id)
    dataset = read_dataset(trained_copy, result.dataset_id)
    number = find_photo(dataset, "test")
    feature = np.asarray(read_run_features(trained_copy, result)[number])
    photo = Image.fromarray(dataset.photos[number])
    crop = photo.crop((20, 20, 204, 204))
    for place, changed in enumerate((crop, ImageOps.mirror(photo))):
        content, row = encode_photo(changed, quality=88), {"features": feature, "run_id": run.id}
        said = ask_and_tell(trained_copy, place, content, dataset.classes[0], **row)
        review_feedback(trained_copy, [said.number], "accept", reviewer="her")
    plan = plan_reviewed(trained_copy, dataset)
    assert not plan.added and {one.copy_of for one in plan.left_out} == {number}
    assert all("Near-duplicate of a test photo" in one.left_out for one in plan.left_out)


def test_what_cannot_be_learnt_from_is_said_and_put_aside(
    workspace: Workspace, dataset: Dataset
) -> None:
    numbers = accept(workspace, (draw(0), "rose"), (b"no photo at all", "rose"), (draw(1), "rose"))
    lost, _, altered = read_feedback(workspace, numbers)
    workspace.kept_photo_file(lost.photo).unlink()
    workspace.kept_photo_file(altered.photo).write_bytes(draw(2))
    with pytest.raises(FeedbackRefused, match="None of 3 reviewed photos can be added"):
        make_reviewed_version(workspace, dataset.id)
    lost, unreadable, altered = read_feedback(workspace, numbers)
    assert altered.left_out == "Its stored file was altered."
    assert "not stored" in lost.left_out and "Unsupported file format" in unreadable.left_out
    assert len(list_datasets(workspace)) == 1
    with pytest.raises(FeedbackRefused, match="no reviewed photos"):
        make_reviewed_version(workspace, dataset.id)


def test_a_photo_counts_once_by_its_last_review(workspace: Workspace, dataset: Dataset) -> None:
    accept(workspace, (draw(0), "rose"), (draw(0), "tulip"), (draw(0), "tulip"))
    plan = plan_reviewed(workspace, dataset)
    assert [(len(one.feedback), one.class_name) for one in plan.added] == [(2, "tulip")]
    assert [one.left_out for one in plan.left_out] == [
        "A later review of the same photo says “tulip”."
    ]
    assert len(make_reviewed_version(workspace, dataset.id)) == 37


def test_what_is_reviewed_anew_while_a_version_is_made_stays_open(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = accept(workspace, (draw(0), "rose"), (draw(1), "rose"))

    def add_slowly(*given: Any, **named: Any) -> Dataset:
        review_feedback(workspace, [first], "relabel", class_name="tulip")
        return add_photos(*given, **named)

    monkeypatch.setattr("core.monitoring.gathering.add_photos", add_slowly)
    made = make_reviewed_version(workspace, dataset.id)
    [again] = list_reviewed(workspace, made.id)
    assert (again.number, again.final_class) == (first, "tulip")
    assert read_feedback(workspace, [second])[0].dataset == made.id
    [told] = plan_reviewed(workspace, made).left_out
    assert "labelled “rose”" in told.left_out, "the reviewer learns what became of it"


def test_feedback_on_other_datasets_models_stays_out(
    workspace: Workspace, dataset: Dataset, tmp_path: Path
) -> None:
    others = write_class_folders(tmp_path / "others", ("oak", "pine"), first=50)
    other = import_source(workspace, others)
    runs = [
        submit_run(workspace, Recipe(dataset=one.id, weights_digest="d" * 64))[0]
        for one in (dataset, other)
    ]
    mine = accept(workspace, (draw(0), "rose"), run_id=runs[0].id)
    theirs = accept(workspace, (draw(1), "oak"), run_id=runs[1].id)
    assert [one.number for one in list_reviewed(workspace, dataset.id)] == mine
    made = make_reviewed_version(workspace, dataset.id)
    assert [one.number for one in list_reviewed(workspace, other.id)] == theirs
    more = accept(workspace, (draw(2), "rose"), run_id=runs[0].id)
    assert [one.number for one in list_reviewed(workspace, made.id)] == more


def test_the_newest_version_of_the_trained_dataset_is_suggested(trained_copy: Workspace) -> None:
    [original] = list_datasets(trained_copy)
    assert find_reviewed_dataset(trained_copy) == original.id
    accept(trained_copy, (draw(0), "rose"))
    made = make_reviewed_version(trained_copy, original.id)
    assert find_reviewed_dataset(trained_copy) == made.id
