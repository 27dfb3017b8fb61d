"""Layouts of folders: what is taken, what is ignored, what is refused and how."""

import unicodedata
from pathlib import Path

import pytest

from core.errors import SourceRefused
from data.sources.found import FoundPhoto
from data.sources.layout import read_folder, read_layout
from tests.builders import write_class_folders, write_split_folders


def read(*paths: str) -> list[FoundPhoto]:
    return read_layout([(path, Path("/nowhere", path)) for path in paths]).photos


def summarise(found: list[FoundPhoto]) -> set[tuple[str, str, str | None]]:
    return {(photo.path, photo.class_name, photo.split) for photo in found}


def test_class_folders() -> None:
    found = read("rose/b.jpg", "daisy/a.jpg", "rose/a.jpg")
    assert [photo.path for photo in found] == ["daisy/a.jpg", "rose/a.jpg", "rose/b.jpg"]
    assert [photo.class_name for photo in found] == ["daisy", "rose", "rose"]
    assert {photo.split for photo in found} == {None}
    assert found[0].file == Path("/nowhere/daisy/a.jpg")


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "Valid"])
def test_split_folders(validation: str) -> None:
    found = read("train/a/1.jpg", "train/b/1.jpg", f"{validation}/a/2.jpg", "TEST/b/3.jpg")
    assert summarise(found) == {
        ("train/a/1.jpg", "a", "train"),
        ("train/b/1.jpg", "b", "train"),
        (f"{validation}/a/2.jpg", "a", "validation"),
        ("TEST/b/3.jpg", "b", "test"),
    }


def test_folders_around_everything_do_not_matter() -> None:
    found = read("flowers/flowers/daisy/1.jpg", "flowers/flowers/rose/deeper/1.jpg")
    assert summarise(found) == {
        ("flowers/flowers/daisy/1.jpg", "daisy", None),
        ("flowers/flowers/rose/deeper/1.jpg", "rose", None),
    }
    nested = read("x/train/train/a/1.jpg", "x/train/train/b/1.jpg", "x/test/a/2.jpg")
    assert {(photo.class_name, photo.split) for photo in nested} == {
        ("a", "train"),
        ("b", "train"),
        ("a", "test"),
    }


def test_a_lone_train_folder_is_a_folder_of_classes() -> None:
    found = read("train/a/1.jpg", "train/b/1.jpg")
    assert summarise(found) == {("train/a/1.jpg", "a", None), ("train/b/1.jpg", "b", None)}


def test_what_tools_leave_behind_is_not_seen() -> None:
    found = read(
        "a/1.JPG",
        "b/2.Png",
        "b/._2.Png",
        "b/Thumbs.db",
        "b/notes.txt",
        "__MACOSX/a/1.jpg",
        ".cache/c/1.jpg",
        "b/@eaDir/2.jpg",
        "LICENSE.txt",
        "c/readme.md",
    )
    assert summarise(found) == {("a/1.JPG", "a", None), ("b/2.Png", "b", None)}


def test_class_names_are_any_language_in_one_form() -> None:
    composed, decomposed = (unicodedata.normalize(form, "pâquerette") for form in ("NFC", "NFD"))
    found = read(f"{composed}/1.jpg", f"{decomposed}/2.jpg", "バラ/1.jpg", "ro se's \u202e/1.jpg")
    assert {photo.class_name for photo in found} == {composed, "バラ", "ro se's \u202e"}


def test_names_that_are_not_unicode_stay_apart() -> None:
    found = read("a/\udcb0\udca1.jpg", "a/\udcb0\udca2.jpg", "b/1.jpg")
    assert len({photo.path.encode() for photo in found}) == 3


def test_photos_outside_of_class_folders_have_no_class() -> None:
    found = read("train/a/1.jpg", "train/b/1.jpg", "test/image_1.jpg")
    assert ("test/image_1.jpg", "", None) in summarise(found)
    assert ("cover.jpg", "", None) in summarise(read("a/1.jpg", "b/1.jpg", "cover.jpg"))


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        ([], "no photos"),
        (["a/notes.txt", "b/readme.md"], "no photos"),
        (["1.jpg", "2.jpg"], "side by side"),
        (["photos/1.jpg", "photos/2.jpg"], "only one class with photos: “photos”"),
        (["photos/a/1.jpg", "photos/a/2.jpg"], "only one class with photos: “a”"),
        (["train/a/1.jpg", "test/a/1.jpg"], "only one class"),
        (["mask/1.jpg", "mask/2.jpg"], "only one class with photos: “mask”"),
        (["train/a/1.jpg", "train/b/1.jpg", "test/c/1.jpg"], "no training photos of “c”"),
        (["val/a/1.jpg", "test/a/1.jpg"], "none called train"),
    ],
)
def test_what_cannot_be_a_dataset_is_refused(paths: list[str], sentence: str) -> None:
    with pytest.raises(SourceRefused, match=sentence) as refusal:
        read(*paths)
    assert refusal.value.remedy
    assert "Annotations" not in refusal.value.problem


@pytest.mark.parametrize(
    ("beside", "sentence"),
    [
        (("ImageSets/Main/train.txt",), "“Annotations”, the folder of their classes, is missing"),
        (("SegmentationClass/1.png",), "“Annotations”, the folder of their classes, is missing"),
        (("ImageSets/Main/train.txt", "Annotations/1.xml"), "are not read: “Annotations”"),
    ],
)
def test_photos_of_voc_are_refused_for_their_annotations(
    beside: tuple[str, ...], sentence: str
) -> None:
    photos = [f"VOC2007/JPEGImages/{number}.jpg" for number in range(3)]
    with pytest.raises(SourceRefused, match=sentence) as refusal:
        read(*photos, *(f"VOC2007/{path}" for path in beside))
    assert "a table with the columns path and class" in refusal.value.remedy


def test_the_only_class_of_a_split_stays_a_class() -> None:
    found = read("train/daisy/1.jpg", "train/rose/1.jpg", "test/daisy/rose/1.jpg")
    assert ("test/daisy/rose/1.jpg", "daisy", "test") in summarise(found)
    # A folder around the classes of one split is still none.
    found = read("train/daisy/1.jpg", "train/rose/1.jpg", "test/photos/daisy/1.jpg")
    assert ("test/photos/daisy/1.jpg", "daisy", "test") in summarise(found)


@pytest.mark.parametrize("classes", ["flowers", "flowers/train"])
def test_a_stray_photo_beside_the_folder_of_classes_blocks_nothing(classes: str) -> None:
    paths = [f"{classes}/daisy/1.jpg", f"{classes}/rose/1.jpg", "cover.jpg"]
    if "train" in classes:
        paths.append("flowers/test/rose/2.jpg")
    found = {photo.path: photo.class_name for photo in read(*paths)}
    assert found[f"{classes}/daisy/1.jpg"] == "daisy"
    assert found["cover.jpg"] == ""


def test_links_to_folders_are_told_and_not_followed(tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "flowers", ("daisy", "rose"), photos_per_class=2)
    (folder / "tulip").symlink_to(folder / "rose")
    layout = read_folder(folder)
    assert len(layout.photos) == 4
    assert layout.notes == ("Skipped the link “tulip”: links to folders are not followed.",)


def test_folders_on_disk(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "plain", photos_per_class=2)
    (tmp_path / "plain" / "empty class").mkdir()
    found = read_folder(tmp_path / "plain").photos
    assert len(found) == 6
    assert {photo.class_name for photo in found} == {"daisy", "rose", "tulip"}
    assert all(photo.file.is_file() for photo in found)
    split = read_folder(write_split_folders(tmp_path / "split")).photos
    assert {photo.split for photo in split} == {"train", "validation", "test"}


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="no folder"):
        read_folder(tmp_path / "gone")


def notes_of(*paths: str, folders: tuple[str, ...] = ()) -> str:
    return " ".join(read_layout([(p, Path("/nowhere", p)) for p in paths], folders).notes)


def test_a_plain_layout_needs_no_notes() -> None:
    assert notes_of("x/a/1.jpg", "x/a/2.jpg", "x/b/1.jpg", "x/b/2.jpg", folders=("x", "x/a")) == ""


def test_there_are_as_many_classes_as_folders() -> None:
    names = ("Oxeye Daisy", "oxeye_daisy", "-1", "1", "A", "A-", "a", "Maße", "Masse", "no_label")
    names += ("unlabeled", "__proto__", "_", "-")
    found = read(*(f"{name}/{photo}.jpg" for name in names for photo in range(2)))
    assert {photo.class_name for photo in found} == set(names)
    split = [f"{split}/{name}/1.jpg" for split in ("train", "test") for name in names]
    assert {photo.class_name for photo in read(*split)} == set(names)


def test_empty_classes_and_lonely_photos_are_noted() -> None:
    notes = notes_of(
        *("x/a/1.jpg", "x/a/2.jpg", "x/b/1.jpg", "x/c/notes.txt", "x/.hid/1.jpg", "cover.txt"),
        folders=("x", "x/a", "x/b", "x/c", "x/d", "x/.hid"),
    )
    assert "Ignored empty folders: “c”, “d”. A class needs photos." in notes
    assert "There is only one photo of “b”, and none to evaluate it." in notes
    assert "Ignored “cover.txt” and 1 more file: not a photo." in notes
    assert "Ignored “x/.hid/1.jpg”: hidden" in notes


def test_photos_deeper_than_their_class_are_noted() -> None:
    notes = notes_of("rose/2019/1.jpg", "rose/2.jpg", "daisy/1.jpg", "daisy/2.jpg")
    assert "“rose/2019/1.jpg” is of class “rose”" in notes


def test_a_dataset_that_holds_itself_a_second_time() -> None:
    """As an often copied archive of five flowers does: flowers/daisy and flowers/flowers/daisy."""
    paths = [f"{top}{name}/1.jpg" for top in ("x/", "x/x/") for name in ("daisy", "rose")]
    assert {photo.class_name for photo in read(*paths)} == {"daisy", "rose"}
    layout = read_layout([(path, Path("/nowhere", path)) for path in paths]).layout
    assert "the class folders are repeated in “x”" in layout


def test_five_flowers_in_train_and_val_folders() -> None:
    paths = [
        f"flowers/{split}/{name}/{photo}.jpg"
        for split in ("train", "val")
        for name in ("daisy", "dandelion", "rose", "sunflower", "tulip")
        for photo in range(2)
    ]
    found = read(*paths)
    assert {photo.split for photo in found} == {"train", "validation"}
    assert len({photo.class_name for photo in found}) == 5
    assert "no test folder" in notes_of(*paths)
    assert {
        p.split for p in read("train_set/a/1.jpg", "train_set/b/1.jpg", "Test Set/a/2.jpg")
    } == {
        "train",
        "test",
    }
