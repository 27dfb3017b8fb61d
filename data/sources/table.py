"""A table of photos: a .csv with a path and a class in each line, and a split if it likes.

Paths may lead anywhere that the person who imports may read; nothing but photos is taken.
"""

import csv
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from core.errors import SourceRefused
from data.sources.found import READING, Field, FoundPhoto, FoundSource, SourceKind, Tell, Way
from data.sources.layout import (
    PHOTO_SUFFIXES,
    check_classes,
    check_learned,
    make_storable,
    read_split_name,
)
from data.sources.names import note_classes, note_files, unify_spellings

LINE_LIMIT = 1_000_000
TABLE_ENDINGS = (".csv", ".tsv")

_COLUMNS = {
    "path": ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "photo"),
    "class": ("class", "label", "class_name", "category"),
    "split": ("split", "set", "subset", "partition"),
}
_LARGEST_BYTES = 500_000_000


@dataclass(frozen=True)
class _Line:
    number: int
    path: str
    class_name: str
    split: str | None


def find_in_table(table: Path, _unpacked: Path, tell: Tell) -> FoundSource:
    """Return the photos on this machine that a .csv (commas, semicolons or tabs) lists."""
    lines = _check_splits(list(_read_lines(table)), table.name)
    photos, notes = _collect_photos(lines, table.resolve().parent)
    tell(READING, len(lines), len(lines))
    return FoundSource(
        photos=photos,
        name=table.stem,
        origin=str(table.resolve()),
        notes=notes,
        split_origin="the splits of the table",
    )


def _read_lines(table: Path) -> Iterator[_Line]:
    """Yield the lines of the table, checked one by one."""
    text = _read_text(table)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter, strict=True)
    try:
        places = _find_columns(next(reader, []), table.name)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _read_line(cells, places, reader.line_num, table.name)
            if reader.line_num > LINE_LIMIT:
                raise _refuse(table.name, LINE_LIMIT, "the table goes on: that is too much")
    except csv.Error as error:
        raise _refuse(table.name, reader.line_num, f"it is no line of a table ({error})") from error


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
        raise SourceRefused(f"“{table.name}” is no table of text.", "Save it as “CSV UTF-8”.")
    return text


def _find_columns(header: list[str], name: str) -> dict[str, int]:
    """Return column → its place in a line; “split” only where there is one."""
    known = [cell.strip().casefold().replace(" ", "_") for cell in header]
    places: dict[str, int] = {}
    for column, words in _COLUMNS.items():
        found = [place for place, word in enumerate(known) if word in words]
        if len(found) > 1:
            raise _refuse(name, 1, f"several columns could be the {column}")
        if found:
            places[column] = found[0]
    missing = [column for column in ("path", "class") if column not in places]
    if missing:
        raise SourceRefused(
            f"“{name}” has no column “{missing[0]}” in its first line.",
            "Begin it with: path,class – or path,class,split.",
        )
    return places


def _read_line(cells: list[str], places: Mapping[str, int], number: int, name: str) -> _Line:
    if len(cells) <= max(places.values()):
        raise _refuse(name, number, "it has fewer columns than the first line")
    path = cells[places["path"]].strip()
    class_name = unicodedata.normalize("NFC", cells[places["class"]].strip())
    if not path:
        raise _refuse(name, number, "it has no path")
    given = cells[places["split"]].strip() if "split" in places else ""
    split = read_split_name(given)
    if given and split is None:
        raise _refuse(name, number, f"“{given}” is no split: write train, validation or test")
    return _Line(number, path, class_name, split)


def _check_splits(lines: list[_Line], name: str) -> list[_Line]:
    if not lines:
        raise SourceRefused(f"“{name}” lists no photos.", "Add a line for each photo.")
    with_split = [line for line in lines if line.split]
    if with_split and len(with_split) < len(lines):
        without = next(line for line in lines if not line.split)
        raise _refuse(name, without.number, "it has no split, but other lines have one")
    if with_split and not any(line.split == "train" for line in lines):
        raise SourceRefused(
            f"“{name}” has no photo in the split “train”.", "Mark those to learn from as train."
        )
    return lines


def _collect_photos(lines: list[_Line], folder: Path) -> tuple[list[FoundPhoto], tuple[str, ...]]:
    """Return the photos sorted by path, each file once, and what there is to say about them."""
    check_classes({line.class_name for line in lines})
    names, spelling_notes = unify_spellings(Counter(li.class_name for li in lines if li.class_name))
    photos: dict[str, FoundPhoto] = {}
    repeated: list[str] = []
    others: list[str] = []
    for line in lines:
        path = make_storable(line.path.replace("\\", "/"))
        if PurePosixPath(path).suffix.lower() not in PHOTO_SUFFIXES:
            others.append(path)
            continue
        photo = FoundPhoto(
            path=path,
            class_name=names.get(line.class_name, ""),
            split=line.split,
            file=folder / path,
        )
        earlier = photos.setdefault(path, photo)
        if earlier is not photo:
            repeated.append(path)
            if earlier != photo:
                raise SourceRefused(
                    f"Line {line.number:,} puts “{path}” elsewhere than an earlier line does.",
                    "Give each photo one class and one split.",
                )
    found = sorted(photos.values(), key=lambda photo: photo.path)
    check_classes({photo.class_name for photo in found})
    pairs = [(photo.class_name, photo.split) for photo in found]
    check_learned(pairs, "Give every class photos in the split train.")
    notes = (
        *spelling_notes,
        *note_classes(found),
        *note_files(repeated, "listed again; it is taken once"),
        *note_files(others, "no photo by its name"),
    )
    return found, notes


def _refuse(name: str, number: int, problem: str) -> SourceRefused:
    return SourceRefused(
        f"Line {number:,} of “{name}” cannot be used: {problem}.", "Correct the line."
    )


TABLE = SourceKind(
    kind="csv",
    title="CSV",
    open=lambda request, _downloads: partial(find_in_table, request.place),
    ways=(
        Way(
            fields=(Field("path", "Path of the CSV", "/home/me/flowers.csv"),),
            note="Columns path and class, and split if you like (train, validation, test). Paths "
            "are absolute, or relative to the folder of the CSV.",
        ),
    ),
)
