"""Photos added to a dataset: the old part stays as it was, the new one is whole, or not there."""

import json
import resource
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import DiskFull, EditRefused, ResultDamaged
from core.workspace import Workspace
from data.additions import add_photos, count_added
from data.dataset import Dataset
from data.images import read_packed_photo
from data.importing import import_source
from data.manifest import (
    check_photos,
    compare_versions,
    hide_dataset,
    list_datasets,
    list_lineage,
    read_dataset,
)
from data.sources.found import FoundPhoto
from data.versions import CHANGES_COLUMNS, make_version, read_changes
from tests.builders import draw_photo, encode_photo, write_class_folders


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    """daisy 0..9, rose 10..19, tulip 20..29."""
    return import_source(workspace, write_class_folders(tmp_path / "photos"), name="garden")


@pytest.fixture
def new(tmp_path: Path) -> list[FoundPhoto]:
    """Four new photos: two roses, a daisy and an aster."""
    found = []
    for number, name in enumerate(("rose", "daisy", "aster", "rose")):
        file = tmp_path / f"new-{number}"
        file.write_bytes(encode_photo(draw_photo(number, 50 + number), "PNG" if number else "JPEG"))
        path = f"reviewed/{number}.png"
        found.append(FoundPhoto(path=path, class_name=name, split="train", file=file))
    return found


def test_new_photos_stand_behind_the_old_ones_which_stay(
    workspace: Workspace, dataset: Dataset, new: list[FoundPhoto]
) -> None:
    told: list[tuple[str, int, int]] = []
    made = add_photos(workspace, dataset, new[::-1], on_progress=lambda *step: told.append(step))
    assert len(made) == 34 and made.classes == ("aster", "daisy", "rose", "tulip")
    assert (made.parent, made.edition, made.name) == (dataset.id, 2, "garden, version 2")
    assert [made.classes[label] for label in made.labels] == made.manifest["class"].tolist()
    same = [column for column in dataset.manifest if column != "label"]
    pd.testing.assert_frame_equal(made.manifest[same].iloc[:30], dataset.manifest[same])
    assert np.array_equal(made.photos[:30], dataset.photos)
    for photo in (0, 17, 29):
        assert made.original(photo) == dataset.original(photo)
        assert made.thumbnail(photo) == dataset.thumbnail(photo)
    for photo, source in enumerate(new, start=30):
        content = source.file.read_bytes()
        assert made.original(photo) == content and made.thumbnail(photo)[8:12] == b"WEBP"
        assert np.array_equal(made.photos[photo], read_packed_photo(content)[0])
        row = made.manifest.iloc[photo]
        assert (row["path"], row["class"], row["split"]) == (
            source.path,
            source.class_name,
            "train",
        )
    phase, done, total = told[-1]
    assert done == total and phase == "copying photos"
    check_photos(made)
    check_photos(dataset)
    assert sorted(file.name for file in made.folder.iterdir()) == sorted(
        file.name for file in dataset.folder.iterdir()
    )


def test_it_is_a_version_among_versions(
    workspace: Workspace, dataset: Dataset, new: list[FoundPhoto]
) -> None:
    made = add_photos(workspace, dataset, new)
    differences = compare_versions(dataset, made)
    assert differences.added["photo"].tolist() == [30, 31, 32, 33]
    assert differences.unchanged == 30 and differences.new_classes == ("aster",)
    assert count_added(made) == 4 and count_added(dataset) == 0 and read_changes(made).empty
    row = made.manifest.iloc[33]
    values = (33, row["path"], "rose", "tulip", "train", "train", False, "")
    edited = make_version(workspace, made, pd.DataFrame([values], columns=CHANGES_COLUMNS))
    assert edited.original(33) == made.original(33) and count_added(edited) == 0
    assert [one.id for one in list_lineage(workspace, edited.id)] == [
        dataset.id,
        made.id,
        edited.id,
    ]
    more = add_photos(workspace, edited, [FoundPhoto(**{**vars(new[0]), "path": "again.jpg"})])
    assert "edits" not in json.loads((more.folder / "dataset.json").read_text())
    assert (more.name, more.edition, count_added(more)) == (
        "garden, version 4",
        4,
        1,
    )
    hide_dataset(workspace, made.id)
    check_photos(read_dataset(workspace, edited.id))


def test_adding_the_same_again_gives_the_same_version(
    workspace: Workspace, dataset: Dataset, new: list[FoundPhoto]
) -> None:
    made = add_photos(workspace, dataset, new)
    assert add_photos(workspace, dataset, new[::-1]).id == made.id
    assert len(list_datasets(workspace)) == 2


def test_what_cannot_be_added_is_refused_and_leaves_nothing(
    workspace: Workspace, dataset: Dataset, new: list[FoundPhoto], tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("no photo")
    known = str(dataset.manifest["path"].iat[0])
    for photos, problem in (
        ([], "no photo to add"),
        ([new[0], new[0]], "same path"),
        ([FoundPhoto(**{**vars(new[0]), "path": known})], "same path"),
        ([FoundPhoto(**{**vars(new[0]), "file": tmp_path / "text"})], "cannot be read"),
    ):
        with pytest.raises(EditRefused, match=problem):
            add_photos(workspace, dataset, photos)
    assert len(list_datasets(workspace)) == 1 and not list(workspace.temporary.iterdir())


@pytest.mark.parametrize("name", ["images.npy", "thumbnails.bin", "originals.bin"])
def test_damage_of_the_parent_is_not_carried_on(
    workspace: Workspace, dataset: Dataset, new: list[FoundPhoto], name: str
) -> None:
    content = bytearray((dataset.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (dataset.folder / name).write_bytes(content)
    with pytest.raises(ResultDamaged, match=name):
        add_photos(workspace, dataset, new)
    assert len(list_datasets(workspace)) == 1 and not list(workspace.temporary.iterdir())


def test_a_full_disk_leaves_nothing(
    workspace: Workspace, dataset: Dataset, new: list[FoundPhoto]
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, before[1]))
    try:
        with pytest.raises(DiskFull):
            add_photos(workspace, dataset, new)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(list_datasets(workspace)) == 1 and not list(workspace.temporary.iterdir())
