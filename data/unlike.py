"""Photos that show none of the classes: drawn textures, and photos that a person brings.

Never trained on. The drawn ones are the same bytes from the same seed.
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from core.config import FRAMING, Framing
from core.errors import PhotoRefused
from data.images import pack_photo, read_packed_photo
from data.sources.archive import ARCHIVE_ENDINGS, unpack_photos
from data.sources.flowers.backgrounds import PLACES, Rng, Size, cloud_field, develop_photo, to_image
from data.sources.flowers.petals import Floats, blend, rgb
from data.sources.found import FoundPhoto, FoundSource

DRAWN_VERSION = 2
"""To be raised when the photos change: what was measured on them is measured again."""
PER_MOTIF = 12
MOST_OWN = 200
"""Own photos that are looked at; further ones are counted as left out."""

_SIZE = (360, 300)


def _pick(rng: Rng, codes: str) -> Floats:
    """Return one of the colours, a little darker or brighter."""
    return rgb(str(rng.choice(codes.split()))) * np.float32(rng.uniform(0.88, 1.12))


def _ink(rng: Rng, codes: str) -> tuple[int, ...]:
    return tuple(np.clip(_pick(rng, codes) * 255, 0, 255).astype(int).tolist())


def _grid(size: Size) -> tuple[Floats, Floats]:
    x, y = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in size))
    return x, y


def _draw_page(rng: Rng, size: Size) -> Image.Image:
    """Return a printed page, a little turned."""
    page = Image.new("RGB", size, _ink(rng, "f6f4ec fbfbfb efe8d4"))
    draw, ink, line = ImageDraw.Draw(page), _ink(rng, "202020 30343c"), int(rng.integers(7, 13))
    for y in range(2 * line, size[1] - line, line):
        x, end = 20.0, size[0] * (0.95 if rng.random() < 0.85 else rng.uniform(0.3, 0.7))
        while x < end:
            word = rng.uniform(0.7, 3) * line
            draw.rectangle((x, y, min(x + word, end), y + line // 3), fill=ink)
            x += word + line / 2
    return page.rotate(rng.uniform(-14, 14), fillcolor=_ink(rng, "6a4a30 8a8a8a"))


def _draw_screen(rng: Rng, size: Size) -> Image.Image:
    """Return a screen with a bar chart, a heading and a side bar."""
    width, height = size
    image = Image.new("RGB", size, _ink(rng, "f4f4f4 e8ecf0 1c2026"))
    draw, bars = ImageDraw.Draw(image), int(rng.integers(4, 12))
    draw.rectangle((0, 0, width, height // 12), fill=_ink(rng, "2a4a7a 444444 7a2a4a"))
    draw.rectangle((0, height // 12, width // 6, height), fill=_ink(rng, "d8dce4 30363e"))
    step, colour = width * 0.75 / bars, _ink(rng, "3a7ac0 d06a2a 4a9a5a 8a5ab0")
    for bar in range(bars):
        x, top = width * 0.2 + bar * step, height * rng.uniform(0.2, 0.8)
        draw.rectangle((x, top, x + step * 0.7, height * 0.9), fill=colour)
    return image


def _draw_bricks(rng: Rng, size: Size) -> Image.Image:
    """Return a wall of bricks or tiles with joints."""
    tall = int(rng.integers(16, 50))
    long, (x, y) = int(tall * rng.uniform(1.0, 2.8)), _grid(size)
    row = (y // tall).astype(int)
    x = x + (row % 2) * long / 2
    joint = (x % long < 3) | (y % tall < 3)
    bricks = rng.uniform(0.8, 1.15, (99, 99))[row, (x // long).astype(int)][..., None]
    wall = _pick(rng, "9a4a34 b0886a 8a8a90 d8d8d4 5a7a9a") * bricks
    wall = np.where(joint[..., None], _pick(rng, "b8b0a4 d8d4cc 6a6660"), wall)
    worn = to_image(wall * (1 + 0.14 * cloud_field(rng, size, 40, 3)[..., None]))
    return worn.rotate(rng.uniform(-6, 6), resample=Image.Resampling.BICUBIC)


def _draw_cloth(rng: Rng, size: Size) -> Image.Image:
    """Return a woven cloth: stripes or checks with threads and folds."""
    (x, y), wide = _grid(size), rng.uniform(10, 48)
    codes = "a03030 3050a0 e8e4d8 505050 c8a050 306a60"
    stripes = (np.sin(x * 2 * np.pi / wide) > rng.uniform(-0.6, 0.6)).astype(np.float32)
    if rng.random() < 0.6:
        stripes = 0.5 * (stripes + (np.sin(y * 2 * np.pi / wide) > 0))
    folds = (1 + 0.1 * np.sin(x * 2.1) * np.sin(y * 2.1)) * (1 + 0.35 * cloud_field(rng, size, 2))
    return to_image(blend(_pick(rng, codes), _pick(rng, codes), stripes) * folds[..., None])


def _draw_wood(rng: Rng, size: Size) -> Image.Image:
    """Return boards with grain."""
    y = _grid(size)[1]
    bent = y + 14 * cloud_field(rng, size, 1.5, 2)
    grain = np.sin(bent * rng.uniform(0.2, 0.7)) + 0.5 * np.sin(bent * 1.7)
    boards = np.floor(y / rng.uniform(40, 110)) * 7.3 % 1.0
    shade = 0.85 + 0.25 * boards + 0.1 * grain
    return to_image(_pick(rng, "8a5a34 b88a58 5a3a24 c8b090") * shade[..., None])


def _draw_noise(rng: Rng, size: Size) -> Image.Image:
    """Return noise: grains without neighbours, or clouds of colour."""
    if rng.random() < 0.4:
        return to_image(rng.random((size[1], size[0], 3), dtype=np.float32))
    colours = [cloud_field(rng, size, rng.uniform(2, 30), 5) for _ in range(3)]
    return to_image(0.5 + 0.4 * np.stack(colours, axis=-1))


def _draw_light(rng: Rng, size: Size) -> Image.Image:
    """Return light without a thing: a bare wall, a lens cap, a blur of colour."""
    first, second = rng.random((2, 3)).astype(np.float32)
    if rng.random() < 0.3:  # nearly nothing: a dark or an overexposed frame
        first, second = np.full(3, rng.choice([0.03, 0.95]), np.float32), first * 0.2
    (x, y), angle = _grid(size), rng.uniform(0, 2 * np.pi)
    across = (x / size[0] - 0.5) * np.cos(angle) + (y / size[1] - 0.5) * np.sin(angle)
    return to_image(blend(first, second, 0.5 + across))


def _draw_night(rng: Rng, size: Size) -> Image.Image:
    """Return a town at night: lit windows before a dark sky."""
    image = Image.new("RGB", size, _ink(rng, "0a0e1a 141018 101820"))
    draw, tops = ImageDraw.Draw(image), size[1] * rng.uniform(0.15, 0.75, 9)
    for x in range(5, size[0], 11):
        for y in range(int(tops[x // 45]), size[1], 14):
            light = _ink(rng, "ffd880 fff0c0 c0d8ff ffb060 1c2028 1c2028 241e20 161a22")
            draw.rectangle((x, y, x + 5, y + 8), fill=light)
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 3)))


MOTIFS: dict[str, Callable[[Rng, Size], Image.Image]] = {
    "page": _draw_page,
    "screen": _draw_screen,
    "bricks": _draw_bricks,
    "cloth": _draw_cloth,
    "wood": _draw_wood,
    "noise": _draw_noise,
    "bare light": _draw_light,
    "night": _draw_night,
    # The hardest: what stands behind flowers, without any.
    **{place: PLACES[place] for place in ("grass", "leaves", "sky", "soil")},
    "blur": PLACES["bokeh"],
}
"""Name of each motif → what draws it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class UnlikePhotos:
    """Photos that show none of the classes."""

    photos: np.ndarray
    """(n, 224, 224, 3) uint8 RGB, as a backbone sees them."""
    motifs: tuple[str, ...]
    """What each shows."""


def draw_unlike_photos(
    per_motif: int = PER_MOTIF, seed: int = 7, framing: Framing = FRAMING
) -> UnlikePhotos:
    """Return `per_motif` (at least 1) photos of each motif, as a camera would give them."""
    photos, motifs = [], []
    for place, (motif, draw) in enumerate(MOTIFS.items()):
        for number in range(per_motif):
            rng = np.random.default_rng((seed, place, number))
            photos.append(pack_photo(develop_photo(rng, draw(rng, _SIZE)), framing))
            motifs.append(motif)
    return UnlikePhotos(photos=np.stack(photos), motifs=tuple(motifs))


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnPhotos:
    """Photos that could be read."""

    photos: np.ndarray
    """(n, 224, 224, 3) uint8 RGB; n is at most MOST_OWN."""
    names: tuple[str, ...]
    """Their file names."""
    refused: dict[str, str]
    """Name → what is wrong with it."""


def read_own_photos(files: Iterable[tuple[str, bytes]], framing: Framing = FRAMING) -> OwnPhotos:
    """Return the photos of files (name and bytes), and of archives among them, in their order.

    Raises:
        ArchiveRefused: An archive is broken, hostile or too large.
    """
    photos: list[np.ndarray] = []
    names: list[str] = []
    refused: dict[str, str] = {}
    opened = (
        _unpack(content) if name.lower().endswith(ARCHIVE_ENDINGS) else [(name, content)]
        for name, content in files
    )
    for name, content in chain.from_iterable(opened):
        if len(photos) >= MOST_OWN:
            refused[name] = f"Only the first {MOST_OWN} photos are looked at."
            continue
        try:
            photos.append(read_packed_photo(content, framing)[0])
            names.append(name)
        except PhotoRefused as error:
            refused[name] = error.problem
    stacked = np.stack(photos) if photos else np.empty((0, 224, 224, 3), dtype=np.uint8)
    return OwnPhotos(photos=stacked, names=tuple(names), refused=refused)


def _unpack(content: bytes) -> list[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory(prefix="petalscope-own-") as folder:
        archive, target = Path(folder) / "archive", Path(folder) / "files"
        target.mkdir()
        archive.write_bytes(content)

        def read(files: Sequence[tuple[str, Path]], _folders: Iterable[str]) -> FoundSource:
            # A tenth more than is looked at: what is no photo does not count.
            some = files[: MOST_OWN * 11 // 10]
            return FoundSource(photos=[FoundPhoto(path=path, file=file) for path, file in some])

        found = unpack_photos(archive, target, read=read)
        return [(Path(one.path).name, one.file.read_bytes()) for one in found.photos]
