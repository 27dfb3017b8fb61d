"""The embedded sample: same bytes from a seed, the promised layout, the documented faults."""

import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image

from data.sources.sample import SMALLEST, draw_sample, plan_photos

CLASSES = ("daisy", "dandelion", "rose", "sunflower", "tulip")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    draw_sample(folder, photos_per_class=SMALLEST)
    return folder


@pytest.fixture(scope="module")
def faults(sample: Path) -> dict[str, list[dict[str, str]]]:
    return json.loads((sample / "faults.json").read_text(encoding="utf-8"))


def _digests(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*.jpg"))
    }


def test_same_seed_gives_the_same_bytes(sample: Path, tmp_path: Path) -> None:
    draw_sample(tmp_path / "again", photos_per_class=SMALLEST)
    assert _digests(tmp_path / "again") == _digests(sample)
    assert (tmp_path / "again/faults.json").read_bytes() == (sample / "faults.json").read_bytes()


def test_another_seed_gives_other_photos_and_reports_progress(sample: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    draw_sample(
        tmp_path,
        seed=1,
        photos_per_class=SMALLEST,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert not set(_digests(tmp_path).values()) & set(_digests(sample).values())
    assert seen == sorted(seen)
    assert seen[-1] == (5 * SMALLEST, 5 * SMALLEST)


def test_each_class_is_split_70_15_15() -> None:
    photos = plan_photos(2024, 100)
    for name in CLASSES:
        counts = [
            sum(photo.given == name and photo.split == split for photo in photos)
            for split in ("train", "validation", "test")
        ]
        assert counts == [70, 15, 15]


def test_photos_lie_where_the_plan_says(sample: Path) -> None:
    assert set(_digests(sample)) == {photo.path for photo in plan_photos(2024, SMALLEST)}
    assert {file.name for file in sample.iterdir()} == {
        "train", "validation", "test", "faults.json",
    }  # fmt: skip


def test_photos_are_rgb_of_224_to_320_on_the_short_side(sample: Path, faults) -> None:
    cut_short = {fault["path"] for fault in faults["truncated"]}
    sizes = set()
    for path in _digests(sample).keys() - cut_short:
        with Image.open(sample / path) as photo:
            photo.load()
            assert (photo.format, photo.mode) == ("JPEG", "RGB")
            assert 224 <= min(photo.size) <= 320
            sizes.add(photo.size)
    assert any(width > height for width, height in sizes)
    assert any(width < height for width, height in sizes)


def test_exactly_the_documented_duplicates_share_their_bytes(sample: Path, faults) -> None:
    digests = _digests(sample)
    pairs = faults["exact_duplicates"]
    assert len(pairs) == 4
    assert len(set(digests.values())) == len(digests) - 4
    for pair in pairs:
        assert digests[pair["original"]] == digests[pair["copy"]]
        crosses = pair["original"].split("/")[0] != pair["copy"].split("/")[0]
        assert pair["across_splits"] is crosses
    assert sum(pair["across_splits"] for pair in pairs) == 2


def test_the_truncated_file_and_no_other_fails_to_load(sample: Path, faults) -> None:
    damaged = set()
    for path in _digests(sample):
        with Image.open(sample / path) as photo:
            try:
                photo.load()
            except OSError:
                damaged.add(path)
    assert damaged == {fault["path"] for fault in faults["truncated"]}
    assert len(damaged) == 1


def test_wrong_labels_name_the_folder_and_the_flower_drawn(faults) -> None:
    shown = {photo.path: photo.shown for photo in plan_photos(2024, SMALLEST)}
    assert len(faults["wrong_labels"]) == 6
    for fault in faults["wrong_labels"]:
        assert fault["path"].split("/")[1] == fault["given"] != fault["true"]
        assert shown[fault["path"]] == fault["true"]
    wrong = {fault["path"] for fault in faults["wrong_labels"]}
    assert all(path in wrong or path.split("/")[1] == name for path, name in shown.items())


def test_a_twelfth_of_a_full_sample_is_planned_to_be_hard() -> None:
    photos = plan_photos(2024, 100)
    hard = [photo for photo in photos if photo.variety]
    assert len(hard) == 40
    assert all(photo.copy_of is None and not photo.cut_short for photo in hard)
    assert all(photo.given == photo.shown for photo in hard)


def test_no_photo_carries_two_faults() -> None:
    photos = plan_photos(2024, SMALLEST)
    touched = [photo.path for photo in photos if photo.given != photo.shown or photo.cut_short]
    for photo in photos:
        if photo.copy_of:
            touched += [photo.path, photo.copy_of.path]
    assert len(touched) == len(set(touched)) == 6 + 1 + 2 * 4


def test_an_interrupted_drawing_leaves_at_once(tmp_path: Path) -> None:
    class Enough(Exception): ...

    def stop(_done: int, _total: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        draw_sample(tmp_path, photos_per_class=100, on_progress=stop)
    assert len(_digests(tmp_path)) <= 2


def test_too_few_photos_for_the_faults_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 6"):
        draw_sample(tmp_path, photos_per_class=SMALLEST - 1)
    assert not any(tmp_path.iterdir())
