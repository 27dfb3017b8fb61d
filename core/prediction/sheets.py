"""A sheet: the photo, what spoke for its true class and what spoke for the predicted one, in a row.

Written into a folder, which continues where it stopped (sheets.json says which run and style it is
for, index.csv lists all sheets that are there), or packed as a ZIP.
"""

import csv
import functools
import io
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.errors import ExportRefused
from core.formats import cell_text, percent
from core.prediction.explaining import Explainer
from core.prediction.gradcam import DEFAULT_STRENGTH, draw_overlay
from core.runs.result import RunResult
from core.runs.run_files import read_json
from core.workspace import write_atomically, write_json
from data.export import make_safe_name, report_failure

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
    """What a run says of a photo, as the index of sheets and reports tell it."""

    photo: int
    path: str
    split: str
    true: str
    true_score: float
    predicted: str
    predicted_score: float
    right: bool


def read_answer(result: RunResult, photo: int) -> Answer:
    """Return what a run says of a photo."""
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
    """Return the name of the file of a sheet: safe everywhere, and unique by the photo's number."""
    stem = PurePosixPath(answer.path).stem[:_NAME_LENGTH]
    true, predicted = answer.true[:_NAME_LENGTH], answer.predicted[:_NAME_LENGTH]
    said = f"{true} right" if answer.right else f"{true} as {predicted}"
    return make_safe_name(f"{answer.photo:06d} {said} {stem}").rstrip() + f".{form}"


def draw_sheet(explainer: Explainer, answer: Answer, style: SheetStyle) -> Image.Image:
    """Return the sheet of a photo, RGB; a right answer has one overlay, a wrong one two."""
    classes = explainer.result.classes
    names = list(dict.fromkeys((answer.true, answer.predicted)))
    numbers = [classes.index(name) for name in names]
    activations = explainer.explain(answer.photo, numbers, keep=False)
    packed = explainer.read_photo(answer.photo)
    photo = np.asarray(Image.fromarray(packed).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))
    panels = [(photo, PurePosixPath(answer.path).name, answer.split)]
    scores = {answer.true: answer.true_score, answer.predicted: answer.predicted_score}
    for name, activation in zip(names, activations, strict=True):
        overlay = draw_overlay(photo, activation, style.strength, on_colour=style.on_colour)
        roles = [role for role in ("true", "predicted") if getattr(answer, role) == name]
        said = "<1 %" if 0 < scores[name] < 0.005 else percent(scores[name], 100)
        panels.append((overlay, name, f"{', '.join(roles)} · {said}"))
    sheet = Image.new("RGB", (len(panels) * (_SIDE + _GAP) - _GAP, _SIDE + _FOOT), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for place, (picture, title, line) in enumerate(panels):
        left = place * (_SIDE + _GAP)
        sheet.paste(Image.fromarray(picture), (left, 0))
        draw.text((left + 4, _SIDE + 6), _cut(title, draw), _INK, _font(17))
        draw.text((left + 4, _SIDE + 28), line, _QUIET, _font(14))
    return sheet


def encode_sheet(sheet: Image.Image, form: SheetFormat) -> bytes:
    """Return the bytes of a sheet's file."""
    stream = io.BytesIO()
    if form == "webp":
        sheet.save(stream, "WEBP", quality=88, method=2)
    else:
        sheet.save(stream, "PNG", compress_level=4)
    return stream.getvalue()


def _cut(text: str, draw: ImageDraw.ImageDraw) -> str:
    """Return the text, cut so that it fits below one picture."""
    text = " ".join(text.split())  # of a name in two lines no length can be told
    if draw.textlength(text, _font(17)) <= _SIDE - 8:
        return text
    while text and draw.textlength(f"{text}…", _font(17)) > _SIDE - 8:
        text = text[:-1]
    return f"{text}…"


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


MARK, INDEX = "sheets.json", "index.csv"
_VERSION = 1
_AGAIN = "call it again: it goes on where it stopped."


@dataclass(frozen=True, kw_only=True)
class SheetReport:
    """What stands in a folder of sheets now."""

    target: str
    written: int
    kept: int
    total: int
    """All sheets in the folder: those of other selections, too."""


def write_sheets(
    explainer: Explainer,
    run_id: str,
    photos: Sequence[int],
    target: Path,
    style: SheetStyle,
    on_progress: Callable[[int, int], None] | None = None,
) -> SheetReport:
    """Return what was written: a sheet for each photo, and index.csv; sheets that are there stay.

    The target is a folder that is new, empty, or holds sheets of this run and style.

    Raises:
        ExportRefused: The target holds something else, or may not be written.
        DiskFull: There is no room; what is there is whole, and the next call goes on.
    """
    target = target.expanduser().resolve()
    with report_failure(target, _AGAIN):
        _claim_folder(target, explainer, run_id, style)
        written = 0
        for done, photo in enumerate(photos, 1):
            answer = read_answer(explainer.result, int(photo))
            file = target / name_sheet(answer, style.form)
            if not file.exists():
                content = encode_sheet(draw_sheet(explainer, answer, style), style.form)
                with write_atomically(file) as temporary:
                    temporary.write_bytes(content)
                written += 1
            if on_progress:
                on_progress(done, len(photos))
        total = _write_index(target, explainer, style)
    return SheetReport(target=str(target), written=written, kept=len(photos) - written, total=total)


def pack_sheets(explainer: Explainer, photos: Sequence[int], style: SheetStyle) -> bytes:
    """Return a ZIP of a sheet for each photo, and index.csv; about 40 kB a photo, in memory."""
    stream = io.BytesIO()
    named = []
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as packed:  # pictures do not shrink
        for photo in photos:
            answer = read_answer(explainer.result, int(photo))
            name = name_sheet(answer, style.form)
            packed.writestr(name, encode_sheet(draw_sheet(explainer, answer, style), style.form))
            named.append((name, answer))
        packed.writestr(INDEX, format_index(named))
    return stream.getvalue()


def format_index(named: Sequence[tuple[str, Answer]]) -> str:
    """Return index.csv of (file name, answer), in their order."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(("file", *(field.name for field in fields(Answer))))
    for name, answer in named:
        values = asdict(answer)
        scores = {n: f"{values[n]:.4f}" for n in ("true_score", "predicted_score")}
        cells = [cell_text(v) if isinstance(v, str) else v for v in (values | scores).values()]
        writer.writerow((name, *cells))
    return stream.getvalue()


def _claim_folder(target: Path, explainer: Explainer, run_id: str, style: SheetStyle) -> None:
    """Make the folder for sheets of this run and style, or check that it is."""
    if target.exists() and not target.is_dir():
        raise ExportRefused(f"“{target}” is a file.", "Name a folder.")
    scores = zlib.crc32(explainer.result.scores.tobytes())
    wanted = {"version": _VERSION, "run": run_id, "scores": scores, **asdict(style)}
    mark = target / MARK
    if mark.exists():
        if read_json(mark) != wanted:
            raise ExportRefused(
                f"The folder “{target}” holds sheets of another run, or drawn in another way.",
                "Name another folder; or the same run, strength, ground and format as before.",
            )
        return
    if target.is_dir() and any(target.iterdir()):
        raise ExportRefused(
            f"The folder “{target}” is not empty.",
            "Name a folder that is empty or new, or one that this command began to fill.",
        )
    write_json(mark, wanted)


def _write_index(target: Path, explainer: Explainer, style: SheetStyle) -> int:
    """Return how many sheets stand in the folder; index.csv lists them by photo number."""
    named = []
    for file in sorted(target.glob(f"[0-9]*.{style.form}")):
        number = file.name.split(" ")[0]
        if number.isdecimal() and int(number) < len(explainer.dataset):
            answer = read_answer(explainer.result, int(number))
            if name_sheet(answer, style.form) == file.name:
                named.append((file.name, answer))
    with write_atomically(target / INDEX) as temporary:
        temporary.write_text(format_index(named), encoding="utf-8", newline="")
    return len(named)
