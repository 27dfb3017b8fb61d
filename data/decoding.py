"""From an opened image to RGB: damage that Pillow does not report, unusual bits and transparency.

libjpeg fills the missing part of a JPEG, and Pillow does not tell. So a baseline JPEG is decoded
without its end mark: a decoder that still needs data then reports it, and a decoder that leaves
much data behind met damage. One of several scans needs its end mark, so its decoder is asked first.
"""

import re
import struct

import numpy as np
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from core.errors import PhotoUnreadable

# What Pillow's readers raise on damaged bytes; a warning counts where the caller made it an error.
DAMAGE = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    RuntimeError,
    struct.error,
    Warning,
)
TRANSPARENT = "All of it is transparent; it was read without its transparency."
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
_LEFT = "Some of its data is damaged; colours may be wrong."
_BLANK = 12
"""Levels by which each channel of a blank picture may vary."""
_BLOCK = 256
"""Least bytes handed to the decoder at once; the end of its data is known as exactly."""
_MARK = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # ff00 is data, ffd0 to ffd7 restart its decoder
_END, _SCAN, _ALONE = 0xD9, 0xDA, (0x01, 0xD8)
_BASELINE, _PROGRESSIVE = (0xC0, 0xC1), (0xC2,)
_END_MARK = b"\xff\xd9"
_SPARE = bytes(16)
"""The decoder looks up to eight bytes ahead; more would hide missing rows."""
_AHEAD, _ONES = 8, b"\xff\x00"
"""No code consists of ones: a decoder that needs data keeps them, another one skips them."""


def end_jpeg(content: bytes) -> bytes:
    """Return a JPEG that ends with the data of its picture, so that missing data is an error.

    A JPEG of several scans ends with an end mark, even if the file lacks it.

    Raises:
        PhotoUnreadable: Scans are missing, or its decoder restarts in a wrong order.
    """
    frame, parts, place = 0, 0, 2
    lacking: dict[int, set[int]] = {}
    while (mark := _MARK.search(content, place)) and content[mark.end() - 1] != _END:
        kind, place = content[mark.end() - 1], mark.end()
        if kind in _ALONE:
            continue
        segment = content[place + 2 : place + int.from_bytes(content[place : place + 2])]
        place += 2 + len(segment)
        if kind in (*_BASELINE, *_PROGRESSIVE) and len(segment) > 5:
            frame, parts = kind, segment[5]
            lacking = {part: set(range(64)) for part in segment[6::3]}
        elif kind == _SCAN and frame and len(segment) > 3:
            if frame in _BASELINE and segment[0] == parts:
                mark = _MARK.search(content, place)
                data = content[: mark.start() if mark else len(content)].rstrip(b"\xff")
                if any(
                    one[0] % 8 != number % 8
                    for number, one in enumerate(_RESTART.findall(data, place))
                ):
                    raise _refuse_damage("parts are missing")
                return data + _SPARE
            _take_scan(segment, lacking, frame)
    if any(lacking.values()):
        raise _refuse_damage("scans are missing")
    if mark or not frame:
        return content[: mark.end() if mark else None]
    return content + _END_MARK


def _refuse_damage(reason: str) -> PhotoUnreadable:
    return PhotoUnreadable(
        f"The photo is truncated or damaged ({reason}).", "Copy or export it again."
    )


def _take_scan(header: bytes, lacking: dict[int, set[int]], frame: int) -> None:
    """Remove the coefficients that a scan completes from those that each component lacks."""
    first, last, bits = header[-3:]
    if frame in _BASELINE:
        first, last, bits = 0, 63, 0
    if bits & 0x0F == 0:
        for part in header[1:-3:2]:
            lacking.get(part, set()).difference_update(range(first, last + 1))


def load_rgb(image: Image.Image) -> tuple[Image.Image, str]:
    """Return the decoded image as RGB, and a note if it departs from the file.

    Raises:
        PhotoUnreadable: The image is damaged, or has 32 bits per channel.
    """
    note = _load_jpeg(image) if isinstance(image, JpegImageFile) else ""
    image.load()
    if image.mode.startswith("I"):
        return _scale_grey(image)
    if image.mode == "F":
        raise _refuse_depth()
    if not image.has_transparency_data:
        return image.convert("RGB"), note
    coloured = image if image.mode == "RGBA" else image.convert("RGBA")
    if coloured.getchannel("A").getextrema() == (0, 0):
        return coloured.convert("RGB"), TRANSPARENT
    paper = Image.new("RGB", image.size, "white")
    paper.paste(coloured, mask=coloured)
    return paper, note


def is_blank(photo: Image.Image) -> bool:
    """Return whether an RGB image shows nothing but one colour."""
    return all(high - low <= _BLANK for low, high in np.asarray(photo.getextrema()))


def find_shown(image: Image.Image, most: int) -> tuple[Image.Image, str] | None:
    """Return the first of the later pictures, up to `most`, that shows something, with a note."""
    for number in range(1, most):
        try:
            image.seek(number)
            photo, _ = load_rgb(image)
        except DAMAGE:  # the end, or damage behind the first picture
            break
        if not is_blank(photo):
            return (
                photo,
                f"It is an animation that begins blank; its picture {number + 1} was used.",
            )
    return None


def _load_jpeg(image: JpegImageFile) -> str:
    """Decode an opened JPEG, and return a note if some of its data was left."""
    stream = image.fp
    assert stream is not None
    stream.seek(0)
    content = stream.read()
    if content.endswith(_END_MARK) and _needs_data(image, content.removesuffix(_END_MARK)):
        raise _refuse_damage("its last scan is incomplete")
    size = len(content)
    image.decodermaxblock = min(max(size // 256, _BLOCK), ImageFile.MAXBLOCK)
    image.load()
    left = size - stream.tell()
    if left > size // 16:
        raise _refuse_damage("its picture ends before its data")
    return _LEFT if left > 2 * image.decodermaxblock else ""


def _needs_data(image: JpegImageFile, data: bytes) -> bool:
    """Return whether the last of several scans is incomplete; `data` ends before the end mark."""
    decoder = Image._getdecoder(image.mode, "jpeg", image.tile[0].args, image.decoderconfig)
    decoder.setimage(Image.new(image.mode, image.size).im, (0, 0, *image.size))
    for more in (data + _ONES * _AHEAD, *[_ONES] * _AHEAD):
        taken, _ = decoder.decode(more)
        if 0 <= taken < len(more):
            return True
    return False


def _scale_grey(image: Image.Image) -> tuple[Image.Image, str]:
    """Return 16-bit grey as RGB, by the bits that its lightest pixel needs."""
    grey = np.asarray(image, dtype=np.int64 if image.mode == "I" else np.uint32)
    darkest, lightest = int(grey.min()), int(grey.max())
    if darkest < 0 or lightest > 0xFFFF:
        raise _refuse_depth()
    bits = max(8, lightest.bit_length())
    white = 2**bits - 1
    scaled = ((grey * 255 + white // 2) // white).astype(np.uint8)
    note = "" if bits == 16 else f"Its grey uses {bits} of 16 bits; it was scaled up."
    return Image.fromarray(scaled).convert("RGB"), note


def _refuse_depth() -> PhotoUnreadable:
    return PhotoUnreadable(
        "The picture has 32 bits per channel; photos have 8 or 16.",
        "Export it with 8 or 16 bits per channel.",
    )
