"""The embedded sample: its layout, and the faults that its list names."""

import hashlib
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from core.errors import SourceRefused
from core.workspace import Workspace
from data.importing import import_source
from data.sources import published as sample
from tests.faults import read_faults

CLASSES = ("daisy", "dandelion", "rose", "sunflower", "tulip")


@pytest.fixture(scope="module")
def digests() -> dict[str, str]:
    with zipfile.ZipFile(sample.SAMPLE_FILE) as archive:
        return {
            name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if name.endswith(".webp")
        }


def test_the_file_is_small() -> None:
    assert sample.SAMPLE_FILE.stat().st_size <= 4_000_000


def test_each_class_is_split_70_15_15(digests: dict[str, str]) -> None:
    counts = Counter(tuple(name.split("/")[:2]) for name in digests)
    expected = {"train": 70, "validation": 15, "test": 15}
    assert counts == {
        (split, name): photos for name in CLASSES for split, photos in expected.items()
    }


def test_the_import_reads_all_but_the_truncated_photo(workspace: Workspace) -> None:
    dataset = import_source(workspace, "sample")
    assert (dataset.name, dataset.source) == ("Flower sample", "the embedded sample")
    assert (len(dataset), tuple(dataset.classes)) == (499, CLASSES)
    assert dataset.set_aside["path"].tolist() == [one["path"] for one in read_faults("truncated")]


def test_exactly_the_listed_duplicates_share_their_bytes(digests: dict[str, str]) -> None:
    pairs = read_faults("exact_duplicates")
    assert len(pairs) == 4 and sum(pair["across_splits"] for pair in pairs) == 2
    assert len(set(digests.values())) == len(digests) - 4
    for pair in pairs:
        assert digests[pair["original"]] == digests[pair["copy"]]
        crosses = pair["original"].split("/")[0] != pair["copy"].split("/")[0]
        assert pair["across_splits"] is crosses


def test_the_list_names_photos_of_the_sample(digests: dict[str, str]) -> None:
    wrong, hard = read_faults("wrong_labels"), read_faults("honest_confusions")
    assert (len(wrong), len(hard)) == (6, 40)
    assert all(one["path"].split("/")[1] == one["given"] != one["true"] for one in wrong)
    assert {one["path"] for one in (*wrong, *hard)} <= digests.keys()


def test_a_damaged_file_is_refused(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "sample.zip"
    damaged.write_bytes(sample.SAMPLE_FILE.read_bytes()[:-1])
    monkeypatch.setattr(sample, "SAMPLE_FILE", damaged)
    with pytest.raises(SourceRefused, match="damaged"):
        import_source(workspace, "sample")
