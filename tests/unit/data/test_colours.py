"""Kinds of pixels: CMYK, 16 bits, palettes, transparency, animations become plain RGB."""

import numpy as np
import pytest
from PIL import Image

from core.errors import PhotoUnreadable
from data.images import decode_photo
from tests.builders import draw_photo, encode_photo


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
