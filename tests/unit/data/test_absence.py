"""Sources without photos, or with other files beside them: the given reason is the reason."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import SourceRefused
from core.formats import cell_text, guard_cells, read_cell_text
from core.prediction.album import find_photos
from core.workspace import Workspace
from data.export import export_tree
from data.importing import import_source
from data.report import note_copies
from data.sources.catalogue import find_source
from data.sources.found import FoundSource, Output, SourceRequest
from data.sources.layout import read_folder
from tests.builders import draw_photo, encode_photo, write_class_folders


def pack(files: dict[str, bytes]) -> bytes:
    """Return a .zip of the files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def read_zip(folder: Path, content: bytes) -> FoundSource:
    (folder / "photos.zip").write_bytes(content)
    (folder / "unpacked").mkdir()
    request = SourceRequest(path=str(folder / "photos.zip"))
    return find_source(request, Output(folder / "unpacked", folder, lambda *_: None))


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "it is empty"),
        ({"a/x.txt": b"x", "a/b.pdf": b"%PDF", "LICENSE": b"x"}, r"its 3 files .*\.txt \(1\)"),
        ({"inner.zip": b"PK", "readme.txt": b""}, "other archives: “inner.zip”"),
        ({"rose": b"../store/rose", "tulip": b"../store/tulip"}, "Links to folders are not"),
    ],
)
def test_a_source_without_photos_is_told_why(
    tmp_path: Path, files: dict[str, bytes], sentence: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceRefused, match=sentence):
        read_folder(tmp_path)
    if "Links" not in sentence:
        with pytest.raises(SourceRefused, match=sentence):
            find_photos(tmp_path)


def test_links_to_folders_are_named(tmp_path: Path) -> None:
    store = write_class_folders(tmp_path / "store", photos_per_class=2)
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    for name in ("rose", "tulip"):
        (chosen / name).symlink_to(store / name)
    for read in (read_folder, find_photos):
        with pytest.raises(SourceRefused, match=r"“rose”, “tulip”\. Links to folders are not"):
            read(chosen)


def test_photos_are_known_by_content_in_folders_and_archives(tmp_path: Path) -> None:
    files = {
        "rose/1": encode_photo(draw_photo(0, 1)),
        "rose/2.ppm": encode_photo(draw_photo(0, 2), "PPM"),
        "rose/README": b"about",
        "tulip/1.dat": encode_photo(draw_photo(1, 1), "PNG"),
        "tulip/2.tga": encode_photo(draw_photo(1, 2), "TGA"),
        "tulip/labels.csv": b"path,class",
        "tulip/more.zip": b"PK",
    }
    for name, content in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    for found in (read_folder(tmp_path / "in"), read_zip(tmp_path, pack(files))):
        paths = [photo.path for photo in found.photos]
        assert paths == ["rose/1", "rose/2.ppm", "tulip/1.dat", "tulip/2.tga"]
        assert all(photo.file.read_bytes() == files[photo.path] for photo in found.photos)
        notes = " ".join(found.notes)
        assert "“tulip/labels.csv” beside the photos was not used" in notes
        assert "“tulip/more.zip” was not unpacked" in notes
        assert "Ignored “rose/README”: not a photo" in notes
    assert len(list((tmp_path / "unpacked").iterdir())) == 4
    assert len(find_photos(tmp_path / "in")[0]) == 4


def test_a_table_beside_photos_without_folders_is_pointed_to(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(encode_photo(draw_photo(0, number)))
    (tmp_path / "labels.csv").write_text("path,class")
    with pytest.raises(SourceRefused) as refusal:
        read_folder(tmp_path)
    assert "import the table instead of the folder: “labels.csv”" in refusal.value.remedy


@pytest.mark.parametrize(
    ("code", "name", "read", "is_noted"),
    [
        ("utf-8", "Ga\u0308nseblu\u0308mchen", "Gänseblümchen", False),
        ("utf-8", "菊", "菊", False),
        ("cp437", "Gänseblümchen", "Gänseblümchen", False),
        ("cp1252", "Löwenzahn", "L÷wenzahn", True),
        ("shift-jis", "たんぽぽ", None, True),
    ],
)
def test_names_in_archives_are_utf8_first_and_noted_if_garbled(
    tmp_path: Path, code: str, name: str, read: str | None, is_noted: bool
) -> None:
    raw = name.encode(code)
    stand_in = "x" * len(raw)
    photos = [encode_photo(draw_photo(0, number)) for number in (1, 2)]
    files = {f"{kind}/{n}.jpg": photos[n] for kind in ("rose", stand_in) for n in (0, 1)}
    found = read_zip(tmp_path, pack(files).replace(stand_in.encode(), raw))
    classes = {photo.class_name for photo in found.photos} - {"rose"}
    assert read is None or classes == {read}
    assert any("garbled" in note for note in found.notes) == is_noted


def test_copies_across_splits_are_counted_by_split() -> None:
    digests = pd.Series(["a", "a", "b", "b", "b", "c", "d", "d"])
    splits = pd.Series(["train", "test", "validation", "train", "train", "test", "train", "train"])
    (note,) = note_copies(digests, splits)
    assert note.startswith("2 photos with exact copies in several splits: ")
    assert "1 in train and test" in note and "1 in train and validation" in note
    assert list(note_copies(digests[5:], splits[5:])) == []


@pytest.mark.parametrize("text", ["=1+1", "+x", "-1", "@a", "'=x", "''-1", "'quoted", "plain", ""])
def test_the_guard_against_formulas_is_undone(text: str) -> None:
    assert read_cell_text(cell_text(text)) == text
    assert cell_text(text)[:1] not in tuple("=+-@")
    table = guard_cells(pd.DataFrame({text: [text], "score": [-1.5]}))
    assert table.columns[0] == table.iloc[0, 0] == cell_text(text)
    assert table["score"][0] == -1.5


def test_the_table_of_an_export_comes_back(workspace: Workspace, tmp_path: Path) -> None:
    names = ("=rose", "-1", "'a", "1")
    folder = write_class_folders(tmp_path / "photos", names, photos_per_class=4)
    dataset = import_source(workspace, folder)
    export_tree(dataset, tmp_path / "out")
    again = import_source(workspace, tmp_path / "out" / "labels.csv")
    assert again.classes == dataset.classes
    pairs = [dict(zip(one.manifest["sha256"], one.labels, strict=True)) for one in (dataset, again)]
    assert pairs[0] == pairs[1]
    assert np.array_equal(sorted(again.splits), sorted(dataset.splits))
