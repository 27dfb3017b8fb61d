"""Uploads that are wrong in a thousand ways, the same ones for the same seed.

Photos cut short or with flipped bits, other kinds of files, bombs that claim or unpack to far more
than they have bytes, and requests whose form is broken.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
_BOUNDARY = b"petal-7d1f"
_CHARSETS = ("utf-8", "undefined", "punycode", "unicode_escape", "none-such")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """One request body, what is wrong with it, and the type that it claims."""

    kind: str
    content_type: str
    body: bytes


def draw_malformed(count: int, seed: int = 0) -> Iterator[Malformed]:
    """Yields so many wrong uploads, all kinds in turn."""
    rng = np.random.default_rng(seed)
    photos = {name: _encode(name, rng) for name in _FORMATS}
    kinds = list(_KINDS.items())
    for number in range(count):
        kind, make = kinds[number % len(kinds)]
        content = make(photos, rng)
        if kind == "broken form":
            charset = rng.choice(["", *(f"; charset={name}" for name in _CHARSETS)])
            content_type = f"multipart/form-data; boundary={_BOUNDARY.decode()}{charset}"
            yield Malformed(kind=kind, content_type=content_type, body=content)
        elif number % 2:
            yield Malformed(kind=kind, content_type="image/jpeg", body=content)
        else:
            yield _wrap(kind, content, rng)


def _wrap(kind: str, content: bytes, rng: np.random.Generator) -> Malformed:
    name = rng.choice(["a.jpg", "../../etc/passwd", "=cmd()", "a\x01b", "ü" * 90, ""])
    head = (
        f'Content-Disposition: form-data; name="photo"; filename="{name}"\r\n'
        f"Content-Type: {rng.choice(['image/png', 'text/html', 'x/y', ''])}\r\n\r\n"
    ).encode()
    body = b"--" + _BOUNDARY + b"\r\n" + head + content + b"\r\n--" + _BOUNDARY + b"--\r\n"
    content_type = f"multipart/form-data; boundary={_BOUNDARY.decode()}"
    return Malformed(kind=kind, content_type=content_type, body=body)


Photos = dict[str, bytes]


def _truncate(photos: Photos, rng: np.random.Generator) -> bytes:
    content = photos[rng.choice(_FORMATS)]
    return content[: int(rng.integers(0, len(content) - 1))]


def _flip_bits(photos: Photos, rng: np.random.Generator) -> bytes:
    content = bytearray(photos[rng.choice(_FORMATS)])
    among = len(content) if rng.random() < 0.5 else min(len(content), 200)  # headers hurt most
    for place in rng.integers(0, among, int(rng.integers(1, 40))):
        content[place] ^= 1 << int(rng.integers(8))
    return bytes(content)


def _swap_parts(photos: Photos, rng: np.random.Generator) -> bytes:
    first, second = (photos[name] for name in rng.choice(_FORMATS, 2, replace=False))
    cut = int(rng.integers(4, 300))
    return first[:cut] + second[cut:]


def _draw_other_file(_: Photos, rng: np.random.Generator) -> bytes:
    noise = rng.bytes(int(rng.integers(1, 5000)))
    others = [
        b"%PDF-1.7\n" + noise,
        b"PK\x03\x04" + noise,
        b"GIF89a" + noise,
        b"II*\x00" + noise,
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<!doctype html><script>alert(1)</script>",
        b"\x00\x00\x00\x1cftypheic" + noise,
        b"RIFF\xff\xff\xff\xffWAVE" + noise,
        b"\x1f\x8b\x08" + noise,
        b"%!PS-Adobe-3.0 EPSF\n%%BoundingBox: 0 0 9 9\n",
        b"\xff\xd8\xff" + noise,
        _SIGNATURE + noise,
        b"RIFF\x00\x10\x00\x00WEBPVP8 " + noise,
        b"BM" + noise,
        noise,
        b"",
    ]
    return others[int(rng.integers(len(others)))]


def _draw_bomb(photos: Photos, rng: np.random.Generator) -> bytes:
    width, height = (int(side) for side in rng.integers(1, 2**16, 2))
    bombs: list[Callable[[], bytes]] = [
        lambda: write_png(2**31 - 1, 2**31 - 1, b""),
        lambda: write_png(width, height, zlib.compress(bytes(1000))),
        lambda: write_png(6000, 6000, zlib.compress(bytes(2_000_000), 9)),
        lambda: write_png(200, 200, zlib.compress(bytes(20_000_000), 9)),
        lambda: write_png(64, 64, zlib.compress(bytes(64 * 193)), _text_bomb()),
        lambda: (
            b"BM"
            + struct.pack(
                "<IHHIIiiHHIIiiII",
                70,
                0,
                0,
                54,
                40,
                width * 9,
                -height * 9,
                1,
                24,
                0,
                0,
                0,
                0,
                0,
                0,
            )
        ),
        lambda: (
            b"RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00"
            + b"\xff\xff\xff\xff\xff\xff"
            + bytes(8)
        ),
        lambda: _patch_jpeg_size(photos["JPEG"], 65_500, 65_500),
        lambda: _patch_jpeg_size(photos["JPEG"], width, height),
    ]
    return bombs[int(rng.integers(len(bombs)))]()


def _break_form(photos: Photos, rng: np.random.Generator) -> bytes:
    line = b"--" + _BOUNDARY
    part = b'Content-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    forms = [
        b"",
        line,
        line + b"--\r\n",
        line + b"\r\n" + part + photos["JPEG"][:500],
        line + b"\r\n" + part.replace(b"photo", b"image") + photos["PNG"] + b"\r\n" + line + b"--",
        (line + b"\r\n" + part + b"x\r\n") * 3 + line + b"--\r\n",
        line + b"\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + line + b"--\r\n",
        line + b"\r\n" + b"X: " + b"y" * 20_000 + b"\r\n\r\nx\r\n" + line + b"--\r\n",
        line + b"\r\n\xff\xfe: \x00\r\n\r\nx\r\n" + line + b"--\r\n",
        line + b'\r\nContent-Disposition: form-data; name="photo"\r\n\r\nx\r\n' + line + b"--\r\n",
        rng.bytes(500),
    ]
    return forms[int(rng.integers(len(forms)))]


_KINDS: dict[str, Callable[[Photos, np.random.Generator], bytes]] = {
    "cut short": _truncate,
    "flipped bits": _flip_bits,
    "two files in one": _swap_parts,
    "other kind of file": _draw_other_file,
    "bomb": _draw_bomb,
    "broken form": _break_form,
}


def _encode(name: str, rng: np.random.Generator) -> bytes:
    colours = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    stream = io.BytesIO()
    colours.resize((160, 120), Image.Resampling.BICUBIC).save(stream, name)
    return stream.getvalue()


def write_png(width: int, height: int, packed: bytes, extra: bytes = b"") -> bytes:
    """Returns a PNG that says it has this size, whatever is packed in it."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        _SIGNATURE + _chunk(b"IHDR", head) + extra + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")
    )


def _text_bomb() -> bytes:
    """Returns chunks of text that unpack to far more than the photo has."""
    return _chunk(b"zTXt", b"a\x00\x00" + zlib.compress(bytes(5_000_000), 9)) * 3


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checked)


def _patch_jpeg_size(content: bytes, width: int, height: int) -> bytes:
    frame = content.index(b"\xff\xc0")  # its height and width stand five bytes on
    return content[: frame + 5] + struct.pack(">HH", height, width) + content[frame + 9 :]
