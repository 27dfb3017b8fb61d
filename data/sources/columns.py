"""The meaning of the columns of a table of photos, by their heads and cells."""

import re
from collections.abc import Iterator, Sequence

import pandas as pd

from core.errors import SourceRefused
from data.sources.names import list_names

MARKED = "class (the column marked by 1)"
HEADS = {
    "path": (
        "path file filename filenames filepath filepaths file_name file_path image_path img_path "
        "image_file photo_path",
        "image photo img picture images image_name image_id img_id photo_id id",
    ),
    "class": (
        "class label labels class_name label_name category",
        "choice species breed variety target classes answer",
    ),
    "split": ("split splits set subset partition", "data_set dataset usage phase"),
}
"""Column → its clear heads, then likely ones: the first of these is used if no head is clear."""
HEADS_SAID = "; ".join(
    f"{column}: {', '.join(' '.join(words).split())}" for column, words in HEADS.items()
)
_GROUP = re.compile(
    "(patient|subject|group|scene|person|individual|animal|plant|tree|specimen|session|location|site|"
    "camera|sequence|video|burst|case|participant|slide|lesion|family)s?(_?(id|no|nr|number|name))?"
)
_SEVERAL = re.compile(r"\s*[|;,]\s*")


def find_columns(cells: pd.DataFrame, name: str) -> dict[str, str]:
    """Return path, class and (where the table has it) split → the head of its column.

    A class that several columns mark by 1 replaces these columns, under the head MARKED.

    Args:
        cells: All cells as text, by the heads of the table; may be changed.
        name: The name of the table.

    Raises:
        SourceRefused: A column is missing, or several could be one.
    """
    known = {fold_head(head): head for head in reversed(cells.columns)}
    places: dict[str, str] = {}
    for column, (clear, likely) in HEADS.items():
        found = [head for head in cells.columns if fold_head(head) in clear.split()]
        if len(found) > 1:
            raise SourceRefused(
                f"Line 1 of “{name}” cannot be used: several columns could be the {column} "
                f"({list_names(found)}).",
                "Rename the columns that are not.",
            )
        found += [known[word] for word in likely.split() if word in known]
        if found:
            places[column] = found[0]
    if "path" in places and "class" not in places:
        _join_marks(cells, list(places.values()), name)
        places |= {"class": MARKED} if MARKED in cells else {}
    for column in ("path", "class"):
        if column not in places:
            raise SourceRefused(
                f"“{name}” has no column “{column}” in its first line.",
                f"Begin it with “path,class” or “path,class,split”. Also understood: {HEADS_SAID}.",
            )
    return places


def fold_head(head: str) -> str:
    """Return a head without capitals, and with _ for gaps."""
    return re.sub(r"[\s_-]+", "_", head.strip().casefold())


def _join_marks(cells: pd.DataFrame, others: Sequence[str], name: str) -> None:
    """Replace columns of which each row marks exactly one by 1 with a column of their heads.

    Raises:
        SourceRefused: The columns are numbers of another kind, such as scores.
    """
    rest = cells.drop(columns=list(others)).apply(pd.to_numeric, errors="coerce")
    numbers = [head for head in rest if rest[head].notna().all()]
    marks = [head for head in numbers if rest[head].isin((0, 1)).all()]
    if len(marks) > 1 and (rest[marks].sum(axis=1) == 1).all():
        for head in marks:
            del cells[head]
        cells[MARKED] = rest[marks].idxmax(axis=1)
    elif len(numbers) > 1:
        raise SourceRefused(
            f"“{name}” gives {len(numbers)} numbers for each photo ({list_names(numbers)}), but no "
            "class.",
            "Add a column “class” with one class for each photo.",
        )


def find_group_columns(cells: pd.DataFrame) -> tuple[str, ...]:
    """Return the heads of columns that name a patient, a scene or the like of several photos."""
    return tuple(
        head
        for head in cells
        if _GROUP.fullmatch(fold_head(head)) and 1 < cells[head].nunique() < len(cells)
    )


def note_columns(others: Sequence[str], groups: Sequence[str], chosen: str) -> Iterator[str]:
    """Yield sentences on unused columns, and on groups that splits may divide."""
    for head in groups:
        if head != chosen:
            yield (
                f"The column “{head}” was not used: photos of the same {head} may lie in several "
                f"splits. Keep them together (--group {head})."
            )
    if rest := [head for head in others if head not in (*groups, chosen)]:
        yield f"Columns that were not used: {list_names(rest)}."


def note_values(classes: pd.Series) -> Iterator[str]:
    """Yield sentences on classes that look like several classes, or like the same number.

    Raises:
        SourceRefused: Most are measurements.
    """
    names = sorted(set(classes) - {""})
    if several := [name for name in names if all(parts := _SEVERAL.split(name)) and len(parts) > 1]:
        yield f"{list_names(several)} is one class here, not several: a photo has one class."
    numbers = pd.to_numeric(pd.Series(names, dtype="object"), errors="coerce")
    fractions = [name for name, value in zip(names, numbers, strict=True) if value % 1 > 0]
    if len(fractions) > 1 and len(names) > len(classes) / 3:
        raise SourceRefused(
            f"The classes are numbers with fractions ({list_names(fractions)}): measurements, not "
            "classes.",
            "Divide them into classes, such as “low” and “high”, first.",
        )
    if fractions:
        yield f"Each number is a class of its own, as {list_names(fractions)}."
    for _, twins in pd.Series(names).groupby(numbers.to_numpy()):
        if len(twins) > 1:
            yield f"{list_names(twins)} are the same number, but different classes here."
