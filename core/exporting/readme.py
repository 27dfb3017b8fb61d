"""README.md of an export: what is in it and how each format is asked, in a few lines of code."""

from typing import Any

from core.exporting.formats import FACTS, Format
from core.exporting.subject import Subject
from core.formats import count, plain

_SNIPPETS: dict[Format, str] = {
    "keras": """import keras
model = keras.models.load_model("keras/model.keras")
scores = model.predict(photos)""",
    "savedmodel": """import tensorflow as tf
serve = tf.saved_model.load("savedmodel/1").signatures["serving_default"]
scores = serve(photos=tf.constant(photos))["scores"].numpy()""",
    "onnx": """import onnxruntime
session = onnxruntime.InferenceSession("onnx/model.onnx")
(scores,) = session.run(["scores"], {"photos": photos})""",
    "litert": """from ai_edge_litert.interpreter import Interpreter
run = Interpreter(model_path="litert/model.tflite").get_signature_runner("serving_default")
scores = run(photos=photos)["scores"]""",
    "openvino": """import openvino
hints = {"INFERENCE_PRECISION_HINT": "f32"}  # leave it out for speed: see “How exact”
model = openvino.Core().compile_model("openvino/model.xml", "CPU", hints)
found = model(photos)
scores, features = found["scores"], found["features"]""",
}
_SERVING = """With TensorFlow Serving:

    docker run --rm -p 8501:8501 -v "$PWD/savedmodel:/models/petalscope" \\
        -e MODEL_NAME=petalscope tensorflow/serving
    # POST {"instances": [[[[r, g, b], …], …]]} to http://localhost:8501/v1/models/petalscope:predict
"""


def write_readme(subject: Subject, formats: tuple[Format, ...], golden: dict[str, Any]) -> str:
    """Returns README.md of an export.

    Args:
        subject: What is exported.
        formats: That are in it.
        golden: What `core.exporting.golden.describe_golden` returned.
    """
    parts = [
        f"# {plain(subject.title)}",
        "An image classifier (ResNet-50 with a head for "
        f"{count(len(subject.classes), 'class')}), exported by Petalscope. MODEL_CARD.md says "
        "what it was trained on, how good it is and what it is not for.",
        "## In and out\n\n" + _describe_input(),
        *(_describe_format(name) for name in formats),
        "## From scores to an answer\n\n" + _describe_answering(subject),
        "## Check it\n\n" + _describe_check(golden),
        "## How exact\n\n" + _describe_exactness(golden),
    ]
    return "\n\n".join(parts) + "\n"


def _describe_input() -> str:
    return (
        "In: `photos`, (n, 224, 224, 3) uint8, RGB, 0 to 255; any n. The model preprocesses inside "
        "(what ResNet-50 wants of colours): feed the pixels as they are. Out: `scores`, (n, "
        "classes) float32, each row sums to 1, in the order of labels.txt.\n\n"
        "Photos of other sizes: turn them upright, resize the short side to 224, cut out the "
        "centre. photo.py is the program's own way (NumPy and Pillow); resizing by other means "
        "gives other scores. The models take no other size themselves, because "
        "no two of these formats resize alike.\n\n"
        "    import numpy as np\n"
        "    from photo import read_packed_photo\n"
        '    photo, _ = read_packed_photo(open("golden/01.jpg", "rb").read())\n'
        "    photos = photo[np.newaxis]"
    )


def _describe_format(name: Format) -> str:
    facts = FACTS[name]
    code = "\n".join(f"    {line}" for line in _SNIPPETS[name].splitlines())
    after = f"\n\n{_SERVING.rstrip()}" if name == "savedmodel" else ""
    return (
        f"## {facts.label}: `{facts.path}`\n\nFor {facts.purpose}. "
        f"`pip install {facts.reads}`\n\n{code}{after}"
    )


def _describe_answering(subject: Subject) -> str:
    rule = subject.rule
    if rule is None:
        return (
            "This model has no rule for when to say “I don't know”: it always names one of its "
            "classes, whatever the photo shows.\n\n" + _ANSWERING
        )
    said = (
        f"This model says “I don't know” below a calibrated score of {rule.threshold:.2f}"
        + (" (some classes have a threshold of their own)" if rule.class_thresholds else "")
        + f", chosen on {count(rule.n, 'validation photo')}"
    )
    if subject.unlike is not None:
        said += (
            "; and where a photo is unlike all that it was trained on. That needs the features, "
            "which the OpenVINO model gives beside the scores"
        )
    return f"{said}. The rule stands in model.json.\n\n{_ANSWERING}"


_ANSWERING = """    from pathlib import Path
    from answering import Answerer
    print(Answerer(Path(".")).answer(scores[0]).sentence)  # with features[0] where you have them"""


def _describe_check(golden: dict[str, Any]) -> str:
    whence = {
        "dataset": "validation photos of its dataset, made smaller, without EXIF data; whoever "
        "gets this export gets them",
        "drawn": "drawn by the program, free of any licence",
    }[golden["origin"]]
    return (
        f"    python check.py\n\nIt compares every file with SHA256SUMS, and the scores of each "
        f"format with those in golden/golden.json, for "
        f"{count(len(golden['photos']), 'golden photo')} ({whence}). Formats whose "
        "library is not installed are left out."
    )


def _describe_exactness(golden: dict[str, Any]) -> str:
    program = golden["program"]
    text = (
        "Everything here is float32: all formats give the same scores within "
        f"{golden['tolerance']:.0e}, and the same highest class."
    )
    if program["precision"] == "f32":
        return f"{text} So does the program itself."
    return (
        f"{text} The program itself answered in {program['precision']} where this was written, "
        "which is faster: on the golden photos its scores are within "
        f"{program['difference']:.0e} of these, "
        + ("with the same highest class" if program["same_top"] else "with another highest class")
        + ". Elsewhere it may be a few hundredths, and another class where two are nearly equal."
    )
