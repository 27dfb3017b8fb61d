"""Classify a photo: app.py of a hosted Space, beside model.onnx and model.json."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
FACTS = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
SESSION = onnxruntime.InferenceSession(HERE / "model.onnx", providers=["CPUExecutionProvider"])


def read_photo(file: str) -> np.ndarray:
    """Return a photo as the model takes it, (side, side, 3) uint8 RGB."""
    side = FACTS["side"]
    with Image.open(file) as image:
        image.draft(None, (round(1.5 * side), round(1.5 * side)))  # a large JPEG comes smaller
        photo = ImageOps.exif_transpose(image)
    if photo.has_transparency_data:
        paper, coloured = Image.new("RGB", photo.size, "white"), photo.convert("RGBA")
        paper.paste(coloured, mask=coloured)
        photo = paper
    photo = photo.convert("RGB")
    if FACTS["framing"] == "pad":
        fitted = [max(1, round(side / max(photo.size) * length)) for length in photo.size]
        square = Image.new("RGB", (side, side), (124, 116, 104))
        small = photo.resize(fitted, Image.Resampling.BICUBIC, reducing_gap=3.0)
        square.paste(small, ((side - fitted[0]) // 2, (side - fitted[1]) // 2))
        return np.asarray(square)
    (width, height), short = photo.size, min(photo.size)
    left, top = (width - short) / 2, (height - short) / 2
    box = (left, top, left + short, top + short)
    return np.asarray(photo.resize((side, side), Image.Resampling.BICUBIC, box, reducing_gap=3.0))


def classify(file: str) -> tuple[str, dict[str, float]]:
    """Return the answer in words, and class → calibrated score."""
    (scores,), *distances = SESSION.run(None, {"photos": read_photo(file)[None]})
    scores = np.maximum(scores.astype(np.float64), np.finfo(np.float32).tiny)
    calibrated = scores ** (1 / FACTS["temperature"])
    calibrated /= calibrated.sum()
    best = int(calibrated.argmax())
    said = f"{FACTS['classes'][best]} ({100 * calibrated[best]:.0f} %)"
    if distances and distances[0][0] > FACTS["unlike_limit"]:
        said = f"I don't know this: it is unlike the training photos. The best guess is {said}."
    elif calibrated[best] < FACTS["thresholds"][best]:
        said = f"I don't know. The best guess is {said}."
    return said, dict(zip(FACTS["classes"], calibrated.tolist(), strict=True))


if __name__ == "__main__":
    import gradio as gr

    photo = gr.Image(type="filepath", image_mode=None, label="Photo")
    answers = [gr.Textbox(label="Answer"), gr.Label(num_top_classes=5, label="Scores")]
    gr.Interface(classify, photo, answers, title=FACTS["name"], flagging_mode="never").launch()
