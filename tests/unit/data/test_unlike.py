"""Photos without a flower: the same from the same seed; own ones are never trusted."""

import io
import zipfile

import numpy as np
import pytest

from core.errors import ArchiveRefused
from data.unlike import MOST_OWN, MOTIFS, draw_unlike_photos, read_own_photos
from tests.builders import draw_photo, encode_photo


def test_the_drawn_photos_are_the_same_again_and_all_different() -> None:
    one, other = draw_unlike_photos(2), draw_unlike_photos(2)
    np.testing.assert_array_equal(one.photos, other.photos)
    assert one.photos.shape == (2 * len(MOTIFS), 224, 224, 3)
    assert one.photos.dtype == np.uint8
    assert [one.motifs.count(motif) for motif in MOTIFS] == [2] * len(MOTIFS)
    small = one.photos[:, ::16, ::16].reshape(len(one.photos), -1).astype(float)
    apart = np.abs(small[:, None] - small[None]).mean(axis=2) + 99 * np.eye(len(small))
    assert apart.min() > 3
    seeded = draw_unlike_photos(1, seed=8)
    assert (seeded.photos != one.photos[::2]).any(axis=(1, 2, 3)).all()


def pack(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_own_photos_come_as_files_and_archives() -> None:
    photos = [encode_photo(draw_photo(0, number)) for number in range(3)]
    archive = pack({"a/one.jpg": photos[1], "a/b/two.jpg": photos[2], "notes.txt": b"no photo"})
    own = read_own_photos([("mine.jpg", photos[0]), ("more.ZIP", archive)])
    assert own.names == ("mine.jpg", "one.jpg", "two.jpg")
    assert own.photos.shape == (3, 224, 224, 3)
    assert list(own.refused) == ["notes.txt"]
    assert read_own_photos([]).photos.shape == (0, 224, 224, 3)


def test_what_is_beyond_the_limit_is_said() -> None:
    content = encode_photo(draw_photo(1, 0, (20, 20)))
    own = read_own_photos([(f"{number}.jpg", content) for number in range(MOST_OWN + 2)])
    assert len(own.names) == MOST_OWN
    assert list(own.refused) == [f"{MOST_OWN}.jpg", f"{MOST_OWN + 1}.jpg"]


@pytest.mark.parametrize(
    "content",
    [b"no archive", pack({"../../out.jpg": b"x"}), pack({"a.jpg": b"x" * 99})[:60]],
    ids=["no archive", "leads outside", "cut short"],  # a zip holds the time it was made
)
def test_a_hostile_or_broken_archive_is_refused(content: bytes) -> None:
    with pytest.raises(ArchiveRefused):
        read_own_photos([("photos.zip", content)])
