"""Every kind of file a person may hand in: the right photo, or a clear refusal."""

import contextlib
import io
import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.config import Framing
from core.errors import PhotoTooLarge, PhotoUnreadable
from data.images import (
    MEAN_COLOUR,
    PACKED_ALIKE,
    ROW_SIZE,
    decode_photo,
    encode_thumbnail,
    pack_photo,
    read_packed_photo,
    read_photo_facts,
    read_photo_file,
)
from tests.builders import draw_photo, encode_photo


def encode_empty_png(width: int, height: int) -> bytes:
    """Return a PNG whose header claims a size and whose pixels are not there at all."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    data = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    return b"\x89PNG\r\n\x1a\n" + chunk + data


def draw_corners(width: int = 300, height: int = 200) -> Image.Image:
    """Return a photo with a red left top corner and a blue right half."""
    photo = Image.new("RGB", (width, height), "white")
    photo.paste("blue", (width // 2, 0, width, height))
    photo.paste("red", (0, 0, width // 4, height // 4))
    return photo


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_all_formats_are_read_by_content(format: str) -> None:
    content = encode_photo(draw_corners(), format)
    photo, facts = read_packed_photo(content)
    assert photo.shape == (224, 224, 3)
    assert photo.dtype == np.uint8
    assert (facts.format, facts.width, facts.height) == (format, 300, 200)
    assert facts.bytes == len(content)
    # The centre cut keeps x from 50 to 250: white left of the middle, blue right of it.
    assert np.abs(photo[180, 20].astype(int) - 255).max() < 12
    assert np.abs(photo[180, 200].astype(int) - (0, 0, 255)).max() < 12


@pytest.mark.parametrize(("size", "filled"), [((300, 150), 56), ((150, 300), 56), ((9, 900), 111)])
def test_the_whole_photo_is_fitted_in_and_the_rest_is_the_mean_colour(
    size: tuple[int, int], filled: int
) -> None:
    content = encode_photo(Image.new("RGB", size, "red"), "PNG")
    photo, facts = read_packed_photo(content, Framing(how="pad"))
    upright = photo if size[0] > size[1] else photo.transpose(1, 0, 2)
    assert (facts.width, facts.height) == size
    assert (upright[:filled] == MEAN_COLOUR).all() and (upright[-filled:] == MEAN_COLOUR).all()
    assert (upright[filled:-filled] == (255, 0, 0)).all()


@pytest.mark.parametrize("side", [40, 500])
def test_a_square_photo_is_packed_alike_in_both_framings(side: int) -> None:
    photo = draw_photo(1, 2, (side, side))
    assert np.array_equal(pack_photo(photo, Framing(how="pad")), pack_photo(photo))


def test_a_squeezed_jpeg_is_decoded_at_full_size_where_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = encode_photo(draw_photo(1, 2, (3000, 2000)), quality=90)
    squeezed, _ = read_packed_photo(content, Framing(how="squeeze"))
    whole = pack_photo(Image.open(io.BytesIO(content)), Framing(how="squeeze"))
    assert np.array_equal(squeezed, whole)
    monkeypatch.setenv("PETALSCOPE_PHOTO_LIMIT_MEGAPIXELS", "2")
    smaller, _ = read_packed_photo(content, Framing(how="squeeze"))
    assert not np.array_equal(smaller, whole)


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", b"not a photo" * 50, b"%PDF-1.7 " + bytes(400), b"\xff\xd8\xff\xe0"],
    ids=["0 bytes", "signature only", "text", "pdf", "jpeg signature only"],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(PhotoUnreadable) as refusal:
        read_packed_photo(content)
    assert refusal.value.problem and refusal.value.remedy


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "HEIF", "AVIF"])
def test_a_truncated_photo_is_refused(format: str) -> None:
    content = encode_photo(draw_photo(0, 0, (300, 200)), format)
    with pytest.raises(PhotoUnreadable):
        read_packed_photo(content[: len(content) * 2 // 3])


@pytest.mark.parametrize("format", ["HEIF", "AVIF"])
def test_photos_of_phones_are_read_or_refused_however_damaged(format: str) -> None:
    photo = draw_photo(0, 0, (300, 200))
    content = encode_photo(photo, format, quality=90)
    decoded, facts = decode_photo(content)
    assert facts.format == ("HEIC" if format == "HEIF" else "AVIF")
    assert np.abs(np.asarray(decoded, dtype=int) - np.asarray(photo, dtype=int)).mean() < 12
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(content)
        for place in rng.integers(0, 500, 3):
            damaged[place % len(damaged)] ^= 1 << rng.integers(8)
        with contextlib.suppress(PhotoUnreadable, PhotoTooLarge):
            assert read_packed_photo(bytes(damaged))[0].shape == (224, 224, 3)


@pytest.mark.parametrize("format", ["HEIF", "AVIF"])
def test_a_phone_photo_that_claims_41_megapixels_is_not_decoded(format: str) -> None:
    content = encode_photo(draw_photo(0, 0, (300, 200)), format)
    claim = content.index(b"ispe") + 8  # width and height, behind version and flags
    bomb = content[:claim] + struct.pack(">II", 8200, 5000) + content[claim + 8 :]
    with pytest.raises(PhotoTooLarge, match="41 megapixels"):
        read_packed_photo(bomb)


def test_without_its_reader_a_heic_photo_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = encode_photo(draw_photo(0, 0), "HEIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PhotoUnreadable, match="pillow-heif") as refused:
        read_photo_facts(content)
    assert "Most Compatible" in refused.value.remedy


def test_a_film_is_no_photo() -> None:
    with pytest.raises(PhotoUnreadable, match="Unsupported file format"):
        read_photo_facts(b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(300))


def test_a_header_is_enough_for_the_facts() -> None:
    content = encode_photo(draw_photo(0, 0, (300, 200)))
    facts = read_photo_facts(content[:1500])
    assert (facts.width, facts.height) == (300, 200)


def test_41_megapixels_are_refused_before_decoding() -> None:
    # The pixels are missing: had decoding begun, the answer would be PhotoUnreadable.
    with pytest.raises(PhotoTooLarge, match="41 megapixels") as refusal:
        read_packed_photo(encode_empty_png(8200, 5000))
    assert refusal.value.facts["width"] == 8200


def test_a_size_that_pillow_calls_a_bomb_is_refused_like_any_other() -> None:
    with pytest.raises(PhotoTooLarge, match="3600 megapixels"):
        read_photo_facts(encode_empty_png(60_000, 60_000))


def test_the_limits_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encode_photo(draw_photo(0, 0, (1500, 1000)), "BMP")
    assert read_photo_facts(content).width == 1500
    monkeypatch.setenv("PETALSCOPE_PHOTO_LIMIT_MEGAPIXELS", "1")
    with pytest.raises(PhotoTooLarge, match="megapixels"):
        read_photo_facts(content)
    monkeypatch.setenv("PETALSCOPE_PHOTO_LIMIT_MEGAPIXELS", "400")
    assert read_photo_facts(encode_empty_png(19_000, 19_000)).width == 19_000
    monkeypatch.setenv("PETALSCOPE_PHOTO_LIMIT_MB", "4")
    with pytest.raises(PhotoTooLarge, match="4 MB"):
        read_photo_facts(content)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(format: str, orientation: int) -> None:
    upright = draw_corners()
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)
    as_stored = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode_photo(as_stored, format, exif=exif.tobytes())
    photo, facts = decode_photo(content)
    assert photo.size == (facts.width, facts.height) == (300, 200)
    assert read_photo_facts(content) == facts
    assert np.abs(np.asarray(photo, dtype=int) - np.asarray(upright, dtype=int)).mean() < 3


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's remark about this very file
def test_unreadable_exif_does_not_matter() -> None:
    content = encode_photo(draw_corners(), exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff" + b"x" * 20)
    assert decode_photo(content)[0].size == (300, 200)


def test_a_large_jpeg_is_decoded_small_and_looks_the_same() -> None:
    rng = np.random.default_rng(0)
    soft = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    large = soft.resize((4000, 3000), Image.Resampling.BICUBIC)
    content = encode_photo(large, quality=90)
    photo, facts = decode_photo(content)
    assert (facts.width, facts.height) == (4000, 3000)
    assert 1.5 * 224 <= min(photo.size) < 3 * 224
    difference = pack_photo(photo).astype(int) - pack_photo(large)
    assert np.abs(difference).mean() < 2
    assert min(decode_photo(content, 448)[0].size) >= 1.5 * 448  # wanted larger, it comes larger


def test_only_large_jpegs_are_other_pixels_in_the_second_packing() -> None:
    for side, decoded in ((PACKED_ALIKE - 1, PACKED_ALIKE - 1), (PACKED_ALIKE, PACKED_ALIKE / 2)):
        content = encode_photo(Image.new("RGB", (900, int(side)), "green"))
        assert decode_photo(content)[0].height == decoded


@pytest.mark.parametrize("size", [(1, 1), (1, 30_000), (30_000, 2), (224, 224), (500, 230)])
def test_any_shape_can_be_packed(size: tuple[int, int]) -> None:
    packed, facts = read_packed_photo(encode_photo(Image.new("RGB", size, "green"), "PNG"))
    assert packed.shape == (224, 224, 3)
    assert (packed == (0, 128, 0)).all()
    assert (facts.width, facts.height) == size


def test_packing_equals_resize_and_centre_crop() -> None:
    photo = draw_photo(0, 3, (448, 300)).resize((448, 336), Image.Resampling.BICUBIC)
    whole = photo.resize((round(448 * 224 / 336), 224), Image.Resampling.BICUBIC)
    left = (whole.width - 224) // 2
    expected = np.asarray(whole.crop((left, 0, left + 224, 224)), dtype=int)
    # The factor is not a whole number of pixels: the cut may lie half a pixel off.
    assert np.abs(pack_photo(photo) - expected).mean() < 8
    square = draw_photo(0, 3, (224, 224))
    assert (pack_photo(square) == np.asarray(square)).all()


def test_thumbnails_are_small_webp() -> None:
    photo, _ = read_packed_photo(encode_photo(draw_corners()))
    with Image.open(io.BytesIO(encode_thumbnail(photo))) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (128, 128))
    with Image.open(io.BytesIO(encode_thumbnail(photo, ROW_SIZE))) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (64, 64))


def test_damaged_bytes_never_raise_anything_else() -> None:
    """Bytes changed at random give a photo or a refusal, and no other error."""
    rng = np.random.default_rng(7)
    photo = draw_photo(0, 0, (90, 70))
    for format in ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"):
        content = encode_photo(photo, format)
        for _ in range(40):
            damaged = bytearray(content)
            for place in rng.integers(0, min(200, len(content)), 3):
                damaged[place] = rng.integers(0, 256)
            with contextlib.suppress(PhotoUnreadable, PhotoTooLarge):
                assert read_packed_photo(bytes(damaged))[0].shape == (224, 224, 3)


def test_a_file_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(PhotoUnreadable, match="could not be opened"):
        read_photo_file(tmp_path / "gone.jpg")


def test_a_pipe_is_refused_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")  # opened for reading it would wait for a writer, for ever
    with pytest.raises(PhotoUnreadable, match="not a regular file"):
        read_photo_file(tmp_path / "pipe.jpg")


def test_cmyk_keeps_its_colours() -> None:
    photo = Image.new("RGB", (300, 200), "red")
    photo.paste("blue", (150, 0, 300, 200))
    content = encode_photo(photo.convert("CMYK"), quality=95)
    pixels = np.asarray(decode_photo(content)[0], dtype=int)
    assert np.abs(pixels[20, 20] - (255, 0, 0)).max() < 12
    assert np.abs(pixels[150, 250] - (0, 0, 255)).max() < 12


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(format: str) -> None:
    ramp = np.linspace(0, 65535, 256).round().astype(np.uint16)
    content = encode_photo(Image.fromarray(np.tile(ramp, (256, 1))), format)
    photo = np.asarray(decode_photo(content)[0])
    assert (photo == np.arange(256, dtype=np.uint8)[None, :, None]).all()


def test_transparency_becomes_white() -> None:
    palette = Image.new("P", (60, 60), 0)
    palette.putpalette([200, 0, 0, 0, 90, 0])
    palette.paste(1, (30, 0, 60, 60))
    see_through = {
        "one index of a palette": encode_photo(palette, "PNG", transparency=0),
        "a share for each index": encode_photo(palette, "PNG", transparency=b"\x00\xff"),
        "GIF": encode_photo(palette, "GIF", transparency=0),
        "alpha": encode_photo(palette_to_alpha(palette), "PNG"),
        "alpha in WebP": encode_photo(palette_to_alpha(palette), "WEBP", lossless=True),
    }
    for what, content in see_through.items():
        photo = decode_photo(content)[0]
        assert photo.getpixel((10, 30)) == (255, 255, 255), what
        assert photo.getpixel((50, 30)) == (0, 90, 0), what


def palette_to_alpha(palette: Image.Image) -> Image.Image:
    photo = palette.convert("RGBA")
    photo.paste((200, 0, 0, 0), (0, 0, 30, 60))
    return photo


def test_grey_with_alpha_and_black_and_white_are_read() -> None:
    grey = Image.new("LA", (40, 40), (100, 0))
    grey.paste((100, 255), (20, 0, 40, 40))
    photo = decode_photo(encode_photo(grey, "PNG"))[0]
    assert photo.getpixel((5, 5)) == (255, 255, 255)
    assert photo.getpixel((30, 5)) == (100, 100, 100)
    drawing = Image.new("1", (40, 40), 1)
    assert decode_photo(encode_photo(drawing, "PNG"))[0].getpixel((5, 5)) == (255, 255, 255)


def test_the_first_picture_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    for format in ("GIF", "WEBP", "PNG", "TIFF"):
        content = encode_photo(frames[0], format, save_all=True, append_images=frames[1:])
        red, green, blue = decode_photo(content)[0].getpixel((20, 20))
        assert red > 240 and green < 10 and blue < 10, format


def test_a_phone_photo_with_further_pictures_is_a_jpeg() -> None:
    large, small = draw_photo(0, 0, (1200, 900)), draw_photo(0, 1)
    content = encode_photo(large, "MPO", save_all=True, append_images=[small])
    photo, facts = decode_photo(content)
    assert (facts.format, facts.width, facts.height) == ("JPEG", 1200, 900)
    assert photo.size == (600, 450)


def test_32_bits_per_pixel_are_refused() -> None:
    content = encode_photo(Image.fromarray(np.ones((20, 20), np.float32)), "TIFF")
    with pytest.raises(PhotoUnreadable, match="32 bits"):
        decode_photo(content)
