"""Uploads that are wrong, as hypothesis draws them.

Photos cut short or with flipped bits, other kinds of files, bombs that claim or unpack to far more
than they have bytes, and requests whose form is broken.
"""

import struct
import zlib
from operator import add

from hypothesis import strategies as st

from tests.builders import draw_photo, encode_photo

FORM = "multipart/form-data; boundary=petal"
_LINE = b"--petal"
_PHOTOS = [
    encode_photo(draw_photo(0, 3, size=(160, 120)), name)
    for name in ("JPEG", "PNG", "WEBP", "BMP", "AVIF")
]
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIGNATURES = [
    b"%PDF-1.7\n",
    b"PK\x03\x04",
    b"GIF89a",
    b"II*\x00",
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    b"<!doctype html><script>alert(1)</script>",
    b"\x00\x00\x00\x1cftypheic",
    b"RIFF\xff\xff\xff\xffWAVE",
    b"\x1f\x8b\x08",
    b"%!PS-Adobe-3.0 EPSF\n%%BoundingBox: 0 0 9 9\n",
    b"\xff\xd8\xff",
    _SIGNATURE,
    b"RIFF\x00\x10\x00\x00WEBPVP8 ",
    b"BM",
    b"",
]


def write_part(disposition: bytes, content: bytes) -> bytes:
    """Write a part of a form whose boundary is “petal”."""
    head = b"\r\nContent-Disposition: form-data" + disposition
    return _LINE + head + b"\r\n\r\n" + content + b"\r\n"


def write_png(width: int, height: int, packed: bytes, extra: bytes = b"") -> bytes:
    """Write a PNG that says it has this size, whatever is packed in it."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return _SIGNATURE + head + extra + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checked)


def _write_bmp(width: int, height: int) -> bytes:
    fields = (70, 0, 0, 54, 40, width * 9, -height * 9, 1, 24)
    return b"BM" + struct.pack("<IHHIIiiHH24x", *fields)


def _patch_jpeg_size(width: int, height: int) -> bytes:
    content = _PHOTOS[0]
    frame = content.index(b"\xff\xc0")  # its height and width come five bytes on
    return content[: frame + 5] + struct.pack(">HH", height, width) + content[frame + 9 :]


def _flip_bits(photo: bytes, places: list[tuple[int, int]]) -> bytes:
    content = bytearray(photo)
    for place, bit in places:
        content[place % len(content)] ^= 1 << bit
    return bytes(content)


_sides = st.integers(1, 2**16 - 1)
_photos = st.sampled_from(_PHOTOS)
_places = st.integers(0, 200) | st.integers(0, 2**20)  # headers hurt most
_TEXT_BOMB = _chunk(b"zTXt", b"a\x00\x00" + zlib.compress(bytes(5_000_000), 9)) * 3
_BOMBS = [
    write_png(2**31 - 1, 2**31 - 1, b""),
    write_png(6000, 6000, zlib.compress(bytes(2_000_000), 9)),
    write_png(200, 200, zlib.compress(bytes(20_000_000), 9)),
    write_png(64, 64, zlib.compress(bytes(64 * 193)), _TEXT_BOMB),
    b"RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00" + bytes(4) + b"\xff" * 6 + bytes(8),
    _patch_jpeg_size(65_500, 65_500),
]
KINDS: dict[str, st.SearchStrategy[bytes]] = {
    "cut short": st.builds(lambda photo, n: photo[: n % (len(photo) - 1)], _photos, _places),
    "flipped bits": st.builds(
        _flip_bits, _photos, st.lists(st.tuples(_places, st.integers(0, 7)), min_size=1)
    ),
    "two files in one": st.permutations(_PHOTOS).flatmap(
        lambda two: st.integers(4, 300).map(lambda cut: two[0][:cut] + two[1][cut:])
    ),
    "other kind of file": st.builds(add, st.sampled_from(_SIGNATURES), st.binary(max_size=5000)),
    "bomb": st.one_of(
        st.sampled_from(_BOMBS),
        st.builds(write_png, _sides, _sides, st.just(zlib.compress(bytes(1000)))),
        st.builds(_write_bmp, _sides, _sides),
        st.builds(_patch_jpeg_size, _sides, _sides),
    ),
}
_NAMES = ["a.jpg", "../../etc/passwd", "=cmd()", "a\x01b", "ü" * 90, ""]
_PARTS = ["image/png", "text/html", "x/y", ""]
_CHARSETS = ["", *(f"; charset={n}" for n in ("utf-8", "undefined", "punycode", "unicode_escape"))]
_NAMED = b'; name="photo"; filename="a.jpg"'
_FORMS = [
    b"",
    _LINE,
    _LINE + b"--\r\n",
    write_part(_NAMED, _PHOTOS[0])[:600],
    write_part(_NAMED.replace(b"photo", b"image"), _PHOTOS[1]) + _LINE + b"--",
    write_part(_NAMED, b"x") * 3 + _LINE + b"--\r\n",
    write_part(b"", b"x") + _LINE + b"--\r\n",
    _LINE + b"\r\n" + b"X: " + b"y" * 20_000 + b"\r\n\r\nx\r\n" + _LINE + b"--\r\n",
    _LINE + b"\r\n\xff\xfe: \x00\r\n\r\nx\r\n" + _LINE + b"--\r\n",
    write_part(b'; name="photo"', b"x") + _LINE + b"--\r\n",
]


def _wrap(content: bytes, name: str, kind: str) -> tuple[str, bytes]:
    disposition = f'; name="photo"; filename="{name}"\r\nContent-Type: {kind}'.encode()
    return FORM, write_part(disposition, content) + _LINE + b"--\r\n"


def draw_uploads(kind: str) -> st.SearchStrategy[tuple[str, bytes]]:
    """Draw the content type and body of wrong uploads of one of `KINDS`, or “broken form”."""
    if kind == "broken form":
        charsets = st.sampled_from([*_CHARSETS, "; charset=none-such"])
        bodies = st.sampled_from(_FORMS) | st.binary(max_size=500)
        return st.tuples(charsets.map(lambda charset: FORM + charset), bodies)
    wrapped = st.builds(_wrap, KINDS[kind], st.sampled_from(_NAMES), st.sampled_from(_PARTS))
    return st.tuples(st.just("image/jpeg"), KINDS[kind]) | wrapped
