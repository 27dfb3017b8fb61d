"""Decoding, resizing and packing of photos: the only implementation of each.

The content decides the format, never the name. Any file gives a correct photo or a PhotoRefused;
sizes are checked in the header before anything is decoded.
"""

import io
import re
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from core.config import FRAMING, PHOTO_SIZE, Framing, read_settings
from core.errors import PhotoTooLarge, PhotoUnreadable
from data.decoding import DAMAGE, TRANSPARENT, end_jpeg, find_shown, is_blank, load_rgb

warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
"""Damage is reported by our errors and notes; Pillow would print between the lines of a log."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "TGA")
FORMATS_SAID = "JPEG, PNG, WebP, HEIC, AVIF, BMP, GIF, TIFF, PPM or TGA"
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF8", b"II*\0", b"MM\0*")
START_BYTES = 256
"""Bytes of a file that show its format."""
_PPM = re.compile(rb"P[1-6]\s")
_TGA_END = b"TRUEVISION-XFILE.\0"
_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_NAMES = {"MPO": "JPEG", "HEIF": "HEIC"}
"""A JPEG with further pictures (phones write depth maps) calls itself MPO."""
MEAN_COLOUR = (124, 116, 104)
"""ImageNet's mean, which preprocessing turns into 0, the value of a convolution's own border.

Source: mean of `preprocess_input` in keras.applications.resnet (103.939, 116.779, 123.68 as BGR);
timm pads with the mean, too (crop_mode "border").
"""
PACKING = 2
"""Version of packed pixels; version 2 decodes a JPEG closer to the needed side."""
_UNSCALED = 100_000
"""Longer than any side: a JPEG is decoded at its full size."""
_SPARE = 1.5
"""Least ratio of the decoded short side of a JPEG to the needed side (2 in packing 1)."""
PACKED_ALIKE = 2 * _SPARE * PHOTO_SIZE
"""Short side below which packings 1 and 2 agree, because the JPEG is decoded at full size."""
THUMBNAIL_SIZE = 128
ROW_SIZE = 64
"""Side of a photo in a table row: the browser gets hundreds at once."""

# The limit on pixels is ours (a setting, checked on the header of every photo below). Pillow's own
# would warn or refuse at sizes that have nothing to do with it.
Image.MAX_IMAGE_PIXELS = None

# A photo near the limit takes some 300 MB to decode: threads take turns.
_LARGE_PIXELS = 12_500_000
_LARGE_ONE = threading.Lock()

_MOST_SCALED = 10
"""A JPEG decoded smaller may declare this multiple of the allowed pixels: reading it takes time."""
_ANIMATED = ("GIF", "PNG", "WEBP")

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)


@dataclass(frozen=True, kw_only=True)
class PhotoFacts:
    """The format by content, the size in pixels (EXIF applied), and the bytes of a photo."""

    format: str
    width: int
    height: int
    bytes: int
    note: str = ""
    """How decoding departed from the file, in a sentence without the name of the file."""


def read_photo_file(file: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        PhotoUnreadable: The file cannot be opened or is no regular file.
        PhotoTooLarge: The file has more megabytes than the settings allow.
    """
    try:
        facts = file.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise PhotoUnreadable(
                "This is not a regular file but a pipe or a device.",
                "Leave it out.",
            )
        _check_bytes(facts.st_size)
        with file.open("rb") as stream:
            return stream.read(read_settings().photo_limit_mb * 1_000_000 + 1)
    except OSError as error:
        raise PhotoUnreadable(
            f"The file could not be opened ({error.strerror}).",
            "Check its path and permissions.",
        ) from error


def read_photo_facts(content: bytes) -> PhotoFacts:
    """Return the facts in the header of a photo, without decoding it.

    Raises:
        PhotoUnreadable: The file is empty, not a picture, or has a damaged header.
        PhotoTooLarge: The photo has more megabytes or megapixels than the settings allow.
    """
    with _open_photo(content) as (_, facts, _):
        return facts


def decode_photo(content: bytes, side: int = PHOTO_SIZE) -> tuple[Image.Image, PhotoFacts]:
    """Return the photo as RGB, upright as its EXIF data says, and its facts.

    A large JPEG is decoded smaller (short side at least 1.5 * side), which is many times faster;
    the facts have its original size. Transparent parts become white (unless all are transparent),
    16-bit grey becomes 8-bit, from the bits in use, and an animation gives its first picture that
    shows something.

    Raises:
        PhotoUnreadable: The file is empty, not a picture, truncated or damaged.
        PhotoTooLarge: The photo has more megabytes or megapixels than the settings allow.
    """
    _check_bytes(len(content))
    picture = end_jpeg(content) if content.startswith(_STARTS[0]) else content
    with _open_photo(picture, side) as (image, facts, orientation):
        with _LARGE_ONE if _needs_much_memory(image, facts) else nullcontext():
            photo, note = load_rgb(image)
            pixels = image.width * image.height
            _check_pixels(image, *image.size)  # a HEIC photo may be larger than its header says
            if image.format in _ANIMATED and is_blank(photo):
                limit = read_settings().photo_limit_megapixels * 1_000_000
                photo, note = find_shown(image, limit // pixels) or (photo, note)
            if note == TRANSPARENT and is_blank(photo):
                raise PhotoUnreadable(
                    "The photo is transparent everywhere and shows nothing.", "Export it again."
                )
            if orientation in _TURNS:
                photo = photo.transpose(_TURNS[orientation])
        return photo, replace(facts, bytes=len(content), note=note)


def pack_photo(image: Image.Image, framing: Framing = FRAMING) -> np.ndarray:
    """Return the photo as network input, (224, 224, 3) uint8 RGB.

    crop: cut out the centre and resize it to 224 px (bicubic) in one step, so that a very long
    photo never becomes a very large one. pad: resize the long side, fill the rest with MEAN_COLOUR.
    squeeze: resize without the proportions (bilinear, not antialiased), as
    keras.utils.image_dataset_from_directory does.
    """
    width, height = image.size
    if framing.how == "squeeze":
        extent, bilinear = Image.Transform.EXTENT, Image.Resampling.BILINEAR
        whole = (PHOTO_SIZE, PHOTO_SIZE), extent, (0, 0, width, height)
        bands = (band.convert("F").transform(*whole, bilinear) for band in image.split())
        values = np.stack([np.asarray(band) for band in bands], axis=-1)
        rounded: np.ndarray = np.rint(values).astype(np.uint8)  # Pillow itself truncates
        return rounded
    if framing.how == "pad":
        scale = PHOTO_SIZE / max(width, height)
        fitted = (max(1, round(scale * width)), max(1, round(scale * height)))
        square = Image.new("RGB", (PHOTO_SIZE, PHOTO_SIZE), MEAN_COLOUR)
        corner = ((PHOTO_SIZE - fitted[0]) // 2, (PHOTO_SIZE - fitted[1]) // 2)
        square.paste(image.resize(fitted, Image.Resampling.BICUBIC, reducing_gap=3.0), corner)
        return np.asarray(square)
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    packed = image.resize(
        (PHOTO_SIZE, PHOTO_SIZE),
        Image.Resampling.BICUBIC,
        box=(left, top, left + side, top + side),
        reducing_gap=3.0,
    )
    return np.asarray(packed)


def read_packed_photo(content: bytes, framing: Framing = FRAMING) -> tuple[np.ndarray, PhotoFacts]:
    """Return (224, 224, 3) uint8 RGB and the facts of a photo: decode_photo, then pack_photo.

    Raises:
        PhotoUnreadable: The file is empty, not a picture, truncated or damaged.
        PhotoTooLarge: The photo has more megabytes or megapixels than the settings allow.
    """
    if framing.how == "squeeze":
        with suppress(PhotoTooLarge):  # else decoded smaller, as for other framings
            image, facts = decode_photo(content, _UNSCALED)
            return pack_photo(image, framing), facts
    image, facts = decode_photo(content, PHOTO_SIZE)
    return pack_photo(image, framing), facts


def encode_jpeg(picture: np.ndarray | Image.Image, quality: int, **options: int) -> bytes:
    """Return a JPEG of a picture, (h, w, 3) uint8 RGB where it is an array."""
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality, **options)
    return stream.getvalue()


def encode_thumbnail(photo: np.ndarray, side: int = THUMBNAIL_SIZE) -> bytes:
    """Return a WebP of `side` x `side` px from a packed photo (224, 224, 3) uint8 RGB."""
    stream = io.BytesIO()
    small = Image.fromarray(photo).resize((side, side), Image.Resampling.BICUBIC)
    small.save(stream, "WEBP", quality=80, method=2)
    return stream.getvalue()


@contextmanager
def _open_photo(
    content: bytes, side: int = PHOTO_SIZE
) -> Iterator[tuple[Image.Image, PhotoFacts, int]]:
    """Yield the undecoded image, its facts and EXIF orientation; report damage found inside."""
    _check_bytes(len(content))
    formats = _find_formats(content)
    try:
        with Image.open(io.BytesIO(content), formats=formats) as image:
            width, height = image.size
            image.draft(None, (round(_SPARE * side), round(_SPARE * side)))
            _check_pixels(image, width, height)
            orientation = _read_orientation(image)
            if orientation in _SIDEWAYS:
                width, height = height, width
            name = _NAMES.get(str(image.format), str(image.format))
            facts = PhotoFacts(format=name, width=width, height=height, bytes=len(content))
            yield image, facts, orientation
    except UnidentifiedImageError as error:
        if formats != FORMATS:
            raise PhotoUnreadable(
                "The photo is truncated or damaged.", "Copy or export it again."
            ) from error
        raise PhotoUnreadable("Unsupported file format.", f"Use a {FORMATS_SAID} file.") from error
    except DAMAGE as error:
        raise PhotoUnreadable(
            f"The photo is truncated or damaged ({error}).", "Copy or export it again."
        ) from error


def starts_like_photo(start: bytes) -> bool:
    """Return whether a file (its first 256 bytes, except for TGA) is of a readable format."""
    is_webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    is_tga = start.endswith(_TGA_END)  # only at its end, and not in old files
    known = is_webp or is_tga or start.startswith(_STARTS) or _PPM.match(start)
    return bool(known or find_phone_format(start))


def find_phone_format(content: bytes) -> str | None:
    """Return "AVIF" or "HEIF" if the first box of a file says so, else None."""
    if content[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(content[:4]), 256)
    brands = {content[8:12], *(content[place : place + 4] for place in range(16, end, 4))}
    return "AVIF" if brands & _AVIF else "HEIF" if brands & _HEIC else None


def _find_formats(content: bytes) -> tuple[str, ...]:
    """Return the possible formats of the content, after loading the reader of HEIC."""
    found = find_phone_format(content)
    if found is None:
        return FORMATS
    if found == "HEIF":
        try:
            from pillow_heif import register_heif_opener  # an extra, loaded with the first HEIC
        except ImportError as error:
            raise PhotoUnreadable(
                "This is a HEIC photo, and pillow-heif is not installed.",
                "Save it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible), or "
                "install pillow-heif.",
            ) from error
        # Only the main photo: other pictures in the file may show something else.
        register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    return (found,)


def _check_bytes(size: int) -> None:
    if not size:
        raise PhotoUnreadable("The file is empty (0 bytes).", "Copy it again.")
    check_megabytes(size, read_settings().photo_limit_mb, "PETALSCOPE_PHOTO_LIMIT_MB")


def check_megabytes(size: int, limit: int, setting: str) -> None:
    """Check the bytes of a photo against a limit in MB.

    Raises:
        PhotoTooLarge: The photo is larger; the remedy names the setting of the limit.
    """
    if size > limit * 1_000_000:
        raise PhotoTooLarge(
            f"The photo has {size / 1e6:.12g} MB; {limit} MB are allowed.",
            f"Save a smaller copy. Your administrator can raise {setting}.",
            limit_mb=limit,
        )


def _check_pixels(image: Image.Image, width: int, height: int) -> None:
    """Check the pixels to decode; a baseline JPEG is decoded smaller than its width and height."""
    limit = read_settings().photo_limit_megapixels
    smaller = width * height // max(image.width * image.height, 1)
    if "progressive" in image.info:  # the decoder holds it at full size
        smaller = 1
    allowed = limit * min(max(smaller, 1), _MOST_SCALED)
    if width * height > allowed * 1_000_000:
        raise PhotoTooLarge(
            f"The photo has {width * height / 1e6:.12g} megapixels ({width} x {height}); "
            f"{allowed} are allowed.",
            "Save a smaller copy. Your administrator can raise PETALSCOPE_PHOTO_LIMIT_MEGAPIXELS.",
            width=width,
            height=height,
            limit_megapixels=limit,
        )


def _read_orientation(image: Image.Image) -> int:
    """Return the EXIF orientation 1..8; 1 (upright) if it is missing or unreadable."""
    # Pillow rotates a TIFF itself, and would decode a PNG to find EXIF data behind its pixels.
    if image.format == "TIFF" or "exif" not in image.info:
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except DAMAGE:
        return 1


def _needs_much_memory(image: Image.Image, facts: PhotoFacts) -> bool:
    # The decoder holds a progressive JPEG at full size, even for a small result.
    held_whole = facts.width * facts.height if "progressive" in image.info else 0
    return max(image.width * image.height, held_whole) > _LARGE_PIXELS
