"""Make an export: a folder with all its files, checked by its own check.py, then one zip.

The check runs in a process of its own, in that folder, without our packages on its path: just as
whoever gets the export will run it. An export that does not pass it is not kept.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from core.errors import ExportFailed, ExtraMissing
from core.exporting.documents import (
    choose_photos,
    describe_golden,
    describe_model,
    write_card,
    write_readme,
)
from core.exporting.space import (
    read_shipped,
    write_deciding_module,
    write_photo_module,
    write_space,
)
from core.exporting.store import (
    STAGING_PREFIX,
    ExportRecord,
    ExportRequest,
    identify_export,
    is_made,
    keep_export,
    read_export,
    sweep_leftovers,
)
from core.exporting.subject import FACTS, Format, Subject, list_missing, open_subject
from core.workspace import Workspace, digest_file, write_atomically
from data.export import make_safe_name, report_failure
from models.export_onnx import write_onnx, write_openvino

Tell = Callable[[str, int, int], None]
"""Told the step that begins, the steps done and the steps in all."""
_PLAIN = {"openvino", "onnx"}
"""Formats that are written without Keras."""


class Making:
    """One export on its way."""

    def __init__(self, workspace: Workspace, request: ExportRequest, tell: Tell) -> None:
        self._seconds: dict[str, float] = {}
        self._workspace, self._request, self._tell = workspace, request, tell
        self._steps = 4 + _needs_keras(request.formats) + len(request.formats) + request.space

    def write(self, target: Path) -> ExportRecord:
        """Write the zip to the target file; return what is known of it.

        Raises:
            ExtraMissing: A format needs a package that is not installed.
            ExportFailed: A format does not answer like the program.
            ExportRefused: The target may not be written.
            DiskFull: There is no room; nothing is left.
        """
        identifier = identify_export(self._workspace, self._request)
        check_extras(self._request.formats)
        sweep_leftovers(self._workspace)
        again = "export again; nothing half-made was left."
        with (
            report_failure(target, again),
            TemporaryDirectory(prefix=STAGING_PREFIX, dir=self._workspace.temporary) as temporary,
            open_subject(self._workspace, self._request.model) as subject,
        ):
            folder = Path(temporary) / make_safe_name(target.stem)
            folder.mkdir()
            with self._step("golden photos"):
                golden = self._write_golden(folder, subject)
            checked = self._fill(folder, subject, golden)
            with self._step("packing"), write_atomically(target) as part:
                pack_folder(folder, part)
        known = {"golden": golden["origin"], "photos": len(golden["photos"])}
        return ExportRecord(
            **vars(self._request) | known,
            id=identifier,
            title=subject.title,
            file=target.name,
            bytes=target.stat().st_size,
            sha256=digest_file(target),
            created=datetime.now(UTC),
            checked=checked,
            seconds=self._seconds,
        )

    def _fill(
        self, folder: Path, subject: Subject, golden: dict[str, Any]
    ) -> dict[str, dict[str, Any]]:
        """Write all but the golden photos, and return what the check said."""
        with self._step("model card"):
            # One line each, whatever a folder was called: whoever reads it counts lines.
            labels = (" ".join(name.splitlines()) for name in subject.classes)
            texts = {
                "MODEL_CARD.md": write_card(self._workspace, subject),
                "README.md": write_readme(subject, self._request.formats, golden),
                "labels.txt": "".join(f"{label}\n" for label in labels),
                "photo.py": write_photo_module(subject.backbone.framing),
                "deciding.py": write_deciding_module(),
                "answering.py": read_shipped("answering.py"),
                "check.py": read_shipped("check.py"),
            }
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
            _write_rule(folder, subject, self._request.formats)
        self._write_models(folder, subject)
        if self._request.space:
            with self._step("Space"):
                write_space(folder / "space", subject)
                _write_plain("openvino", folder / "space" / "model" / "model.xml", subject)
                _write_rule(folder / "space" / "model", subject, ())
        with self._step("checking"):
            write_sums(folder)
            return check_folder(folder)

    def _write_golden(self, folder: Path, subject: Subject) -> dict[str, Any]:
        origin, photos = choose_photos(self._workspace, subject, self._request.golden)
        golden = describe_golden(subject, origin, photos)
        (folder / "golden").mkdir()
        for photo in photos:
            (folder / "golden" / photo.file).write_bytes(photo.content)
        write_json(folder / "golden" / "golden.json", golden)
        return golden

    def _write_models(self, folder: Path, subject: Subject) -> None:
        for name in self._request.formats:
            if name in _PLAIN:
                with self._step(FACTS[name].label):
                    _write_plain(name, folder / FACTS[name].path, subject)
        if not _needs_keras(self._request.formats):
            return
        os.environ["KERAS_BACKEND"] = "tensorflow"  # the only one that writes all of them
        with self._step("Keras network"):
            from models.export_keras import KERAS_FORMATS, KerasExport

            export = KerasExport(subject.network_file, subject.backbone, subject.head)
        for name in KERAS_FORMATS:
            if name in self._request.formats:
                with self._step(FACTS[name].label):
                    (folder / FACTS[name].path).parent.mkdir()
                    export.write(name, folder / FACTS[name].path)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self._tell(name, len(self._seconds), self._steps)
        started = time.perf_counter()
        yield
        self._seconds[name] = round(time.perf_counter() - started, 2)


def check_extras(formats: tuple[Format, ...]) -> None:
    """Check that everything that writing these formats needs is installed.

    Raises:
        ExtraMissing: Something is not; says how it is installed.
    """
    for name in formats:
        if missing := list_missing(name):
            raise ExtraMissing(
                f"{FACTS[name].label} needs what is not installed: {', '.join(missing)}.",
                f"Install it (pip install {' '.join(missing)}), or leave {FACTS[name].label} out.",
                packages=missing,
            )


def _needs_keras(formats: tuple[Format, ...]) -> bool:
    return not set(formats) <= _PLAIN


def _write_rule(folder: Path, subject: Subject, formats: tuple[Format, ...]) -> None:
    """Write model.json and, where it is looked for, the model of unlike photos."""
    write_json(folder / "model.json", describe_model(subject, formats))
    if subject.unlike is not None:
        with (folder / "unlike.npz").open("wb") as file:
            np.savez(file, allow_pickle=False, **asdict(subject.unlike))


def _write_plain(name: Format, file: Path, subject: Subject) -> None:
    """Write a model in a format that needs no Keras."""
    file.parent.mkdir(parents=True)
    if name == "openvino":
        write_openvino(subject.network_file, subject.head, file)
    else:
        write_onnx(subject.network_file, subject.backbone, subject.head, file)


def make_export(workspace: Workspace, request: ExportRequest, tell: Tell) -> ExportRecord:
    """Return the export that fulfils the request, made now if it is not there.

    Raises:
        ExtraMissing: A format needs a package that is not installed.
        ExportFailed: A format does not answer like the program.
        DiskFull: There is no room; nothing is left.
    """
    identifier = identify_export(workspace, request)
    if is_made(workspace, identifier):
        return read_export(workspace, identifier)
    folder = workspace.export_folder(identifier)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"petalscope-{request.model[:8]}-{identifier[:6]}.zip"
    record = Making(workspace, request, tell).write(target)
    keep_export(workspace, record)
    return record


SUMS = "SHA256SUMS"

_PACKED = (".json", ".md", ".py", ".txt", ".npz", ".xml", ".toml")
"""Endings of files that are worth packing; the numbers of a network are not."""
_PATIENCE_S = 3600.0
_LEAST_TIME = (1980, 1, 1, 0, 0, 0)
"""What a zip can say at least; SOURCE_DATE_EPOCH or a wrong clock may be before it."""


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write the content into the file."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    file.write_text(f"{text}\n", encoding="utf-8")


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS of every other file, as `sha256sum --check` reads it."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    lines = [f"{digest_file(file)}  {file.relative_to(folder).as_posix()}\n" for file in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def check_folder(folder: Path) -> dict[str, dict[str, Any]]:
    """Return format → what check.py says of it: state (“right”, “skipped”), difference, problem.

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
    """Write the folder as a zip, under the folder's name."""
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
                shutil.copyfileobj(source, target)


def _fail(what: str) -> ExportFailed:
    return ExportFailed(
        f"The exported model is not right, so nothing was kept: {what}.",
        "Export it again; if it stays so, leave that format out, and report it with this message.",
    )
