"""A sheet: the photo, what spoke for its true class and what spoke for the predicted one, in a row.

Made for files that leave the workbench: classes and scores are written below the pictures.
"""

import functools
import io
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.formats import percent
from core.prediction.explaining import Explainer
from core.prediction.gradcam import DEFAULT_STRENGTH, draw_overlay
from data.export import make_safe_name

SheetFormat = Literal["webp", "png"]

_SIDE, _GAP, _FOOT = 336, 8, 52
_PAPER, _INK, _QUIET = (255, 255, 255), (30, 30, 30), (110, 110, 110)
_NAME_LENGTH = 40


@dataclass(frozen=True, kw_only=True)
class SheetStyle:
    """How sheets are drawn; all of them in a folder are drawn alike."""

    strength: float = DEFAULT_STRENGTH
    on_colour: bool = False
    form: SheetFormat = "webp"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a run says of a photo, as the index of sheets tells it."""

    photo: int
    path: str
    split: str
    true: str
    true_score: float
    predicted: str
    predicted_score: float
    right: bool


def read_answer(explainer: Explainer, photo: int) -> Answer:
    """Returns what the explained run says of a photo."""
    result = explainer.result
    scores, label = result.scores[photo], int(result.labels[photo])
    top = int(scores.argmax())
    return Answer(
        photo=photo,
        path=str(result.paths[photo]),
        split=str(result.splits[photo]),
        true=result.classes[label],
        true_score=float(scores[label]),
        predicted=result.classes[top],
        predicted_score=float(scores[top]),
        right=top == label,
    )


def name_sheet(answer: Answer, form: SheetFormat) -> str:
    """Returns the name of the file of a sheet: safe everywhere, and unique by the photo's number.

    What the photo is, and what it was taken for, stands in it; a listing of the folder says it all.
    """
    stem = PurePosixPath(answer.path).stem[:_NAME_LENGTH]
    true, predicted = answer.true[:_NAME_LENGTH], answer.predicted[:_NAME_LENGTH]
    said = f"{true} right" if answer.right else f"{true} as {predicted}"
    return make_safe_name(f"{answer.photo:06d} {said} {stem}").rstrip() + f".{form}"


def draw_sheet(explainer: Explainer, answer: Answer, style: SheetStyle) -> Image.Image:
    """Returns the sheet of a photo, RGB; a right answer has one overlay, a wrong one two.

    The map of the photo is read where it is kept, but not kept: a sheet is drawn once.
    """
    classes = explainer.result.classes
    names = list(dict.fromkeys((answer.true, answer.predicted)))
    numbers = [classes.index(name) for name in names]
    activations = explainer.explain(answer.photo, numbers, keep=False)
    packed = np.asarray(explainer.dataset.photos[answer.photo])
    photo = np.asarray(Image.fromarray(packed).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))
    panels = [(photo, PurePosixPath(answer.path).name, answer.split)]
    scores = {answer.true: answer.true_score, answer.predicted: answer.predicted_score}
    for name, activation in zip(names, activations, strict=True):
        overlay = draw_overlay(photo, activation, style.strength, on_colour=style.on_colour)
        roles = [role for role in ("true", "predicted") if getattr(answer, role) == name]
        panels.append((overlay, name, f"{', '.join(roles)} · {_say_score(scores[name])}"))
    sheet = Image.new("RGB", (len(panels) * (_SIDE + _GAP) - _GAP, _SIDE + _FOOT), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for place, (picture, title, line) in enumerate(panels):
        left = place * (_SIDE + _GAP)
        sheet.paste(Image.fromarray(picture), (left, 0))
        draw.text((left + 4, _SIDE + 6), _cut(title, draw), _INK, _font(17))
        draw.text((left + 4, _SIDE + 28), line, _QUIET, _font(14))
    return sheet


def encode_sheet(sheet: Image.Image, form: SheetFormat) -> bytes:
    """Returns the bytes of a sheet's file."""
    stream = io.BytesIO()
    if form == "webp":
        sheet.save(stream, "WEBP", quality=88, method=2)
    else:
        sheet.save(stream, "PNG", compress_level=4)
    return stream.getvalue()


def _say_score(score: float) -> str:
    return "<1 %" if 0 < score < 0.005 else percent(score, 100)


def _cut(text: str, draw: ImageDraw.ImageDraw) -> str:
    """Returns the text, cut so that it fits below one picture."""
    text = " ".join(text.split())  # of a name in two lines no length can be told
    if draw.textlength(text, _font(17)) <= _SIDE - 8:
        return text
    while text and draw.textlength(f"{text}…", _font(17)) > _SIDE - 8:
        text = text[:-1]
    return f"{text}…"


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
