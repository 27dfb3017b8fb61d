"""Tables of photos: columns by many names, clear errors with line numbers."""

from pathlib import Path

import pytest

from core.errors import LayoutUnclear, SourceRefused
from data.sources.catalogue import open_source
from data.sources.found import FoundSource, SourceRequest
from tests.builders import write_class_folders

HEADS = ["path,class", "file;label", "Filename\tClass", "IMAGE,Label", '"path","class"']


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of class folders with 2 photos each."""
    return write_class_folders(tmp_path / "photos", photos_per_class=2)


def read(folder: Path, text: str | bytes) -> FoundSource:
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "list.csv").write_bytes(content)
    return open_source(SourceRequest(path=str(folder / "list.csv")), folder)(folder, print)


@pytest.mark.parametrize("head", HEADS)
def test_columns_have_many_names(folder: Path, head: str) -> None:
    comma = next(sign for sign in ",;\t" if sign in head)
    lines = [head, f"daisy/daisy_000.jpg{comma}daisy", f"rose/rose_000.jpg{comma}rose", ""]
    found = read(folder, b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert [(p.path, p.class_name, p.split) for p in found.photos] == [
        ("daisy/daisy_000.jpg", "daisy", None),
        ("rose/rose_000.jpg", "rose", None),
    ]
    assert all(photo.file.is_file() for photo in found.photos)
    assert found.name == "list"


def test_splits_are_taken(folder: Path) -> None:
    found = read(folder, "path,class,split\na.jpg,a,train\nb.jpg,b,Training\nc.jpg,a,val\n")
    assert [photo.split for photo in found.photos] == ["train", "train", "validation"]
    assert found.split_origin == "the splits of the table"


def test_own_splits_instead(folder: Path) -> None:
    (folder / "x.csv").write_text("path,class,split\na.jpg,a,train\nb.jpg,b,train\n")
    request = SourceRequest(path=str(folder / "x.csv"), own_split=True)
    found = open_source(request, folder)(folder, print)
    assert {photo.split for photo in found.photos} == {None}


def test_what_is_odd_is_noted(folder: Path) -> None:
    found = read(
        folder,
        "path,class\na.jpg,Red Rose\nb.jpg,red_rose\nc.jpg,daisy\nc.jpg,daisy\nnotes.txt,daisy\n",
    )
    assert len(found.photos) == 3
    assert {photo.class_name for photo in found.photos} == {"Red Rose", "red_rose", "daisy"}
    notes = " ".join(found.notes)
    for part in (
        "Ignored “c.jpg”: listed",
        "Ignored “notes.txt”: without",
        "only one photo",
    ):
        assert part in notes


def test_files_that_are_not_there_are_left_to_the_reading(folder: Path) -> None:
    found = read(folder, "path,class\ngone.jpg,daisy\n../elsewhere.jpg,rose\n/abs.jpg,rose\n")
    assert [photo.file.exists() for photo in found.photos] == [False] * 3
    assert {str(photo.file) for photo in found.photos} >= {"/abs.jpg"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no column “path”"),
        ("name,thing\na.jpg,b\n", "no column “path”"),
        ("path\na.jpg\n", "no column “class”"),
        ("path,file,class\na.jpg,a,b\n", "several columns could be the path"),
        ("path,class\n", "lists no photos"),
        ("path,class\na.jpg,a\nb.jpg\n", "Line 3 .* fewer columns"),
        ("path,class\na.jpg,a\n,b\n", "Line 3 .* no path"),
        ("path,class,split\na.jpg,a,train\nb.jpg,b,later\n", "Line 3 .* its split is not train"),
        ("path,class,split\na.jpg,a,train\nb.jpg,b,\n", "Line 3 .* no split"),
        ("path,class,split\na.jpg,a,test\nb.jpg,b,test\n", "no photo in the split “train”"),
        ("path,class,split\na.jpg,a,train\nb.jpg,b,train\nc.jpg,c,test\n", "no training photos of"),
        ("path,class\na.jpg,a\na.jpg,b\nc.jpg,b\n", "Line 3 .* another class or split"),
        ("path,class\na.jpg,a\nb.jpg,a\n", "only one class"),
        ('path,class\na.jpg,a\n"b.jpg,b\n', "Line 3"),
        (b"path,class\n\xff\xfe.jpg,a\n", "not text in UTF-8"),
        (b"path,class\n\0.jpg,a\n", "not a text file"),
    ],
)
def test_what_cannot_be_used_is_refused(folder: Path, text: str | bytes, sentence: str) -> None:
    with pytest.raises(SourceRefused, match=sentence) as refusal:
        read(folder, text)
    assert refusal.value.remedy


def test_spellings_across_splits_are_confirmed(folder: Path) -> None:
    lines = "path,class,split\na.jpg,Rose,train\nb.jpg,tulip,train\nc.jpg,rose,test\n"
    with pytest.raises(LayoutUnclear, match="--layout same: “rose” is “Rose”"):
        read(folder, lines)
    request = SourceRequest(path=str(folder / "list.csv"), layout="same")
    found = open_source(request, folder)(folder, print)
    assert [photo.class_name for photo in found.photos] == ["Rose", "tulip", "Rose"]
