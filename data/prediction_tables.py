"""Tables of predictions as programs write them, and the photos of a dataset that their rows name.

A cell of a CSV is text, as it was written. Nothing of it is a formula.
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from core.errors import PredictionsRefused
from core.formats import read_cell_text, size

ROW_LIMIT = 2_000_000
_CELL_LIMIT, _MOST_COLUMNS, _LARGEST_BYTES = 100_000_000, 10_000, 500_000_000
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
    try:
        return _check_cells(_read_file(source, name).flatten().to_pandas(), name)
    except (pa.ArrowException, ValueError, EOFError, OSError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = str(error).removeprefix("CSV parse error: ").splitlines()[0][:200]
        reason = reason.partition(" in row ")[0].strip().rstrip(".")  # of a block, in JSON
        problem = f"{name} could not be read as a table: {reason}."
        raise PredictionsRefused(problem, _SAVE_AGAIN) from error


def _read_file(source: Path, name: str) -> pa.Table:
    """Return the rows of a file, by the ending of its name."""
    if source.stat().st_size > _LARGEST_BYTES:
        raise _refuse_size(name)
    ending = source.name.lower().removesuffix(".gz").rpartition(".")[2]
    if ending == "parquet":
        with pyarrow.parquet.ParquetFile(source) as file:
            facts = file.metadata
            sizes = [facts.row_group(one).total_byte_size for one in range(facts.num_row_groups)]
            if facts.num_rows > ROW_LIMIT or sum(sizes) > 4 * _LARGEST_BYTES:
                raise _refuse_size(name)
            return file.read()
    with (gzip.open if source.suffix.lower() == ".gz" else Path.open)(source, "rb") as stream:
        content = stream.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise _refuse_size(name)
    if ending in ("jsonl", "ndjson", "json"):
        return pyarrow.json.read_json(io.BytesIO(content))
    return _read_csv(_recode(content, name).strip() + b"\n", name)


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


def _read_csv(content: bytes, name: str) -> pa.Table:
    head = re.sub(b'"[^"]*"', b"", content.partition(b"\n")[0]).decode()
    separator = max(",;\t|", key=head.count)
    if head.count(separator) >= _MOST_COLUMNS:
        raise ValueError(f"it has more than {_MOST_COLUMNS:,} columns")
    if content.count(separator.encode()) > _CELL_LIMIT or content.count(b"\n") > 10 * ROW_LIMIT:
        raise _refuse_size(name)
    return pyarrow.csv.read_csv(
        io.BytesIO(content),
        pyarrow.csv.ReadOptions(use_threads=False),  # errors then have the number of the row
        parse_options=pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(default_column_type=pa.large_string()),
    )


def _check_cells(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows with stripped heads of text, once there are some, but not too many."""
    if len(rows) > ROW_LIMIT or rows.size > _CELL_LIMIT:
        raise _refuse_size(name)
    is_named = rows.index.name is not None or rows.index.dtype.kind not in "iu"
    rows = rows.reset_index(drop=not is_named, allow_duplicates=True)
    if rows.empty:
        raise PredictionsRefused(f"{name} lists no predictions.", "Add a row for each photo.")
    heads = [read_cell_text(str(head).strip()) for head in rows.columns]
    if twice := sorted({head for head in heads if heads.count(head) > 1}):
        raise PredictionsRefused(f"{name} has two columns “{twice[0]}”.", "Rename one of them.")
    return rows.set_axis(heads, axis=1)


def _refuse_size(name: str) -> PredictionsRefused:
    return PredictionsRefused(
        f"{name} is too large: {ROW_LIMIT:,} rows and {size(_LARGEST_BYTES)} are allowed.",
        "Leave out rows of other photos, or round the scores to six decimals.",
    )


def read_texts(column: pd.Series) -> pd.Series:
    """Return the cells of a column as stripped text, "" where empty; 3.0 is “3”."""
    texts = column.astype("str").fillna("").str.strip()
    texts = texts.str.replace(r"^(-?\d+)\.0+$", r"\1", regex=True)
    guarded = texts.str.startswith("'")
    return texts.where(~guarded, texts.map(read_cell_text)) if guarded.any() else texts


def read_numbers(column: pd.Series) -> np.ndarray:
    """Return the cells of a column as numbers, (m,) float64; NaN where a cell is no number."""
    try:
        return np.asarray(pc.cast(pa.array(column), pa.float64()), dtype=np.float64)  # fast
    except pa.ArrowException:
        texts = read_texts(column).str.replace(",", ".").str.rstrip("% ")  # 0,91 and 91 %
        return np.asarray(pd.to_numeric(texts, errors="coerce"), dtype=np.float64)


class Match(NamedTuple):
    """The rows of a table and the photos that they name."""

    same: np.ndarray
    """(m,) int64, the first row that names the same thing."""
    rows: np.ndarray
    """(n,) int64, the first row that names each photo; -1: none does."""
    inexact: int
    """Photos that are named by the end of their path."""


def match_photos(cells: pd.Series, manifest: pd.DataFrame) -> Match:
    """Match the cells of a column to photos.

    A photo is named by its path, else by the longest end of a path that only one photo and one cell
    have (the folders before may be of another machine, the ending may be missing), else by its
    SHA-256, which names all of its copies.
    """
    slashed = read_texts(cells).str.replace("\\", "/", regex=False)
    codes, values = pd.factorize(slashed.str.replace(r"^(\./)+", "", regex=True))
    named, paths = pd.Series(values), manifest["path"].astype("str")
    photos = pd.Index(named).get_indexer(paths)
    inexact = 0
    for of_names, of_photos, by_end in _list_keys(named, paths, manifest["sha256"]):
        if (photos >= 0).all() or np.isin(named.index, photos).all():
            break
        keys = of_names.dropna()
        keys = keys[~keys.duplicated(keep=False)]
        found = np.append(keys.index, -1)[pd.Index(keys).get_indexer(of_photos)]
        new = (photos < 0) & ~(by_end & of_photos.duplicated(keep=False).to_numpy())
        inexact += int((found[new] >= 0).sum()) * by_end
        photos = np.where(new, found, photos)
    first = np.unique(codes, return_index=True)[1]
    return Match(first[codes], np.where(photos < 0, -1, first[photos]), inexact)


def _list_keys(
    named: pd.Series, paths: pd.Series, digests: pd.Series
) -> Iterator[tuple[pd.Series, pd.Series, bool]]:
    """Yield keys of names and of photos, and whether they are the end of a path."""
    depth = 1 + min(int(paths.str.count("/").max()), int(named.str.count("/").max()))
    for parts in range(depth, 0, -1):
        end = rf"(?P<end>(?:[^/]+/){{{parts - 1}}}[^/]+)$"
        yield _extract(named, end), _extract(paths, end), True
    yield _extract(named, r"(?P<end>[^/.]+)$"), _extract(paths, r"(?P<end>[^/]+)\.[^/.]+$"), True
    yield _extract(named.str.lower(), "^(?P<end>[0-9a-f]{64})$"), digests, False


def _extract(texts: pd.Series, pattern: str) -> pd.Series:
    """Return the group “end” of a pattern in each text; NaN where it does not match."""
    found = pc.extract_regex(pa.array(texts, type=pa.large_string()), pattern)
    return pd.Series(pc.struct_field(found, "end").to_pandas(), dtype="str")


def find_names(paths: pd.Series) -> pd.Series:
    """Return the file names at the end of paths."""
    return _extract(paths, r"(?P<end>[^/\\]+)$")
