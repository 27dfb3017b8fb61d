"""Oxford 102 Flowers: small files of its form, and the real ones where this machine has them."""

import io
import json
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from core.errors import SourceRefused
from core.workspace import PROJECT_ROOT
from data.sources.catalogue import find_source
from data.sources.found import FoundSource, Output, SourceRequest
from data.sources.oxford102 import read_class_names
from tests.builders import draw_photo, encode_photo

SHARED = PROJECT_ROOT.parent / "shared" / "data"
LABELS = [1, 1, 1, 77, 77, 77]
LISTS = {"trnid": [1, 4], "valid": [2, 5], "tstid": [3, 6]}


def write_files(
    folder: Path, photos: list[int] | None = None, labels: object = LABELS, **lists: object
) -> Path:
    folder.mkdir(exist_ok=True)
    with tarfile.open(folder / "102flowers.tgz", "w:gz") as archive:
        for number in photos or range(1, 7):
            content = encode_photo(draw_photo(number // 4, number))
            entry = tarfile.TarInfo(f"jpg/image_{number:05d}.jpg")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    savemat(folder / "imagelabels.mat", {"labels": np.array([labels])})
    savemat(folder / "setid.mat", {name: np.array([row]) for name, row in (LISTS | lists).items()})
    return folder


def find(folder: Path, target: Path, **options: object) -> FoundSource:
    request = replace(SourceRequest(kind="oxford102", path=str(folder)), **options)
    return find_source(request, Output(target, folder, print))


def test_labels_names_and_the_official_split(tmp_path: Path, target: Path) -> None:
    found = find(write_files(tmp_path / "x"), target)
    assert [photo.class_name for photo in found.photos] == ["pink primrose"] * 3 + [
        "passion flower"
    ] * 3
    assert [photo.split for photo in found.photos] == ["train", "validation", "test"] * 2
    assert found.photos[3].path == "jpg/image_00004.jpg"
    assert found.photos[3].file.read_bytes() == encode_photo(draw_photo(1, 4))
    assert found.numbers == {"pink primrose": 1, "passion flower": 77}
    assert found.split_origin == "the official split"
    assert found.notes == ()


def test_our_own_split_instead(tmp_path: Path, target: Path) -> None:
    found = find(write_files(tmp_path / "x"), target, own_split=True)
    assert {photo.split for photo in found.photos} == {None}
    assert found.split_origin is None


def test_files_that_lie_apart(tmp_path: Path, target: Path) -> None:
    folder = write_files(tmp_path / "x")
    (folder / "102flowers.tgz").rename(tmp_path / "photos.tgz")
    found = find(folder, target, images=str(tmp_path / "photos.tgz"))
    assert len(found.photos) == 6


def test_a_folder_of_its_files_is_recognised(tmp_path: Path, target: Path) -> None:
    request = SourceRequest(path=str(write_files(tmp_path / "x")))
    assert find_source(request, Output(target, tmp_path, print)).name == "Oxford 102 Flowers"


def test_names_of_a_mapping(tmp_path: Path, target: Path) -> None:
    folder = write_files(tmp_path / "x")
    (tmp_path / "names.json").write_text(json.dumps({"1": "Primel"}), encoding="utf-8")
    found = find(folder, target, names=str(tmp_path / "names.json"))
    assert set(found.numbers) == {"Primel", "passion flower"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        *((text, "does not map") for text in ("{", "[]", '{"one": "rose"}', '{"1": ""}')),
        ('{"0": "rose"}', "names a class 0"),
        ('{"1": "rose"}', "several labels the name “rose”"),
    ],
)
def test_names_that_cannot_be_used(
    content: str, sentence: str, tmp_path: Path, target: Path
) -> None:
    (tmp_path / "names.json").write_text(content, encoding="utf-8")
    with pytest.raises(SourceRefused, match=sentence):
        find(write_files(tmp_path / "x"), target, names=str(tmp_path / "names.json"))


def test_a_missing_photo_is_set_aside_later(tmp_path: Path, target: Path) -> None:
    found = find(write_files(tmp_path / "x", photos=[1, 2, 3, 4, 6]), target)
    assert [p.path for p in found.photos if not p.file.exists()] == ["jpg/image_00005.jpg"]
    assert "5 photos" in found.notes[0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"labels": [1, 1, 1, 103, 77, 77]}, "holds the label 103"),
        ({"labels": [0, 1, 1, 77, 77, 77]}, "holds the label 0"),
        ({"labels": [1, 1, 1, 77, 77], "tstid": [3]}, "photo 6, but there are only 5 labels"),
        ({"labels": [1.5, 1, 1, 77, 77, 77]}, "no list of whole numbers"),
        ({"trnid": [1, 7]}, "lists photo 7 in trnid"),
        ({"trnid": [0, 1]}, "lists photo 0 in trnid"),
        ({"trnid": [1, 4, 6]}, "puts photo 6 into train and into test"),
    ],
)
def test_numbers_that_do_not_fit(
    options: dict[str, object], sentence: str, tmp_path: Path, target: Path
) -> None:
    with pytest.raises(SourceRefused, match=sentence):
        find(write_files(tmp_path / "x", **options), target)
    assert list(target.iterdir()) == []


def test_wrong_and_missing_files(tmp_path: Path, target: Path) -> None:
    folder = write_files(tmp_path / "x")
    with pytest.raises(SourceRefused, match="called “labels”"):
        find(folder, target, labels=str(folder / "setid.mat"))
    (folder / "imagelabels.mat").write_bytes(b"<html>not found</html>")
    with pytest.raises(SourceRefused, match="not a readable MATLAB"):
        find(folder, target)
    (folder / "imagelabels.mat").unlink()
    with pytest.raises(SourceRefused, match="no file"):
        find(folder, target)
    with pytest.raises(SourceRefused, match=r"path of 102flowers\.tgz is missing"):
        find(folder, target, path="", splits=str(folder / "setid.mat"))


@pytest.mark.shared
def test_the_real_files(target: Path) -> None:
    if not (SHARED / "102flowers.tgz").exists():
        pytest.skip(f"the real photos are not on this machine ({SHARED})")
    found = find(SHARED, target)
    assert Counter(photo.split for photo in found.photos) == {
        "train": 1020,
        "validation": 1020,
        "test": 6149,
    }
    assert all(photo.file.is_file() for photo in found.photos)
    ours = read_class_names(None)
    assert list(found.numbers) == list(ours.values())
    names = json.loads((SHARED / "cat_to_name.json").read_text(encoding="utf-8"))
    assert {n for n, name in ours.items() if names[str(n)] != name} == {78}, "lotus lotus there"
