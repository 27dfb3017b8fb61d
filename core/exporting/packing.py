"""The last steps of an export: digests of all files, the check in a process of its own, the zip."""

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import ExportFailed
from core.workspace import digest_file

SUMS = "SHA256SUMS"

_PACKED = (".json", ".md", ".py", ".txt", ".npz", ".xml", ".toml")
"""Endings of files that are worth packing; the numbers of a network are not."""
_PATIENCE_S = 3600.0
_LEAST_TIME = (1980, 1, 1, 0, 0, 0)
"""What a zip can say at least; SOURCE_DATE_EPOCH or a wrong clock may be before it."""


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Returns nothing; the content stands in the file."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    file.write_text(f"{text}\n", encoding="utf-8")


def write_sums(folder: Path) -> None:
    """Returns nothing; SHA256SUMS names every other file, as `sha256sum --check` reads it."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    lines = [f"{digest_file(file)}  {file.relative_to(folder).as_posix()}\n" for file in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def check_folder(folder: Path) -> dict[str, dict[str, Any]]:
    """Returns format → what check.py says of it: state (“right”, “skipped”), difference, problem.

    Raises:
        ExportFailed: Something is wrong; says what.
    """
    command = [sys.executable, "-B", "check.py", "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _fail("its check did not end") from error
    try:
        found = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        said = done.stderr.strip().splitlines()[-1:]
        raise _fail(f"its check could not be run: {' '.join(said)[:300]}") from error
    wrong = [*found["files"]]
    wrong += [
        f"{row['format']}: {row['problem']}" for row in found["formats"] if row["state"] == "wrong"
    ]
    if wrong:
        raise _fail("; ".join(wrong)[:500])
    return {row.pop("format"): row for row in found["formats"]}


def pack_folder(folder: Path, file: Path) -> None:
    """Returns nothing; the file is a zip of the folder, under the folder's name."""
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = (Path(folder.name) / path.relative_to(folder)).as_posix()
            written = max(time.gmtime(path.stat().st_mtime)[:6], _LEAST_TIME)
            entry = zipfile.ZipInfo(name, written)
            entry.external_attr = 0o644 << 16
            packed = path.suffix in _PACKED or path.suffix == ""
            entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as target:
                while block := source.read(1 << 20):
                    target.write(block)


def _fail(what: str) -> ExportFailed:
    return ExportFailed(
        f"The exported model is not right, so nothing was kept: {what}.",
        "Export it again; if it stays so, leave that format out, and report it with this message.",
    )
