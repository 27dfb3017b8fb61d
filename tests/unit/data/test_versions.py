"""Versions: what they share is shared safely, what differs is right, nothing half-made is left."""

import json
import resource
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.errors import DiskFull, EditRefused, ResultDamaged
from core.workspace import Workspace
from data.dataset import Dataset, identify_dataset
from data.images import PACKING
from data.importing import import_source
from data.manifest import (
    check_photos,
    compare_versions,
    hide_dataset,
    list_datasets,
    list_lineage,
    read_dataset,
)
from data.versions import CHANGES_COLUMNS, make_version, read_changes, read_facts
from tests.builders import write_class_folders


@pytest.fixture
def dataset(workspace: Workspace, tmp_path) -> Dataset:
    """daisy 0..9, rose 10..19, tulip 20..29."""
    return import_source(workspace, write_class_folders(tmp_path / "photos"), name="garden")


def change(dataset: Dataset, **photos: dict[int, str] | list[int]) -> pd.DataFrame:
    """Return changes: classes={number: class}, splits={number: split}, excluded=[numbers]."""
    classes, splits = dict(photos.get("classes", {})), dict(photos.get("splits", {}))
    excluded = list(photos.get("excluded", []))
    rows = []
    for photo in sorted({*classes, *splits, *excluded}):
        path, name, split = dataset.manifest.loc[photo, ["path", "class", "split"]]
        new = (classes.get(photo, name), split, splits.get(photo, split))
        rows.append((photo, path, name, *new, photo in excluded, "why"))
    return pd.DataFrame(rows, columns=CHANGES_COLUMNS)


def test_a_relabelled_photo_has_its_new_class_and_all_else_is_shared(workspace, dataset):
    made = make_version(workspace, dataset, change(dataset, classes={3: "rose", 4: "aster"}))
    assert made.classes == ("aster", "daisy", "rose", "tulip")
    assert made.manifest["class"].iloc[[3, 4]].tolist() == ["rose", "aster"]
    assert [made.classes[label] for label in made.labels] == made.manifest["class"].tolist()
    assert (made.parent, made.edition, made.numbers) == (dataset.id, 2, (1, 2, 3, 4))
    same = [column for column in dataset.manifest if column not in ("class", "label")]
    pd.testing.assert_frame_equal(made.manifest[same], dataset.manifest[same])
    for name in ("images.npy", "thumbnails.bin", "originals.bin"):
        assert (made.folder / name).samefile(dataset.folder / name)


def test_an_excluded_photo_is_gone_and_the_others_keep_theirs(workspace, dataset):
    told: list[tuple[str, int, int]] = []
    made = make_version(
        workspace,
        dataset,
        change(dataset, excluded=[0, 15, 29]),
        on_progress=lambda *step: told.append(step),
    )
    rest = np.delete(np.arange(30), [0, 15, 29])
    assert np.array_equal(made.photos, dataset.photos[rest])
    for photo, before in enumerate(rest.tolist()):
        assert made.original(photo) == dataset.original(before)
        assert made.thumbnail(photo) == dataset.thumbnail(before)
    assert told[-1] == ("copying photos", 30, 30)
    check_photos(made)


def test_the_id_is_that_of_the_same_photos_however_they_came(workspace, dataset):
    made = make_version(workspace, dataset, change(dataset, excluded=[9]))
    assert made.id == identify_dataset(made.manifest, made.classes) != dataset.id
    assert read_dataset(workspace, made.id).manifest["path"].is_monotonic_increasing


def test_a_packing_of_before_stays_what_it_is_in_versions_and_is_in_the_id_of_large_photos_only(
    workspace, dataset, monkeypatch
):
    manifest, classes = dataset.manifest, dataset.classes
    assert identify_dataset(manifest, classes, 1) == identify_dataset(manifest, classes, PACKING)
    large = manifest.assign(width=4032, height=3024)
    assert identify_dataset(large, classes, 1) != identify_dataset(large, classes, PACKING)
    assert read_facts(dataset.folder)["packing"] == dataset.packing == PACKING
    facts = {name: value for name, value in read_facts(dataset.folder).items() if name != "packing"}
    monkeypatch.setattr("data.versions.read_facts", lambda _: facts)
    old = replace(dataset, packing=1)
    made = make_version(workspace, old, change(dataset, classes={3: "rose"}))
    assert made.packing == 1


def test_a_version_lives_without_its_parent(workspace, dataset):
    before = [dataset.original(photo) for photo in range(30)]
    made = make_version(workspace, dataset, change(dataset, splits={3: "test"}))
    hide_dataset(workspace, dataset.id)
    check_photos(read_dataset(workspace, made.id))
    assert [made.original(photo) for photo in range(30)] == before


def test_what_changed_is_recorded_with_the_excluded_photos(workspace, dataset):
    changes = change(dataset, classes={3: "rose"}, splits={4: "test"}, excluded=[5])
    made = make_version(workspace, dataset, changes)
    recorded = read_changes(made)
    assert recorded["path"].tolist() == dataset.manifest["path"].iloc[[3, 4, 5]].tolist()
    assert recorded["excluded"].tolist() == [False, False, True]
    assert recorded["note"].tolist() == ["why"] * 3
    facts = json.loads((made.folder / "dataset.json").read_text())
    moved = int(dataset.splits[4] != "test")
    assert facts["edits"] == {"relabelled": 1, "moved": moved, "excluded": 1}
    assert read_changes(dataset).empty
    (made.folder / "changes.parquet").write_bytes(b"other")
    with pytest.raises(ResultDamaged, match="changes"):
        read_changes(made)


def test_the_same_changes_give_the_same_version(workspace, dataset):
    changes = change(dataset, excluded=[5])
    made = make_version(workspace, dataset, changes, name="clean")
    again = make_version(workspace, dataset, changes, name="other")
    assert (again.id, again.name) == (made.id, "clean")
    assert len(list_datasets(workspace)) == 2


def test_changed_back_it_is_the_parent_again(workspace, dataset):
    made = make_version(workspace, dataset, change(dataset, classes={3: "rose"}))
    back = make_version(workspace, made, change(made, classes={3: "daisy"}))
    assert back.id == dataset.id
    assert back.parent is None


def test_names_tell_versions_apart(workspace, dataset):
    second = make_version(workspace, dataset, change(dataset, excluded=[1]))
    sibling = make_version(workspace, dataset, change(dataset, excluded=[2]))
    third = make_version(workspace, second, change(second, excluded=[1]))
    named = make_version(workspace, third, change(third, excluded=[1]), name="final")
    assert second.name == "garden, version 2"
    assert sibling.name == "garden, version 2b"
    assert third.name == "garden, version 3"
    assert (named.name, named.edition) == ("final", 4)


def test_moved_photos_are_said_of_the_splits_once(workspace, dataset):
    photo = int(dataset.photo_numbers("train")[0])
    made = make_version(workspace, dataset, change(dataset, splits={photo: "test"}))
    again = make_version(workspace, made, change(made, splits={photo: "validation"}))
    assert made.split_origin == again.split_origin == "drawn with seed 0, then edited"
    relabelled = make_version(workspace, dataset, change(dataset, classes={3: "rose"}))
    assert relabelled.split_origin == "drawn with seed 0"


def test_a_class_without_photos_is_gone_and_the_numbers_follow(workspace, dataset):
    made = make_version(workspace, dataset, change(dataset, excluded=list(range(10, 20))))
    assert (made.classes, made.numbers) == (("daisy", "tulip"), (1, 2))
    assert set(made.labels.tolist()) == {0, 1}


def test_numbers_of_a_list_stay_and_new_classes_stand_behind_it(workspace, dataset):
    facts = json.loads((dataset.folder / "dataset.json").read_text()) | {"numbers": [7, 2, 5]}
    (dataset.folder / "dataset.json").write_text(json.dumps(facts))
    listed = read_dataset(workspace, dataset.id)
    train = listed.photo_numbers("train", "daisy")[:2].tolist()
    changes = change(listed, excluded=list(range(10, 20)), classes=dict.fromkeys(train, "aster"))
    made = make_version(workspace, listed, changes)
    assert (made.classes, made.numbers) == (("aster", "daisy", "tulip"), (8, 7, 5))


def test_what_could_not_be_learned_from_is_refused(workspace, dataset):
    train = dataset.photo_numbers("train", "rose").tolist()
    validation = dataset.photo_numbers("validation").tolist()
    for changes, said in (
        (change(dataset), "The edits change nothing"),
        (change(dataset, excluded=list(range(30))), "Every photo"),
        (change(dataset, excluded=list(range(20))), "Only one class.*tulip"),
        (change(dataset, splits=dict.fromkeys(train, "test")), "training photos.*rose"),
        (change(dataset, classes={int(dataset.photo_numbers("test")[0]): "new"}), "train.*new"),
        (change(dataset, splits=dict.fromkeys(validation, "test")), "validation"),
    ):
        with pytest.raises(EditRefused, match=said):
            make_version(workspace, dataset, changes)
    assert len(list_datasets(workspace)) == 1
    assert not list(workspace.temporary.iterdir())


@pytest.mark.parametrize("name", ["images.npy", "originals.bin", "thumbnails.bin"])
def test_a_damaged_parent_hands_nothing_on(workspace, dataset, name):
    file = dataset.folder / name
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    for changes in (change(dataset, classes={3: "rose"}), change(dataset, excluded=[3])):
        with pytest.raises(ResultDamaged, match=name):
            make_version(workspace, dataset, changes)
    assert len(list_datasets(workspace)) == 1


def test_no_room_leaves_nothing(workspace, dataset):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, limits[1]))
    try:
        with pytest.raises(DiskFull):
            make_version(workspace, dataset, change(dataset, excluded=[3]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(workspace.temporary.iterdir())
    assert [folder.name for folder in workspace.datasets.iterdir()] == [dataset.id]


def test_differences_of_versions(workspace, dataset):
    split = "test" if dataset.splits[4] != "test" else "train"
    train = int(dataset.photo_numbers("train", "daisy")[-1])
    changes = change(dataset, classes={3: "rose", train: "aster"}, splits={4: split}, excluded=[5])
    made = make_version(workspace, dataset, changes)
    there = compare_versions(dataset, made)
    assert there.removed["photo"].tolist() == [5]
    assert there.relabelled["photo_before"].tolist() == sorted([3, train])
    assert there.moved[["photo", "photo_before", "new_split"]].to_numpy().tolist() == [
        [4, 4, split]
    ]
    assert len(there.added) == 0
    assert there.unchanged == 30 - 4
    assert (there.new_classes, there.gone_classes) == (("aster",), ())
    back = compare_versions(made, dataset)
    assert back.added["path"].tolist() == there.removed["path"].tolist()
    assert set(back.relabelled["new_class"]) == {"daisy"}
    assert compare_versions(dataset, dataset).nothing


def test_photos_in_other_folders_are_the_same_photos(workspace, dataset, tmp_path):
    elsewhere = write_class_folders(tmp_path / "other" / "deep", photos_per_class=11)
    (elsewhere / "daisy" / "daisy_000.jpg").rename(elsewhere / "daisy" / "zzz.jpg")
    other = import_source(workspace, elsewhere)
    differences = compare_versions(dataset, other)
    assert len(differences.removed) == 0
    assert differences.added["path"].str.endswith("_010.jpg").sum() == 3


def test_lineage_holds_the_family_also_without_the_parent(workspace, dataset, tmp_path):
    import_source(workspace, write_class_folders(tmp_path / "x", photos_per_class=4))
    second = make_version(workspace, dataset, change(dataset, excluded=[1]))
    sibling = make_version(workspace, dataset, change(dataset, excluded=[2]))
    third = make_version(workspace, second, change(second, excluded=[1]))
    family = [dataset.id, second.id, sibling.id, third.id]
    for member in family:
        assert {summary.id for summary in list_lineage(workspace, member)} == set(family)
    assert list_lineage(workspace, third.id)[0].id == dataset.id
    hide_dataset(workspace, dataset.id)
    assert {s.id for s in list_lineage(workspace, sibling.id)} == set(family[1:])
