"""Files with a model of another program: what is in them, opened in a process with limits.

A model comes as a file, a folder or a zip, with the names of its classes beside it. No Keras: the
process (models/foreign.py) has it.
"""

import glob
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, NamedTuple, TypeVar

import numpy as np
import openvino as ov

from core.errors import ModelRefused
from core.workspace import PROJECT_ROOT, digest_file
from models.backbone import Preprocessing
from models.foreign import ANSWERS_FILE, PROBES_FILE
from models.graph import GRAPH_FILE, Input, find_input

ENDINGS = (".keras", ".h5", ".hdf5", ".onnx")
NAMES = ("labels.txt", "class_names.txt", "classes.txt")
JSON_NAMES = ("class_names.json", "class_indices.json", "labels.json", "classes.json")
AnyPath = TypeVar("AnyPath", bound=PurePath)
_log = logging.getLogger("models")
_MOST_BYTES = 2 * 10**9
_MOST_SECONDS = 240

_INSTEAD = {
    ("pkl", "pickle", "joblib", "sav"): (
        "A pickle is code that runs when it is opened.",
        "Save the model itself, in the program that made it:\n"
        "import joblib\nmodel = joblib.load('model.pkl')\nmodel.save('model.keras')",
    ),
    ("pt", "pth", "ckpt", "bin", "safetensors"): (
        "A PyTorch file is a pickle or weights without a model.",
        "Export the model as ONNX where it was trained:\nmodel.eval()\n"
        "photos = torch.zeros(1, 3, 224, 224)\n"
        "torch.onnx.export(model, photos, 'model.onnx', dynamic_axes={'photos': {0: 'n'}}, "
        "input_names=['photos'])",
    ),
    ("pb",): (
        "A SavedModel is code of TensorFlow.",
        "Save it as a Keras model where it was trained:\nimport tf_keras\n"
        "model = tf_keras.models.load_model('folder')\nmodel.save('model.h5')",
    ),
    ("tflite", "mlmodel", "pdmodel", "caffemodel"): (
        "This format is not supported.",
        "Export the model as ONNX, or save it from Keras:\nmodel.save('model.keras')",
    ),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Opened:
    """A model that was opened: its graph is in the folder."""

    folder: Path
    digest: str
    """SHA-256 of the file."""
    title: str
    """The name of the file."""
    names: tuple[str, ...]
    """The names of its outputs in order, if a file beside it has them."""
    entry: Input

    def read_graph(self) -> ov.Model:
        """Return the graph, with the input that the model has."""
        return ov.Core().read_model(self.folder / GRAPH_FILE)

    def ask_framework(self, photos: np.ndarray, convention: Preprocessing) -> np.ndarray | None:
        """Return the raw answers (n, k) of the program that the model comes from, in seconds.

        None for ONNX where onnxruntime is not installed.

        Args:
            photos: (n, 224, 224, 3) uint8.

        Raises:
            ModelRefused: They take too much time or memory.
        """
        np.save(self.folder / PROBES_FILE, photos)
        _run(self.folder / self.title, self.folder, convention)
        answered = self.folder / ANSWERS_FILE
        return np.load(answered, allow_pickle=False) if answered.exists() else None


def open_model(file: Path, folder: Path) -> Opened:
    """Return the model of a file, folder or zip, opened into an empty folder.

    Raises:
        ModelRefused: There is no model, several, one that is code, or one too large.
    """
    model, _ = collect_files(file, folder)
    _run(model, folder)
    return read_opened(folder)


def read_opened(folder: Path) -> Opened:
    """Return the model that `open_model` opened into a folder."""
    model = _find_models([*folder.iterdir()])[0]
    return Opened(
        folder=folder,
        digest=digest_file(model),
        title=model.name,
        names=_read_names(folder),
        entry=find_input(ov.Core().read_model(folder / GRAPH_FILE)),
    )


def collect_files(file: Path, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """Copy the model and what lies beside it into the folder; return its file and the names.

    Raises:
        ModelRefused: See `open_model`.
    """
    try:
        with ExitStack() as opened:
            found = _list_files(file, opened)
            models = _find_models(found)
            if len(models) > 1:
                listed = ", ".join(one.name for one in models[:5])
                raise ModelRefused(f"There are several models: {listed}.", "Choose one of them.")
            if not models:
                raise _refuse_kind(file, [one.suffix for one in found])
            model = models[0]
            wanted = {one: found[one] for one in found if one.parent == model.parent}
            if (total := sum(one.size for one in wanted.values())) > _MOST_BYTES:
                raise ModelRefused(
                    f"The model takes {total:,} bytes; the limit is {_MOST_BYTES:,}.",
                    "Add a smaller one, or its predictions (page Runs, “Add predictions”).",
                )
            for path, one in wanted.items():
                with one.open() as source, (folder / path.name).open("wb") as target:
                    shutil.copyfileobj(source, target, 2**20)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        said = f"“{file.name}” is missing, truncated or damaged."
        raise ModelRefused(said, "Check its path, or save it again.") from error
    plain = folder / f"{model.stem}{model.suffix.lower()}"
    return (folder / model.name).rename(plain), _read_names(folder)


def _find_models(paths: Iterable[AnyPath]) -> list[AnyPath]:
    return [one for one in paths if one.suffix.lower() in ENDINGS and one.name[0] != "."]


class _Found(NamedTuple):
    """A file in a folder or zip."""

    size: int
    open: Callable[[], Any]


def _list_files(file: Path, opened: ExitStack) -> dict[PurePosixPath, _Found]:
    """Return the files of a folder or zip; of a single file, also what belongs to it."""
    if file.suffix.lower() == ".zip":
        archive = opened.enter_context(zipfile.ZipFile(file))
        inside = [one for one in archive.infolist() if not one.is_dir()]
        return {
            PurePosixPath(one.filename): _Found(one.file_size, partial(archive.open, one))
            for one in inside
        }
    beside = [file] if file.is_file() else [one for one in file.rglob("*") if one.is_file()]
    if file.is_file():
        names = (file.parent / name for name in (*NAMES, *JSON_NAMES))
        parts = file.parent.glob(f"{glob.escape(file.name)}[._]*")  # data of a large ONNX model
        beside += [one for one in (*names, *parts) if one.is_file()]
    return {
        PurePosixPath(one): _Found(one.stat().st_size, partial(one.open, "rb")) for one in beside
    }


def _refuse_kind(file: Path, inside: Sequence[str]) -> ModelRefused:
    """Return the refusal of a file, folder or zip with these endings and no model to open."""
    for endings, said in _INSTEAD.items():
        if any(ending.lower().lstrip(".") in endings for ending in inside):
            return ModelRefused(*said)
    return ModelRefused(
        f"“{file.name}” is not a model: {', '.join(ENDINGS)}, or a folder or zip with one.",
        "Save the model: model.save('model.keras').",
    )


def _read_names(folder: Path) -> tuple[str, ...]:
    """Return the names of the outputs, in order; none where no file has them."""
    for name in (*NAMES, *JSON_NAMES):
        file = folder / name
        if not file.exists():
            continue
        try:
            text = file.read_text(encoding="utf-8-sig")
            return _parse_json(text) if file.suffix == ".json" else _parse_lines(text)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ModelRefused(
                f"The names of the classes in {name} cannot be read.",
                "Write one name in each line, in the order of the outputs.",
            ) from error
    return ()


def _parse_lines(text: str) -> tuple[str, ...]:
    """Return the names of lines such as “daisy” or, as Teachable Machine has them, “0 daisy”."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    numbered = [re.fullmatch(r"(\d+)[\s:,]+(.+)", line) for line in lines]
    pairs = [(int(one[1]), one[2]) for one in numbered if one]
    if len(pairs) == len(lines) and sorted(number for number, _ in pairs) == [*range(len(lines))]:
        return tuple(name for _, name in sorted(pairs))
    return tuple(lines)


def _parse_json(text: str) -> tuple[str, ...]:
    """Return the names of a list, of {"0": "daisy"}, or of Keras' {"daisy": 0}."""
    content = json.loads(text)
    if isinstance(content, list):
        return tuple(map(str, content))
    if all(isinstance(value, int) for value in content.values()):
        return tuple(sorted(content, key=content.__getitem__))
    return tuple(str(content[key]) for key in sorted(content, key=int))


def _run(model: Path, folder: Path, *convention: Preprocessing) -> None:
    """Open the model in the other process, see there.

    Raises:
        ModelRefused: It was refused there, or took too much time or memory.
    """
    command = [sys.executable, "-P", "-m", "models.foreign", str(model), str(folder)]
    command += convention
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        ended = subprocess.run(
            command,
            cwd=folder,
            env={**environment, "KERAS_BACKEND": "tensorflow"},
            capture_output=True,
            timeout=_MOST_SECONDS,
            check=False,
        )
        said = json.loads(ended.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired as error:
        raise _refuse_cost(f"takes longer than {_MOST_SECONDS} seconds") from error
    except (ValueError, IndexError) as error:  # it was killed, or ended in the middle
        _log.error("models.foreign: %s", ended.stderr.decode(errors="replace")[-4000:])
        raise _refuse_cost("takes too much memory, or is damaged") from error
    if said:
        raise ModelRefused(said["problem"], said["remedy"])


def _refuse_cost(what: str) -> ModelRefused:
    remedy = "Add a smaller model, or its predictions (page Runs, “Add predictions”)."
    return ModelRefused(f"Opening this model {what}.", remedy)
