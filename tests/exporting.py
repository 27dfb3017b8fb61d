"""Exports for tests: unpacked, and asked by the library of each format."""

import importlib.util
import zipfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from core.exporting.making import open_subject
from core.exporting.store import FACTS
from core.workspace import Workspace
from data.images import read_packed_photo
from models.backbone import Backbone, compile_model

TOLERANCE = 1e-4


def unpack(file: Path, folder: Path) -> Path:
    """Return the one folder that the zip holds, unpacked."""
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    (unpacked,) = folder.iterdir()
    return unpacked


def _ask_keras(file: Path, photos: np.ndarray) -> np.ndarray:
    model = import_module("keras").models.load_model(file, safe_mode=True)
    return np.asarray(model.predict_on_batch(photos))


def _ask_onnx(file: Path, photos: np.ndarray) -> np.ndarray:
    session = import_module("onnxruntime").InferenceSession(file)
    (scores,) = session.run(["scores"], {"photos": photos})
    return np.asarray(scores)


def _ask_litert(file: Path, photos: np.ndarray) -> np.ndarray:
    interpreter = import_module("ai_edge_litert.interpreter").Interpreter(model_path=str(file))
    (scores,) = interpreter.get_signature_runner("serving_default")(photos=photos).values()
    return np.asarray(scores)


ASKED: dict[str, Callable[[Path, np.ndarray], np.ndarray]] = {
    "keras": _ask_keras,
    "onnx": _ask_onnx,
    "litert": _ask_litert,
    "space": lambda folder, photos: _ask_onnx(folder / "model.onnx", photos),
}
"""Format → a function of its file and photos (n, side, side, 3) that returns scores (n, k)."""


def check_scores(
    workspace: Workspace,
    model: str,
    folder: Path,
    formats: Sequence[str],
    contents: Sequence[bytes],
) -> None:
    """Compare the formats in an unpacked export with the program, both in float32.

    Args:
        contents: The bytes of the photos.
    """
    with open_subject(workspace, model) as subject:
        framing = subject.backbone.framing
        photos = np.stack([read_packed_photo(content, framing)[0] for content in contents])
        network = compile_model(subject.network_file, "f32", "latency")
        features = Backbone(subject.backbone, network).look(photos).features
        wanted = subject.head.scores(features)
    for name in formats:
        scores = ASKED[name](folder / FACTS[name].path, photos)
        np.testing.assert_allclose(scores, wanted, atol=TOLERANCE, err_msg=name)


def import_app(folder: Path) -> ModuleType:
    """Return the app of an exported Space as a module."""
    spec = importlib.util.spec_from_file_location("exported_app", folder / "app.py")
    assert spec is not None and spec.loader is not None
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    return app
