"""A table of photos: a .csv with path and class in each line, and optionally a split.

Paths may lead anywhere that the importing person may read; only photos are taken.
"""

import csv
import unicodedata
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

import pandas as pd

from core.errors import LayoutUnclear, SourceRefused
from data.sources.found import READING, Field, FoundPhoto, FoundSource, SourceKind, Tell, Way
from data.sources.layout import (
    PHOTO_SUFFIXES,
    check_classes,
    check_trained,
    make_storable,
)
from data.sources.names import find_look_alikes, note_classes, note_files
from data.sources.words import read_split_name

LINE_LIMIT = 1_000_000
SAME_CLASSES = "same"
TABLE_ENDINGS = (".csv", ".tsv")

_COLUMNS = {
    "path": ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "photo"),
    "class": ("class", "label", "class_name", "category"),
    "split": ("split", "set", "subset", "partition"),
}
_LARGEST_BYTES = 500_000_000


def find_in_table(table: Path, layout: str, _unpacked: Path, tell: Tell) -> FoundSource:
    """Return the photos on this machine that a .csv (commas, semicolons or tabs) lists.

    Args:
        layout: SAME_CLASSES joins classes that differ in spelling only; "" asks.
    """
    rows = read_table(table)
    tell(READING, len(rows), len(rows))
    check_classes(set(rows["class"]))
    said = _unite_spellings(rows, layout)
    is_photo = rows["path"].map(lambda path: PurePosixPath(path).suffix.lower() in PHOTO_SUFFIXES)
    others, rows = rows["path"][~is_photo], rows[is_photo]
    repeated = rows["path"][rows.duplicated("path")]
    rows = rows.drop_duplicates()
    if (contrary := rows.duplicated("path")).any():
        raise _refuse(table, contrary.idxmax(), "an earlier line gives another class or split")
    folder = table.resolve().parent
    photos = [
        FoundPhoto(path=path, class_name=name, split=split or None, file=folder / path)
        for path, name, split in rows.sort_values("path").itertuples(index=False)
    ]
    check_classes({photo.class_name for photo in photos})
    pairs = [(photo.class_name, photo.split) for photo in photos]
    check_trained(pairs, "Give every class photos in the split train.")
    return FoundSource(
        photos=photos,
        name=table.stem,
        origin=str(table.resolve()),
        notes=(
            *note_classes(photos),
            *note_files(repeated.tolist(), "listed more than once"),
            *note_files(others.tolist(), "without the file ending of a photo"),
        ),
        split_origin="the splits of the table",
        layout=said,
    )


def _unite_spellings(rows: pd.DataFrame, layout: str) -> str:
    """Give classes that differ in spelling across splits one name; return the change in words."""
    spellings = find_look_alikes(
        (name, split or None) for name, split in zip(rows["class"], rows["split"], strict=True)
    )
    said = ", ".join(f"“{name}” is “{used}”" for name, used in sorted(spellings.items()))
    if spellings and layout != SAME_CLASSES:
        raise LayoutUnclear(
            "Classes of different splits differ in spelling only.",
            f"Correct the table, or choose --layout {SAME_CLASSES}: {said}.",
            readings=[(SAME_CLASSES, said, "")],
        )
    rows["class"] = rows["class"].replace(spellings)
    return said


def read_table(table: Path) -> pd.DataFrame:
    """Return columns path, class and split ("" without one); the index is the line number.

    Raises:
        SourceRefused: The file is no such table, or a line cannot be used.
    """
    text = _read_text(table)
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter, strict=True)
    try:
        places = _find_columns(next(reader, []), table)
        lines = dict(enumerate(islice(reader, LINE_LIMIT + 1), start=2))
    except csv.Error as error:
        raise _refuse(table, reader.line_num, str(error)) from error
    if len(lines) > LINE_LIMIT:
        raise _refuse(table, LINE_LIMIT + 2, f"only {LINE_LIMIT:,} photos are allowed")
    lines = {number: cells for number, cells in lines.items() if any(map(str.strip, cells))}
    for number, cells in lines.items():
        if len(cells) <= max(places.values()):
            raise _refuse(table, number, "it has fewer columns than the first line")
    columns = {
        column: [cells[place].strip() for cells in lines.values()]
        for column, place in places.items()
    }
    rows = pd.DataFrame(columns, index=list(lines), dtype="str")
    if rows.empty:
        raise SourceRefused(f"“{table.name}” lists no photos.", "Add a line for each photo.")
    return _check_rows(rows, table)


def _check_rows(rows: pd.DataFrame, table: Path) -> pd.DataFrame:
    """Return the rows with split names of ours, once every line is complete."""
    given = rows["split"] if "split" in rows else pd.Series("", index=rows.index)
    split = given.map(lambda name: read_split_name(name) or "")
    checks = (
        (rows["path"] == "", "it has no path"),
        ((given != "") & (split == ""), "its split is not train, validation or test"),
        ((given == "") & (given != "").any(), "it has no split, but other lines have one"),
    )
    for wrong, problem in checks:
        if wrong.any():
            raise _refuse(table, wrong.idxmax(), problem)
    if (split != "").any() and not (split == "train").any():
        raise SourceRefused(
            f"“{table.name}” has no photo in the split “train”.", "Mark training photos as train."
        )
    path = rows["path"].map(lambda name: make_storable(name.replace("\\", "/")))
    name = rows["class"].map(partial(unicodedata.normalize, "NFC"))
    return pd.DataFrame({"path": path, "class": name, "split": split})


def _read_text(table: Path) -> str:
    if not table.is_file():
        raise SourceRefused(f"There is no file “{table}”.", "Check the path.")
    if table.stat().st_size > _LARGEST_BYTES:
        raise SourceRefused(f"“{table.name}” is too large for a table.", "Choose a .csv.")
    try:
        text = table.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceRefused(
            f"“{table.name}” is not text in UTF-8 (byte {error.start:,}).",
            "Save it as “CSV UTF-8”.",
        ) from error
    if "\0" in text:
        raise SourceRefused(f"“{table.name}” is not a text file.", "Save it as “CSV UTF-8”.")
    return text


def _find_columns(header: list[str], table: Path) -> dict[str, int]:
    """Return column → its place in a line; “split” only if the table has one."""
    known = [cell.strip().casefold().replace(" ", "_") for cell in header]
    places: dict[str, int] = {}
    for column, words in _COLUMNS.items():
        found = [place for place, word in enumerate(known) if word in words]
        if len(found) > 1:
            raise _refuse(table, 1, f"several columns could be the {column}")
        if found:
            places[column] = found[0]
        elif column != "split":
            raise SourceRefused(
                f"“{table.name}” has no column “{column}” in its first line.",
                "Begin it with “path,class” or “path,class,split”.",
            )
    return places


def _refuse(table: Path, line: int, problem: str) -> SourceRefused:
    return SourceRefused(
        f"Line {line:,} of “{table.name}” cannot be used: {problem}.", "Correct the line."
    )


TABLE = SourceKind(
    kind="csv",
    title="CSV",
    open=lambda request, _downloads: partial(find_in_table, request.place, request.layout),
    ways=(
        Way(
            fields=(Field("path", "Path of the CSV", "/home/me/flowers.csv"),),
            note="Columns: path, class and optionally split (train, validation, test). Paths are "
            "absolute or relative to the folder of the CSV.",
        ),
    ),
)
