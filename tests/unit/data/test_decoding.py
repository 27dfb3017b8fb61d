"""Pictures that Pillow reads in silence although they are damaged, transparent, dark or blank."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import PhotoRefused, PhotoTooLarge, PhotoUnreadable
from core.workspace import Workspace
from data.images import decode_photo, starts_like_photo
from data.importing import import_source
from data.manifest import read_facts
from tests.builders import draw_photo, encode_photo, write_class_folders

CASES = Path(__file__).parents[3].parent / "shared/cases/pixels/input"
KINDS = {
    "baseline": {},
    "optimised": {"optimize": True},
    "full colour": {"subsampling": 0, "quality": 95},
    "restarts": {"restart_marker_rows": 1},
    "progressive": {"progressive": True},
}


def damage(content: bytes, how: str, share: float) -> bytes:
    """Return a JPEG with the rest of its data, from a share on, cut off or overwritten."""
    start = content.index(b"\xff\xda") + 14
    cut = start + int(share * (len(content) - start))
    lost = len(content) - cut - 2
    if how == "a gap":
        return content[:cut] + content[cut + lost // 2 :]
    rng = np.random.default_rng(0)
    rest = {
        "cut": b"",
        "ended": b"\xff\xd9",
        "zeros": bytes(lost) + b"\xff\xd9",
        "zeros to the end": bytes(lost + 2),
        "garbage": rng.integers(0, 256, lost, dtype=np.uint8).tobytes() + b"\xff\xd9",
    }
    return content[:cut] + rest[how]


@pytest.mark.parametrize("how", ["cut", "ended", "zeros", "zeros to the end", "garbage", "a gap"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("kind", list(KINDS)[:-1])
def test_a_jpeg_without_its_second_part_is_refused(kind: str, share: float, how: str) -> None:
    whole = encode_photo(draw_photo(0, 0, (320, 240)), **KINDS[kind])
    with pytest.raises(PhotoUnreadable, match="truncated or damaged"):
        decode_photo(damage(whole, how, share))


@pytest.mark.parametrize("how", ["cut", "ended", "zeros", "garbage"])
def test_a_progressive_jpeg_without_scans_is_refused(how: str) -> None:
    whole = encode_photo(draw_photo(0, 0, (320, 240)), progressive=True)
    last = whole.rindex(b"\xff\xda")
    for share in (0.02, 0.3, 0.9):
        with pytest.raises(PhotoUnreadable, match="truncated or damaged"):
            decode_photo(damage(whole[:last], how, share))


@pytest.mark.parametrize("how", ["cut", "ended"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.98])
def test_a_progressive_jpeg_without_the_end_of_its_last_scan_is_refused(
    how: str, share: float
) -> None:
    """Pillow shows a blurred picture."""
    whole = encode_photo(draw_photo(0, 0, (320, 240)), progressive=True, quality=95)
    last = whole.rindex(b"\xff\xda")
    cut = whole[:last] + damage(whole[last:], how, share)
    assert Image.open(io.BytesIO(cut + b"\xff\xd9")).load() is not None
    for side in (8, 224):
        with pytest.raises(PhotoUnreadable, match="its last scan is incomplete"):
            decode_photo(cut, side)


@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_that_lacks_only_its_end_is_whole(kind: str) -> None:
    whole = encode_photo(draw_photo(0, 0, (320, 240)), **KINDS[kind])
    for content in (whole[:-2], whole[:-1], whole + bytes(5000), whole[:-2] + b"\xff\xff\xff\xd9"):
        photo, facts = decode_photo(content)
        assert (np.asarray(photo) == np.asarray(Image.open(io.BytesIO(whole)))).all()
        assert facts.bytes == len(content)
        assert not facts.note


def test_many_bytes_of_255_are_searched_in_no_time() -> None:
    with pytest.raises(PhotoRefused):
        decode_photo(encode_photo(draw_photo(0, 0))[:500] + b"\xff" * 2_000_000)


@pytest.mark.parametrize("format", ["BMP", "PNG", "WEBP", "TGA", "TIFF"])
def test_a_photo_that_is_transparent_everywhere_is_shown(format: str) -> None:
    drawn = draw_photo(0, 0, (60, 40))
    drawn.putalpha(0)
    photo, facts = decode_photo(encode_photo(drawn, format, lossless=True, exact=True))
    assert (np.asarray(photo) == np.asarray(drawn)[..., :3]).all()
    if format != "BMP":  # Pillow writes one whose fourth channel means nothing
        assert "transparent" in facts.note
        with pytest.raises(PhotoUnreadable, match="shows nothing"):
            decode_photo(encode_photo(Image.new("RGBA", (60, 40), (9, 9, 9, 0)), format))


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("form", ["PNG", "TIFF", "TIFF I;16B", "TIFF I", "PPM"])
def test_grey_is_scaled_to_the_bits_in_use(form: str, bits: int) -> None:
    ramp = np.linspace(0, 2**bits - 1, 256).round().astype(np.uint16)
    grey, (format, _, mode) = Image.fromarray(np.tile(ramp, (256, 1))), form.partition(" ")
    if mode == "I":
        grey = Image.fromarray(np.tile(ramp, (256, 1)).astype(np.int32))
    elif mode:
        grey = Image.frombytes(mode, (256, 256), np.tile(ramp, (256, 1)).astype(">u2").tobytes())
    photo, facts = decode_photo(encode_photo(grey, format))
    assert (np.asarray(photo) == np.arange(256, dtype=np.uint8)[None, :, None]).all()
    assert facts.note == (
        "" if bits == 16 else f"Its grey uses {bits} of 16 bits; it was scaled up."
    )


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("blank", ["white", "black", (9, 9, 9, 0)])
def test_an_animation_gives_its_first_picture_that_shows_something(
    format: str, blank: str | tuple[int, ...]
) -> None:
    shown, last = draw_photo(0, 1, (60, 60)).convert("RGBA"), Image.new("RGBA", (60, 60), "red")
    empty = Image.new("RGBA", (60, 60), blank)
    content = encode_photo(empty, format, save_all=True, append_images=[shown, last])
    photo, facts = decode_photo(content)
    wanted = np.asarray(shown.convert("RGB"), int)
    assert np.abs(np.asarray(photo, int) - wanted).mean() < 12
    assert facts.note == "It is an animation that begins blank; its picture 2 was used."


def test_a_blank_animation_is_not_decoded_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_PHOTO_LIMIT_MEGAPIXELS", "1")
    frames = [Image.new("L", (600, 600), level) for level in range(5)]
    frames.append(draw_photo(0, 0, (600, 600)).convert("L"))
    content = encode_photo(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_photo(content)[1].note == ""  # the sixth picture would be 2 megapixels in all


def claim_size(content: bytes, width: int, height: int) -> bytes:
    """Return a JPEG whose header claims another size."""
    place = next(content.index(mark) for mark in (b"\xff\xc0", b"\xff\xc2") if mark in content) + 5
    return content[:place] + struct.pack(">HH", height, width) + content[place + 4 :]


def test_a_phone_photo_of_48_megapixels_is_read_small() -> None:
    whole = Image.new("L", (8000, 6000), "grey")
    photo, facts = decode_photo(encode_photo(whole))
    assert (photo.size, facts.width, facts.height) == ((1000, 750), 8000, 6000)
    for content in (encode_photo(whole, "PNG"), encode_photo(whole, progressive=True)):
        with pytest.raises(PhotoTooLarge, match=r"has 48 megapixels .*; 40 are allowed"):
            decode_photo(content)


def test_a_limit_is_told_with_both_numbers_and_a_remedy_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = encode_photo(Image.new("1", (8001, 5000)), "PNG")
    with pytest.raises(PhotoTooLarge, match=r"has 40\.005 megapixels .*; 40 are") as refusal:
        decode_photo(content)
    assert "smaller copy" in refusal.value.remedy and "administrator" in refusal.value.remedy
    bomb = claim_size(encode_photo(draw_photo(0, 0)), 30_000, 20_000)
    with pytest.raises(PhotoTooLarge, match=r"has 600 megapixels .*; 400 are"):
        decode_photo(bomb)
    monkeypatch.setenv("PETALSCOPE_PHOTO_LIMIT_MB", "1")
    with pytest.raises(PhotoTooLarge, match=r"has 1\.000001 MB; 1 MB"):
        decode_photo(bytes(1_000_001))


@pytest.mark.parametrize(
    "format", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "BMP", "GIF", "TIFF", "PPM", "TGA"]
)
def test_a_readable_format_is_known_by_content(format: str) -> None:
    assert starts_like_photo(encode_photo(draw_photo(0, 0), format))


@pytest.mark.parametrize(
    "start", [b"", b"P", b"Photo", b"P7\n", b"%PDF-1.7", b"PK\x03\x04", b"RIFF....WAVE"]
)
def test_another_format_is_known_by_content(start: bytes) -> None:
    assert not starts_like_photo(start)


def test_the_cases_are_read_or_refused(workspace: Workspace, tmp_path: Path) -> None:
    """The report of an import tells what was done with them."""
    folder = write_class_folders(tmp_path / "photos", photos_per_class=6)
    if not CASES.is_dir():
        pytest.skip("the cases are not here")
    for file in CASES.iterdir():
        (folder / "rose" / file.name).write_bytes(file.read_bytes())
    dataset = import_source(workspace, folder)
    assert [path.rpartition("/")[2] for path in dataset.set_aside["path"]] == [
        "jpeg_second_half_gone.jpg"
    ]
    notes = "\n".join(read_facts(dataset.folder)["notes"])
    assert "alpha_all_zero.bmp”: All of it is transparent" in notes
    assert "grey_12_of_16_bits.png”: Its grey uses 12 of 16 bits" in notes
