"""Makes an export: a folder with all its files, checked by its own check.py, then one zip.

The check runs in a process of its own, in that folder, without our packages on its path: just as
whoever gets the export will run it. An export that does not pass it is not kept.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from core.errors import ExtraMissing
from core.exporting.card import describe_model, write_card
from core.exporting.formats import FACTS, Format, list_missing
from core.exporting.golden import choose_photos, describe_golden
from core.exporting.packing import check_folder, pack_folder, write_json, write_sums
from core.exporting.readme import write_readme
from core.exporting.sources import read_shipped, write_deciding_module, write_photo_module
from core.exporting.space import write_space
from core.exporting.store import STAGING_PREFIX, ExportWish, sweep_leftovers
from core.exporting.subject import Subject, open_subject
from core.prediction.unlike import UnlikeModel
from core.workspace import Workspace, write_atomically
from data.export import make_safe_name, report_failure
from models.export_onnx import write_onnx, write_openvino

Tell = Callable[[str, int, int], None]
"""Told the step that begins, the steps done and the steps in all."""


class Making:
    """One export on its way; `seconds` says afterwards how long each step took."""

    def __init__(self, workspace: Workspace, wish: ExportWish, tell: Tell) -> None:
        self.title = ""
        self.golden_origin: str = wish.golden
        self.golden_photos = 0
        self.checked: dict[str, dict[str, Any]] = {}
        self.seconds: dict[str, float] = {}
        self._workspace, self._wish, self._tell = workspace, wish, tell
        self._steps = 4 + _needs_keras(wish.formats) + len(wish.formats) + wish.space

    def write(self, target: Path) -> None:
        """Returns nothing; the zip stands in the target file.

        Raises:
            ExtraMissing: A format needs a package that is not installed.
            ExportFailed: A format does not answer like the program.
            ExportRefused: The target may not be written.
            DiskFull: There is no room; nothing is left.
        """
        check_extras(self._wish.formats)
        sweep_leftovers(self._workspace)
        again = "export again; nothing half-made was left."
        with (
            report_failure(target, again),
            TemporaryDirectory(prefix=STAGING_PREFIX, dir=self._workspace.temporary) as temporary,
            open_subject(self._workspace, self._wish.model) as subject,
        ):
            self.title = subject.title
            folder = Path(temporary) / make_safe_name(target.stem)
            folder.mkdir()
            self._fill(folder, subject)
            with self._step("packing"), write_atomically(target) as part:
                pack_folder(folder, part)

    def _fill(self, folder: Path, subject: Subject) -> None:
        with self._step("golden photos"):
            golden = self._write_golden(folder, subject)
        with self._step("model card"):
            texts = {
                "MODEL_CARD.md": write_card(self._workspace, subject),
                "README.md": write_readme(subject, self._wish.formats, golden),
                # One line each, whatever a folder was called: whoever reads it counts lines.
                "labels.txt": "".join(
                    f"{' '.join(name.splitlines())}\n" for name in subject.classes
                ),
                "photo.py": write_photo_module(),
                "deciding.py": write_deciding_module(),
                "answering.py": read_shipped("answering.py"),
                "check.py": read_shipped("check.py"),
            }
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
            _write_rule(folder, subject, self._wish.formats)
        self._write_models(folder, subject)
        if self._wish.space:
            with self._step("Space"):
                write_space(folder / "space", subject)
                _write_openvino(folder / "space" / "model" / "model.xml", subject)
                _write_rule(folder / "space" / "model", subject, ())
        with self._step("checking"):
            write_sums(folder)
            self.checked = check_folder(folder)

    def _write_golden(self, folder: Path, subject: Subject) -> dict[str, Any]:
        origin, photos = choose_photos(self._workspace, subject, self._wish.golden)
        golden = describe_golden(subject, origin, photos)
        self.golden_origin, self.golden_photos = origin, len(photos)
        (folder / "golden").mkdir()
        for photo in photos:
            (folder / "golden" / photo.file).write_bytes(photo.content)
        write_json(folder / "golden" / "golden.json", golden)
        return golden

    def _write_models(self, folder: Path, subject: Subject) -> None:
        writers = {"openvino": _write_openvino, "onnx": _write_onnx}
        for name in self._wish.formats:
            if name in writers:
                with self._step(FACTS[name].label):
                    writers[name](folder / FACTS[name].path, subject)
        if not _needs_keras(self._wish.formats):
            return
        os.environ["KERAS_BACKEND"] = "tensorflow"  # the only one that writes all of them
        with self._step("Keras network"):
            from models.export_keras import KERAS_FORMATS, KerasExport

            export = KerasExport(subject.network_file, subject.backbone.preprocessing, subject.head)
        for name in KERAS_FORMATS:
            if name in self._wish.formats:
                with self._step(FACTS[name].label):
                    (folder / FACTS[name].path).parent.mkdir()
                    export.write(name, folder / FACTS[name].path)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self._tell(name, len(self.seconds), self._steps)
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 2)


def check_extras(formats: tuple[Format, ...]) -> None:
    """Returns nothing when everything that writing these formats needs is installed.

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
    return not {"openvino", "onnx"}.issuperset(formats)


def _write_rule(folder: Path, subject: Subject, formats: tuple[Format, ...]) -> None:
    """Returns nothing; model.json and, where it is looked for, what is unlike stand there."""
    write_json(folder / "model.json", describe_model(subject, formats))
    unlike = subject.unlike
    if unlike is not None:
        arrays = {field.name: getattr(unlike, field.name) for field in fields(UnlikeModel)}
        with (folder / "unlike.npz").open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)


def _write_openvino(file: Path, subject: Subject) -> None:
    file.parent.mkdir(parents=True)
    write_openvino(subject.network_file, subject.head, file)


def _write_onnx(file: Path, subject: Subject) -> None:
    file.parent.mkdir(parents=True)
    write_onnx(subject.network_file, subject.backbone.preprocessing, subject.head, file)
