"""Kept maps: what comes back is what was kept, of that photo, whole; else nothing does."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.prediction.explaining import CachedMaps

FOLDER = Path("0123456789abcdef") / "fedcba9876543210-bf16"


@pytest.fixture
def kept(tmp_path: Path) -> CachedMaps:
    return CachedMaps(tmp_path / FOLDER)


def make_map(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).gamma(1.0, 2.0, (7, 7, 2048)).astype(np.float32)


def test_a_map_comes_back_in_half_precision(kept: CachedMaps) -> None:
    assert kept.read(3) is None
    kept.write(3, make_map(3))
    found = kept.read(3)
    assert found is not None
    np.testing.assert_array_equal(found, make_map(3).astype(np.float16))
    assert kept.read(4) is None


def cut_short(content: bytes) -> bytes:
    return content[:-100]


def alter(content: bytes) -> bytes:
    return content[:5000] + bytes([content[5000] ^ 1]) + content[5001:]


def lengthen(content: bytes) -> bytes:
    return content + b"\0"


def empty(content: bytes) -> bytes:
    return content[:0]


@pytest.mark.parametrize("damage", [cut_short, alter, lengthen, empty])
def test_a_damaged_file_is_no_map_and_is_made_again(
    kept: CachedMaps, damage: Callable[[bytes], bytes]
) -> None:
    kept.write(1, make_map(1))
    file = kept.folder / "1.map"
    file.write_bytes(damage(file.read_bytes()))
    assert kept.read(1) is None
    kept.write(1, make_map(1))
    assert kept.read(1) is not None


def test_a_map_in_the_place_of_another_is_none(kept: CachedMaps, tmp_path: Path) -> None:
    kept.write(1, make_map(1))
    file = kept.folder / "1.map"
    for other in (
        kept.folder / "2.map",
        tmp_path / FOLDER.parent / "1111111111111111-bf16" / "1.map",
        tmp_path / "2222222222222222" / FOLDER.name / "1.map",
    ):
        other.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, other)
        assert CachedMaps(other.parent).read(int(other.stem)) is None


@pytest.mark.parametrize("value", [1e6, np.inf, np.nan])
def test_what_half_precision_cannot_hold_is_not_kept(kept: CachedMaps, value: float) -> None:
    spoilt = make_map(0)
    spoilt[0, 0, 0] = value
    kept.write(0, spoilt)
    assert kept.read(0) is None


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / FOLDER.parent).write_text("a file where the folder should be")
    kept = CachedMaps(tmp_path / FOLDER)
    kept.write(0, make_map(0))
    assert kept.read(0) is None


def test_many_threads_keep_and_read_the_same_photos(kept: CachedMaps) -> None:
    maps = [make_map(seed) for seed in range(4)]

    def work(turn: int) -> bool:
        photo = turn % 4
        kept.write(photo, maps[photo])
        found = kept.read(photo)
        return found is not None and np.array_equal(found, maps[photo].astype(np.float16))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(48)))
    assert sorted(file.name for file in kept.folder.iterdir()) == [f"{n}.map" for n in range(4)]
