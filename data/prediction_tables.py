"""Tables of predictions as programs write them, and the photos of a dataset that their rows name.

A cell of text is as it was written; a column is text, numbers or lists. Nothing of it is a formula.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
import pyarrow.parquet

from core.errors import PredictionsRefused
from core.formats import read_cell_text, size
from data.sources.names import list_names

ROW_LIMIT = 2_000_000
_CELL_LIMIT = 100_000_000
_LARGEST_BYTES = 500_000_000
_HEAD_ROWS, _MOST_COLUMNS = 1_000, 10_000
_FRACTION = r"\s*-?\d*\.\d+(?:[eE][-+]?\d+)?\s*"
_SAVE_AGAIN = "Save the table as CSV (UTF-8), Parquet or JSON lines."


def read_cells(source: Path | pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a file (.csv, .tsv, .csv.gz, .parquet, .jsonl) or of a table in memory.

    Raises:
        PredictionsRefused: The file is no such table, is too large, or lists nothing.
    """
    if isinstance(source, pd.DataFrame):
        return _check_cells(source, "The table")
    name = f"“{source.name}”"
    if not source.is_file():
        raise PredictionsRefused(f"There is no file “{source}”.", "Check the path.")
    if source.stat().st_size > _LARGEST_BYTES:
        raise _refuse_size(name)
    ending = source.name.lower().removesuffix(".gz").rpartition(".")[2]
    try:
        if ending == "parquet":
            return _check_cells(_read_parquet(source, name), name)
        content = _read_bytes(source, name)
        if ending in ("jsonl", "ndjson", "json"):
            rows = pyarrow.json.read_json(io.BytesIO(content)).flatten()
            return _check_cells(rows.to_pandas(), name)
        return _check_cells(_read_text_table(_recode(content, name)), name)
    except (pa.ArrowException, ValueError, EOFError, OSError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = str(error).splitlines()[0].removeprefix("Error tokenizing data. C error: ")
        reason = reason.partition(" in row ")[0]  # Arrow counts the rows of a block
        raise PredictionsRefused(
            f"{name} could not be read as a table: {reason.strip().rstrip('.')}.", _SAVE_AGAIN
        ) from error


def _read_bytes(source: Path, name: str) -> bytes:
    packed = source.suffix.lower() == ".gz"
    with gzip.open(source) if packed else source.open("rb") as file:
        content = file.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise _refuse_size(name)
    return content


def _recode(content: bytes, name: str) -> bytes:
    """Return text as UTF-8: it is, or UTF-16 with its mark, or of Excel in western Europe."""
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if wide else ("utf-8", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        content = content if encoding == "utf-8" else text.encode()
        if not re.search(rb"[\0-\x08\x0e-\x1f]", content):
            return content.removeprefix(b"\xef\xbb\xbf")
    raise PredictionsRefused(f"{name} is not a text file.", _SAVE_AGAIN)


def _read_text_table(content: bytes) -> pd.DataFrame:
    """Return the columns of a CSV: numbers where the first rows have fractions, else text."""
    head = re.sub(b'"[^"]*"', b"", content.lstrip().partition(b"\n")[0]).decode()
    separator = max(",;\t|", key=head.count)
    if (columns := head.count(separator) + 1) > _MOST_COLUMNS:
        raise ValueError(f"it has more than {_MOST_COLUMNS:,} columns")
    options = {"sep": separator, "keep_default_na": False, "low_memory": False}
    options |= {"skipinitialspace": True, "quoting": csv.QUOTE_MINIMAL}
    first = pd.read_csv(io.BytesIO(content), nrows=_HEAD_ROWS, dtype="str", **options)
    texts = [one for one in first if not first[one].str.fullmatch(_FRACTION).any()]
    options |= {"nrows": 1 + min(ROW_LIMIT, _CELL_LIMIT // columns)}
    rows = pd.read_csv(io.BytesIO(content), dtype=dict.fromkeys(texts, "str"), **options)
    if not isinstance(rows.index, pd.RangeIndex):
        raise ValueError("the rows have more cells than the first line")
    return rows


def _read_parquet(source: Path, name: str) -> pd.DataFrame:
    with pyarrow.parquet.ParquetFile(source) as file:
        facts = file.metadata
        sizes = [facts.row_group(one).total_byte_size for one in range(facts.num_row_groups)]
        if facts.num_rows > ROW_LIMIT or sum(sizes) > 4 * _LARGEST_BYTES:
            raise _refuse_size(name)
        return file.read().flatten().to_pandas()


def _check_cells(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows with stripped heads of text, once there are some, but not too many."""
    if len(rows) > ROW_LIMIT or rows.size > _CELL_LIMIT:
        raise _refuse_size(name)
    is_named = rows.index.name is not None or rows.index.dtype.kind not in "iu"
    rows = rows.reset_index(drop=not is_named)
    if rows.empty:
        raise PredictionsRefused(f"{name} lists no predictions.", "Add a row for each photo.")
    heads = [read_cell_text(str(head).strip()) for head in rows.columns]
    if twice := sorted({head for head in heads if heads.count(head) > 1}):
        raise PredictionsRefused(f"{name} has two columns “{twice[0]}”.", "Rename one of them.")
    return rows.set_axis(heads, axis=1)


def check_column(head: str | None, heads: Collection[str]) -> None:
    """Refuse a chosen column that the table does not have."""
    if head is not None and head not in heads:
        raise PredictionsRefused(
            f"The table has no column “{head}”.", f"Choose one of {list_names(heads)}."
        )


def _refuse_size(name: str) -> PredictionsRefused:
    return PredictionsRefused(
        f"{name} is too large: {ROW_LIMIT:,} rows and {size(_LARGEST_BYTES)} are allowed.",
        "Leave out rows of other photos, or round the scores to six decimals.",
    )


def read_texts(column: pd.Series) -> pd.Series:
    """Return the cells of a column as stripped text, "" where empty; 3.0 is “3”."""
    if column.dtype.kind == "f" and ((column % 1 == 0) | column.isna()).all():
        column = column.astype("Int64") if column.abs().max() < 1e15 else column
    texts = column.astype("str").fillna("").str.strip()
    guarded = texts.str.startswith("'")
    return texts.where(~guarded, texts.map(read_cell_text)) if guarded.any() else texts


def read_numbers(column: pd.Series) -> np.ndarray:
    """Return the cells of a column as numbers, (m,) float64; NaN where a cell is no number."""
    numbers = pd.to_numeric(column, errors="coerce")
    if pd.api.types.is_string_dtype(column) and numbers.isna().any():  # 0,91 and 91 %
        others = column[numbers.isna()].str.replace(",", ".").str.rstrip("% ")
        numbers = numbers.fillna(pd.to_numeric(others, errors="coerce"))
    return np.asarray(numbers, dtype=np.float64)


class Match(NamedTuple):
    """The rows of a table and the photos that they name."""

    codes: np.ndarray
    """(m,) int64, equal for rows that name the same thing."""
    photos: np.ndarray
    """(n,) int64, the code that names each photo; -1: none does."""
    inexact: int
    """Photos that are named by the end of their path."""

    @property
    def rows(self) -> np.ndarray:
        """The first row that names each photo, (n,) int64; -1: none does."""
        first = np.unique(self.codes, return_index=True)[1]
        return np.where(self.photos < 0, -1, first[self.photos])

    @property
    def is_known(self) -> np.ndarray:
        """Whether each row names a photo, (m,) bool."""
        return np.isin(self.codes, self.photos)


def match_photos(cells: pd.Series, manifest: pd.DataFrame) -> Match:
    """Match the cells of a column to photos.

    A photo is named by its path, else by the longest end of a path that only one photo and one cell
    have (the folders before may be of another machine, the ending may be missing), else by its
    SHA-256, which names all of its copies.
    """
    slashed = cells.str.replace("\\", "/", regex=False)
    codes, values = pd.factorize(slashed.str.replace(r"^(\./)+", "", regex=True))
    named, paths = pd.Series(values), manifest["path"].astype("str")
    photos = pd.Index(named).get_indexer(paths)
    exact = photos >= 0
    depth = 1 + min(int(paths.str.count("/").max()), int(named.str.count("/").max()))
    for end in (*range(depth, 0, -1), 0):
        if min((photos < 0).sum(), len(named) - (photos >= 0).sum()) > 0:
            found = _match_ends(named, paths, end)
            photos = np.where(photos < 0, found, photos)
    inexact = int(((photos >= 0) & ~exact).sum())
    digests = named.str.lower()
    digests = digests[digests.str.fullmatch("[0-9a-f]{64}") & ~digests.duplicated()]
    found = pd.Index(digests).get_indexer(manifest["sha256"])
    by_digest = (photos < 0) & (found >= 0)
    photos[by_digest] = digests.index.to_numpy()[found[by_digest]]
    return Match(codes, photos, inexact)


def _match_ends(named: pd.Series, paths: pd.Series, end: int) -> np.ndarray:
    """Return the place of the only name with the same end as each path, (n,) int64; -1: none.

    Args:
        end: The last parts that are compared; 0: the last one, which has no ending in the name.
    """
    parts = rf"(?P<end>(?:[^/]+/){{{end - 1}}}[^/]+)$"
    of_names = _extract(named, parts if end else r"(?P<end>[^/.]+)$").dropna()
    of_names = of_names[~of_names.duplicated(keep=False)]
    of_paths = _extract(paths, parts if end else r"(?P<end>[^/]+)\.[^/.]+$")
    found = pd.Index(of_names).get_indexer(of_paths)
    found[of_paths.isna() | of_paths.duplicated(keep=False)] = -1
    return np.where(found < 0, -1, of_names.index.to_numpy()[found] if len(of_names) else -1)


def _extract(texts: pd.Series, pattern: str) -> pd.Series:
    """Return the group “end” of a pattern in each text; NaN where it does not match."""
    found = pc.extract_regex(pa.array(texts, type=pa.large_string()), pattern)
    return pd.Series(pc.struct_field(found, "end").to_pandas(), dtype="str")


def find_names(paths: pd.Series) -> pd.Series:
    """Return the file names at the end of paths."""
    return _extract(paths, r"(?P<end>[^/\\]+)$")
