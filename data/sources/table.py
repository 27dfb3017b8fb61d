"""A table of photos: a .csv with path and class in each line, and optionally a split.

Paths may lead anywhere that the importing person may read; only photos are taken.
"""

import csv
import io
import os
import posixpath
import unicodedata
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

import pandas as pd

from core.errors import LayoutUnclear, SourceRefused
from core.formats import count, read_cell_text
from data.sources.columns import (
    MARKED,
    find_columns,
    find_group_columns,
    fold_head,
    note_columns,
    note_values,
)
from data.sources.found import (
    READING,
    Field,
    FoundPhoto,
    FoundSource,
    Output,
    SourceKind,
    SourceRequest,
    Way,
)
from data.sources.layout import (
    MOST_FILES,
    check_classes,
    check_trained,
    is_photo,
    make_storable,
)
from data.sources.names import find_look_alikes, list_names, note_classes, note_files
from data.sources.words import read_split_name

LINE_LIMIT = 1_000_000
SAME_CLASSES = "same"
TABLE_ENDINGS = (".csv", ".tsv")

_LARGEST_BYTES = 500_000_000


def find_in_table(request: SourceRequest, output: Output) -> FoundSource:
    """Return the photos on this machine that a .csv (commas, semicolons or tabs) lists.

    The layout SAME_CLASSES joins classes that differ in spelling only; "" asks.
    """
    table, group = request.place, request.group
    rows, notes, groups = read_table(table, group)
    output.tell(READING, len(rows), len(rows))
    check_classes(set(rows["class"]))
    said = _unite_spellings(rows, request.layout)
    folder = table.resolve().parent
    rows["path"], match_notes = match_paths(rows["path"], table.name, folder)
    is_taken = rows["path"].map(lambda path: is_photo(posixpath.basename(path), folder / path))
    others, rows = rows["path"][~is_taken], rows[is_taken]
    repeated = rows["path"][rows.duplicated("path")]
    rows = rows.drop_duplicates()
    if (contrary := rows.duplicated("path")).any():
        raise _refuse(table, contrary.idxmax(), "an earlier line gives another class or split")
    photos = [
        FoundPhoto(path=path, class_name=name, split=split or None, group=own, file=folder / path)
        for path, name, split, own in rows.sort_values("path").itertuples(index=False)
    ]
    check_classes({photo.class_name for photo in photos})
    pairs = [(photo.class_name, photo.split) for photo in photos]
    check_trained(pairs, "Every class needs photos in the split train.")
    return FoundSource(
        photos=photos,
        name=table.stem,
        origin=str(table.resolve()),
        notes=(
            *notes,
            *match_notes,
            *note_classes(photos),
            *note_files(repeated.tolist(), "listed more than once"),
            *note_files(others.tolist(), "without the file ending of a photo"),
        ),
        split_origin="the splits of the table",
        layout=said,
        groups=tuple(head for head in groups if fold_head(head) != fold_head(group)),
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


def read_table(table: Path, group: str = "") -> tuple[pd.DataFrame, list[str], tuple[str, ...]]:
    """Return the rows, notes on columns and values, and the heads that may name groups.

    The rows have path, class, split and group ("" without one); the index is the line number.

    Raises:
        SourceRefused: The file is no such table, or a line cannot be used.
    """
    cells = _read_cells(table)
    places = find_columns(cells, table.name)
    others = [head for head in cells if head not in places.values()]
    groups = find_group_columns(cells[others])
    chosen = next((head for head in others if fold_head(head) == fold_head(group)), "")
    if group and not chosen:
        raise SourceRefused(
            f"“{table.name}” has no column “{group}” beside path, class and split.",
            f"Its other columns: {list_names(others)}." if others else "Leave out the group.",
        )
    rows = pd.DataFrame({column: cells[head] for column, head in places.items()})
    if (short := rows.isna().any(axis=1)).any():
        raise _refuse(table, short.idxmax(), "it has fewer columns than the first line")
    rows["class"] = rows["class"].map(lambda name: " ".join(name.split()))
    notes = [*note_columns(others, groups, chosen), *note_values(rows["class"])]
    if places["class"] == MARKED:
        notes.append("The class of a photo is the name of the column that holds a 1.")
    rows = _check_rows(rows, table).assign(group=cells[chosen] if chosen else "")
    return rows, notes, groups


def _read_cells(table: Path) -> pd.DataFrame:
    """Return the cells as text, by head; the index is the number of the line where a row ends."""
    text = _read_text(table)
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        heads = [cell.strip() for cell in next(reader, [])]
        lines = {}
        for cells in islice(reader, LINE_LIMIT + 1):
            lines[reader.line_num] = cells
    except csv.Error as error:
        raise _refuse(table, reader.line_num, str(error)) from error
    if len(lines) > LINE_LIMIT:
        raise _refuse(table, LINE_LIMIT + 2, f"only {LINE_LIMIT:,} photos are allowed")
    lines = {number: cells for number, cells in lines.items() if any(map(str.strip, cells))}
    unique = [
        head if head and head not in heads[:place] else f"{head} (column {place + 1})".strip()
        for place, head in enumerate(heads)
    ]
    columns = {
        head: [
            read_cell_text(cells[place].strip()) if place < len(cells) else None
            for cells in lines.values()
        ]
        for place, head in enumerate(unique)
    }
    rows = pd.DataFrame(columns, index=list(lines), columns=unique, dtype="str")
    if rows.empty and len(heads) > 1:
        raise SourceRefused(f"“{table.name}” lists no photos.", "Add a line for each photo.")
    return rows


def match_paths(paths: pd.Series, name: str, folder: Path) -> tuple[pd.Series, list[str]]:
    """Return the paths in one spelling for each file, and notes on inexact ones.

    A path without a file is matched to the only photo below the folder of the table whose path ends
    like it, or whose name is the same, with or without the ending.

    Args:
        name: The name of the table.

    Raises:
        SourceRefused: No path has an ending, and none is matched.
    """
    paths = paths.map(posixpath.normpath)
    # Not Path.is_file, which raises for names that are too long.
    missing = [path for path in paths.unique() if not os.path.isfile(folder / path)]  # noqa: PTH113
    places: dict[str, list[str]] = {}
    for file in islice(folder.rglob("*"), MOST_FILES) if missing else ():
        found = file.relative_to(folder).as_posix()
        for spelling in {file.name, file.stem} if is_photo(found) else ():
            places.setdefault(spelling, []).append(found)
    matched = {
        path: _match_path(path, places.get(posixpath.basename(path), [])) for path in missing
    }
    matched = {path: found for path, found in matched.items() if found}
    bare = [path for path in missing if not PurePosixPath(path).suffix]
    if len(bare) == paths.nunique() and not matched:
        raise SourceRefused(
            f"The paths in “{name}” have no ending, as “{bare[0]}”, and none is the name of a "
            "single photo.",
            "Add the endings, such as “.jpg”.",
        )
    notes = [
        f"{count(len(some), 'path')} {what} matched by name: “{some[0]}” is “{matched[some[0]]}”."
        for what, some in (
            ("without an ending", sorted(matched.keys() & set(bare))),
            ("in another folder", sorted(matched.keys() - set(bare))),
        )
        if some
    ]
    return paths.map(lambda path: matched.get(path, path)), notes


def _match_path(path: str, places: list[str]) -> str | None:
    """Return the only one of some paths that ends like a path, else the only one."""
    bare = {place: place.removesuffix(PurePosixPath(place).suffix) for place in places}
    tail = f"/{path}"
    ends = [one for one in places if f"/{one}".endswith(tail) or f"/{bare[one]}".endswith(tail)]
    return next((some[0] for some in (ends, places) if len(some) == 1), None)


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


def _refuse(table: Path, line: int, problem: str) -> SourceRefused:
    return SourceRefused(
        f"Line {line:,} of “{table.name}” cannot be used: {problem}.", "Correct the line."
    )


TABLE = SourceKind(
    kind="csv",
    title="CSV",
    find=find_in_table,
    ways=(
        Way(
            fields=(Field("path", "Path of the CSV", "/home/me/flowers.csv"),),
            note="Columns: path, class and optionally split (train, validation, test). Paths are "
            "absolute or relative to the folder of the CSV.",
        ),
    ),
)
