"""Checks this export: every file is as it was written, and every format answers as it should.

    python check.py            all formats whose library is installed
    python check.py onnx keras only these
    python check.py --json     for programs

Needs Python 3.11, NumPy and Pillow, and for each format its library (README.md names them). The
exit code is 0 when all that was checked is right, 1 when something is not, 2 when no format could
be checked.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

# Exact arithmetic: a GPU may round coarser than the tolerance.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from answering import Answerer  # type: ignore[import-not-found]
from photo import read_packed_photo  # type: ignore[import-not-found]

HERE = Path(__file__).resolve().parent
Look = Callable[[np.ndarray], dict[str, np.ndarray]]
"""Photos (n, 224, 224, 3) uint8 RGB → "scores" (n, k), and "features" where the format has them."""


def open_keras() -> Look:
    """Return the .keras model, loaded in safe mode."""
    keras = import_module("keras")
    model = keras.models.load_model(HERE / "keras/model.keras", safe_mode=True)
    return lambda photos: {"scores": np.asarray(model.predict_on_batch(photos))}


def open_savedmodel() -> Look:
    """Return the SavedModel, by the signature that TensorFlow Serving calls."""
    tensorflow = import_module("tensorflow")
    loaded = tensorflow.saved_model.load(str(HERE / "savedmodel/1"))
    serve = loaded.signatures["serving_default"]
    return lambda photos: {
        "scores": serve(photos=tensorflow.constant(photos))["scores"].numpy(),
        "model": loaded,  # kept alive as long as it is asked
    }


def open_onnx() -> Look:
    """Return the ONNX model in ONNX Runtime."""
    runtime = import_module("onnxruntime")
    session = runtime.InferenceSession(
        str(HERE / "onnx/model.onnx"), providers=["CPUExecutionProvider"]
    )
    return lambda photos: {"scores": session.run(["scores"], {"photos": photos})[0]}


def open_litert() -> Look:
    """Return the LiteRT model in its interpreter."""
    interpreter = import_module("ai_edge_litert.interpreter")
    model = interpreter.Interpreter(model_path=str(HERE / "litert/model.tflite"))
    run = model.get_signature_runner("serving_default")
    return lambda photos: {"scores": run(photos=photos)["scores"]}


def open_openvino(path: str = "openvino/model.xml") -> Look:
    """Return an OpenVINO model, computed in float32."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    openvino = import_module("openvino")
    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(str(HERE / path), "CPU", hints)
    return lambda photos: {
        name: np.array(value)
        for output, value in model(photos).items()
        for name in output.names & {"scores", "features"}
    }


OPENERS: dict[str, Callable[[], Look]] = {
    "keras": open_keras,
    "savedmodel": open_savedmodel,
    "onnx": open_onnx,
    "litert": open_litert,
    "openvino": open_openvino,
    "space": lambda: open_openvino("space/model/model.xml"),
}


def check_files() -> list[str]:
    """Return what is wrong with the files; nothing when each has the digest in SHA256SUMS."""
    problems = []
    for line in (HERE / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        file = HERE / name
        if not file.is_file():
            problems.append(f"{name} is missing")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            problems.append(f"{name} was altered")
    return problems


def read_photos(golden: dict[str, Any]) -> tuple[np.ndarray, list[str]]:
    """Return the golden photos (n, 224, 224, 3), and which are decoded differently here."""
    photos, problems = [], []
    for entry in golden["photos"]:
        photo, _ = read_packed_photo((HERE / "golden" / entry["file"]).read_bytes())
        if hashlib.sha256(photo.tobytes()).hexdigest() != entry["packed_sha256"]:
            problems.append(
                f"{entry['file']} is decoded to other pixels than by Pillow {golden['pillow']}"
            )
        photos.append(photo)
    return np.stack(photos), problems


def check_format(name: str, photos: np.ndarray, golden: dict[str, Any]) -> dict[str, Any]:
    """Return how far the scores of a format are from the golden ones, and what is wrong."""
    try:
        look = OPENERS[name]()
    except ImportError as error:
        return {"format": name, "state": "skipped", "problem": f"{error.name} is not installed"}
    seen = look(photos)
    wanted = np.array([entry["scores"] for entry in golden["photos"]], np.float32)
    difference = float(np.abs(seen["scores"] - wanted).max())
    same_top = bool((seen["scores"].argmax(axis=1) == wanted.argmax(axis=1)).all())
    problems = [] if difference <= golden["tolerance"] else ["the scores differ"]
    problems += [] if same_top else ["another class is the highest"]
    if "features" in seen:
        problems += check_answers(seen, golden)
    return {
        "format": name,
        "state": "wrong" if problems else "right",
        "difference": difference,
        "same_top": same_top,
        "problem": "; ".join(problems),
    }


def check_answers(seen: dict[str, np.ndarray], golden: dict[str, Any]) -> Iterator[str]:
    """Yield each photo of which something else is said than was said by the program."""
    answerer = Answerer(HERE)
    for entry, scores, features in zip(
        golden["photos"], seen["scores"], seen["features"], strict=True
    ):
        said = answerer.answer(scores, features)
        if [said.kind, said.top[0][0]] != entry["answer"]:
            yield f"{entry['file']}: “{said.sentence}” instead of “{entry['sentence']}”"


def check(names: list[str]) -> dict[str, Any]:
    """Return what was checked, as JSON values."""
    golden = json.loads((HERE / "golden" / "golden.json").read_text(encoding="utf-8"))
    problems = check_files()
    photos, others = read_photos(golden)
    formats = [check_format(name, photos, golden) for name in names]
    return {
        "files": problems + others,
        "photos": len(photos),
        "tolerance": golden["tolerance"],
        "formats": formats,
    }


def describe(found: dict[str, Any]) -> str:
    """Return what was checked, in words."""
    lines = [f"wrong    {problem}" for problem in found["files"]] or ["right    all files"]
    for row in found["formats"]:
        said = f"{row['state']:<8} {row['format']:<11}"
        if "difference" in row:
            said += (
                f"largest difference {row['difference']:.1e} of {found['tolerance']:.0e} allowed"
            )
        lines.append(f"{said} {row['problem']}".rstrip())
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Return the exit code."""
    present = [name for name in OPENERS if (HERE / name).is_dir()]
    wanted = [word for word in arguments if word != "--json"] or present
    if unknown := [name for name in wanted if name not in present]:
        print(f"This export has no {', '.join(unknown)}; it has {', '.join(present)}.")
        return 2
    found = check(wanted)
    print(json.dumps(found) if "--json" in arguments else describe(found))
    states = {row["state"] for row in found["formats"]}
    if found["files"] or "wrong" in states:
        return 1
    return 0 if "right" in states else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
