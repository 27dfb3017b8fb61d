"""Tables of photos: columns by many names, clear errors with line numbers."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import LayoutUnclear, SourceRefused
from core.workspace import Workspace
from data.importing import import_source
from data.sources.catalogue import find_source
from data.sources.found import FoundSource, Output, SourceRequest
from tests.builders import write_class_folders

HEADS = ["path,class", "file;label", "Filename\tClass", "IMAGE,Label", '"path","class"']


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of class folders with 2 photos each."""
    return write_class_folders(tmp_path / "photos", photos_per_class=2)


def read(folder: Path, text: str | bytes) -> FoundSource:
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "list.csv").write_bytes(content)
    return find_source(SourceRequest(path=str(folder / "list.csv")), Output(folder, folder, print))


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
    found = find_source(request, Output(folder, folder, print))
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
    read(folder, f"path,class\n{'x' * 5000},daisy\n{'x' * 5000}.jpg,daisy\na.jpg,rose")
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
    found = find_source(request, Output(folder, folder, print))
    assert [photo.class_name for photo in found.photos] == ["Rose", "tulip", "Rose"]


def list_photos(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in sorted(folder.glob("*/*.jpg"))]


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("class index,filepaths,labels,data set", "0,{path},{kind},train"),
        ("annotation_id,choice,id,image", "7,{kind},3,/data/upload/1/{name}"),
        ("id,breed", "{stem},{kind}"),
        ("image_id,species,dataset", "{name},{kind},train"),
        ("photo,sha256,problem,answer,kind,class_1,score_1", "x/{name},ab,,{kind},answer,a,1"),
        ("photo,path,class,split", "0,{path},{kind},train"),
        ("filename,daisy,rose,tulip", "{name},{daisy},{rose},{tulip}"),
    ],
)
def test_usual_heads_and_paths_are_understood(folder: Path, head: str, line: str) -> None:
    paths = list_photos(folder)
    lines = [head]
    for path in paths:
        kind, _, name = path.partition("/")
        marks = {one: int(one == kind) for one in ("daisy", "rose", "tulip")}
        lines.append(line.format(path=path, name=name, stem=name[:-4], kind=kind, **marks))
    found = read(folder, "\n".join(lines))
    assert [photo.path for photo in found.photos] == paths
    assert [photo.class_name for photo in found.photos] == [path.split("/")[0] for path in paths]
    assert all(photo.file.is_file() for photo in found.photos)


def test_paths_without_endings_are_said(folder: Path) -> None:
    paths = list_photos(folder)
    lines = [f"{path[:-4]},{path.partition('/')[0]}" for path in paths]
    found = read(folder, "\n".join(["path,class", *lines]))
    assert [photo.path for photo in found.photos] == paths
    pair = "“daisy/daisy_000” is “daisy/daisy_000.jpg”"
    assert f"{len(paths)} paths without an ending matched by name: {pair}." in found.notes
    with pytest.raises(SourceRefused, match="have no ending, as “gone/a”"):
        read(folder, "path,class\ngone/a,a\ngone/b,b\n")


def test_contradictions_and_measurements_are_refused(folder: Path) -> None:
    with pytest.raises(SourceRefused, match=r"Line 4 .* another class"):
        read(folder, "path,class\na.jpg,rose\nb.jpg,tulip\n./x/../a.jpg,tulip\n")
    fractions = "\n".join(f"{n}.jpg,{n / 16 + 0.01}" for n in range(16))
    with pytest.raises(SourceRefused, match="numbers with fractions"):
        read(folder, f"path,class\n{fractions}")
    head = ",".join(["path", *(f"Class{n}" for n in range(16))])
    with pytest.raises(SourceRefused, match="gives 16 numbers for each photo"):
        read(folder, head + ("\nrose/rose_000.jpg" + ",0.0625" * 16) * 3)


def test_odd_values_are_noted(folder: Path) -> None:
    rows = ['"rose\nred",1', "1,2", "1.0,3", "daisy|white,4", "'=x,5", "-1,6"]
    table = "\n".join(f"{n}.jpg,{row}" for n, row in enumerate(rows))
    found = read(folder, f"path,class,box\n{table}")
    classes = [photo.class_name for photo in found.photos]
    assert classes == ["rose red", "1", "1.0", "daisy|white", "=x", "-1"]
    notes = " ".join(found.notes)
    for part in ("“daisy|white” is one class", "are the same number", "not used: “box”"):
        assert part in notes


@pytest.mark.parametrize("head", ["patient", "Subject ID", "scene", "group", "plant_no"])
def test_a_group_is_offered(folder: Path, head: str) -> None:
    lines = [f"{path},{path[:4]},p{n // 2}" for n, path in enumerate(list_photos(folder))]
    found = read(folder, "\n".join([f"path,class,{head}", *lines]))
    assert found.groups == (head,)
    assert f"Keep them together (--group {head})" in " ".join(found.notes)


def test_a_group_is_kept_together(folder: Path, workspace: Workspace) -> None:
    paths = list_photos(write_class_folders(folder, photos_per_class=8))
    lines = [f"{path},{path.partition('/')[0]},p{n // 4}" for n, path in enumerate(paths)]
    (folder / "list.csv").write_text("\n".join(["path,class,Patient ID", *lines]))
    request = SourceRequest(path=str(folder / "list.csv"), group="patient_id")
    dataset = import_source(workspace, request)
    assert dataset.split_origin == "drawn with seed 0, groups kept together"
    groups = np.array([f"p{paths.index(path) // 4}" for path in dataset.manifest["path"]])
    for splits in (dataset.splits, dataset.choose_splits(5)):
        assert set(splits) == {"train", "validation"}  # two patients of a class
        assert all(len(set(splits[groups == group])) == 1 for group in set(groups))


def test_a_group_must_be_a_column_that_given_splits_do_not_divide(
    folder: Path, workspace: Workspace
) -> None:
    paths, splits = list_photos(folder), ["train", "test"] * 5
    lines = [f"{path},{path[:4]},p,{split}" for path, split in zip(paths, splits, strict=False)]
    (folder / "list.csv").write_text("\n".join(["path,class,patient,split", *lines]))
    for asked, sentence in (
        ({"group": "patient"}, "divide 1 group: “p”"),
        ({"group": "nurse"}, "no column “nurse”"),
        ({"group": "patient", "path": str(folder)}, "Only a table has groups"),
    ):
        with pytest.raises(SourceRefused, match=sentence):
            import_source(workspace, SourceRequest(**{"path": str(folder / "list.csv")} | asked))
