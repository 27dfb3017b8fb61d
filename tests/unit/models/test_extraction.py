"""Features: once, kept, gone on with; and nothing damaged is ever taken for them."""

import dataclasses
import resource
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from core.errors import DISK_FULL_ERRNOS, ResultDamaged, RunStopped
from core.workspace import PROJECT_ROOT, Workspace
from models.backbone import Backbone, BackboneFacts
from models.extraction import Photos, copy_rows, describe_features, extract_rows, features_id
from models.rows import Donors, Entry, read_kept


@pytest.fixture
def photos_file(tmp_path: Path, photos: np.ndarray) -> Path:
    """The file of 20 photos."""
    path = tmp_path / "images.npy"
    np.save(path, photos)
    return path


@pytest.fixture(scope="session")
def expected(backbone: Backbone, photos: np.ndarray) -> np.ndarray:
    return backbone.look(photos).features


def describe(backbone: Backbone) -> Entry:
    return describe_features("d1", backbone.facts, backbone.facts.precision)


def extract(workspace: Workspace, photos_file: Path, backbone: Backbone) -> list[int]:
    """Return the numbers of photos done that an extraction tells."""
    reports: list[tuple[int, int, int, float]] = []
    extract_rows(
        workspace,
        describe(backbone),
        Photos(photos_file),
        backbone,
        on_progress=lambda *told: reports.append(told),
    )
    assert all(total == 20 and speed > 0 for _, total, _, speed in reports)
    return [done for done, *_ in reports]


def stop_after(workspace: Workspace, photos_file: Path, backbone: Backbone, batches: int) -> None:
    asked = iter(range(batches - 1))
    with pytest.raises(RunStopped):
        extract_rows(
            workspace,
            describe(backbone),
            Photos(photos_file),
            backbone,
            should_stop=lambda: next(asked, None) is None,
        )


class CountingBackbone:
    """The backbone, and how many photos went through it."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self.photos = 0

    @property
    def facts(self) -> BackboneFacts:
        return self._backbone.facts

    @property
    def batch_size(self) -> int:
        return self._backbone.batch_size

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for features in self._backbone.stream(batches):
            self.photos += len(features)
            yield features


def identify(backbone: Backbone) -> str:
    return describe(backbone).id


def test_features_are_computed_once(
    workspace: Workspace, photos_file: Path, backbone: Backbone, expected: np.ndarray
) -> None:
    assert read_kept(workspace, identify(backbone)) is None
    assert extract(workspace, photos_file, backbone) == [8, 16, 20]
    assert extract(workspace, photos_file, backbone) == []
    features = read_kept(workspace, identify(backbone))
    assert features is not None
    assert features.dtype == np.float32
    assert np.array_equal(features, expected)


def test_an_interrupted_extraction_goes_on(
    workspace: Workspace, photos_file: Path, backbone: Backbone, expected: np.ndarray
) -> None:
    stop_after(workspace, photos_file, backbone, batches=1)
    assert read_kept(workspace, identify(backbone)) is None
    partial = workspace.features / f".d1.features.{identify(backbone)}.part"
    with partial.open("ab") as file:
        file.write(b"half a row")
    assert extract(workspace, photos_file, backbone) == [16, 20]
    assert np.array_equal(read_kept(workspace, identify(backbone)), expected)


def test_the_progress_of_another_process_is_reported(
    workspace: Workspace, photos_file: Path, backbone: Backbone
) -> None:
    stop_after(workspace, photos_file, backbone, 1)
    (partial,) = workspace.features.glob(".*.part")
    before, reports = partial.stat().st_size // (4 * 2048), list[int]()

    def write_row() -> bool:
        with partial.open("ab") as rows:
            rows.write(bytes(4 * 2048))
        return len(reports) == 2

    with FileLock(partial.with_suffix(".lock")), pytest.raises(RunStopped):
        extract_rows(
            workspace,
            describe(backbone),
            Photos(photos_file),
            backbone,
            on_progress=lambda done, *_: reports.append(done),
            should_stop=write_row,
        )
    assert reports == [before + 1, before + 2]


def test_rows_that_do_not_fit_are_told_and_not_counted(
    workspace: Workspace, photos_file: Path, backbone: Backbone, expected: np.ndarray
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    room = 12 * 2048 * 4  # one batch and a half: of the second, the system takes a part
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(OSError) as full:
            extract(workspace, photos_file, backbone)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert full.value.errno in DISK_FULL_ERRNOS
    assert extract(workspace, photos_file, backbone)[-1] == 20
    assert np.array_equal(read_kept(workspace, identify(backbone)), expected)


def test_a_killed_extraction_goes_on(
    workspace: Workspace,
    trained_workspace: Workspace,
    photos_file: Path,
    backbone: Backbone,
    expected: np.ndarray,
) -> None:
    script = (
        "import pathlib\n"
        "from core.workspace import Workspace\n"
        "from models.backbone import open_backbone\n"
        "from models.extraction import Photos, describe_features, extract_rows\n"
        f"made = Workspace(pathlib.Path({str(trained_workspace.root)!r}))\n"
        f"backbone = open_backbone(made, {backbone.facts.id!r}, purpose='throughput')\n"
        "extract_rows(\n"
        f"    Workspace(pathlib.Path({str(workspace.root)!r})),\n"
        "    describe_features('d1', backbone.facts, backbone.facts.precision),\n"
        f"    Photos(pathlib.Path({str(photos_file)!r})), backbone,\n"
        "    on_progress=lambda done, *_: (print(done, flush=True), input()))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "8"
        process.send_signal(signal.SIGKILL)
    assert extract(workspace, photos_file, backbone) == [16, 20]
    assert np.array_equal(read_kept(workspace, identify(backbone)), expected)


def test_what_is_no_partial_file_is_begun_anew(
    workspace: Workspace, photos_file: Path, backbone: Backbone, expected: np.ndarray
) -> None:
    (workspace.features / f".d1.features.{identify(backbone)}.part").write_bytes(
        b"something else" * 9999
    )
    assert extract(workspace, photos_file, backbone) == [8, 16, 20]
    assert np.array_equal(read_kept(workspace, identify(backbone)), expected)


def test_altered_features_are_made_again(
    workspace: Workspace, photos_file: Path, backbone: Backbone, expected: np.ndarray
) -> None:
    extract(workspace, photos_file, backbone)
    file = workspace.features_file(identify(backbone))
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    assert read_kept(workspace, identify(backbone)) is None
    assert extract(workspace, photos_file, backbone) == [8, 16, 20]
    assert np.array_equal(read_kept(workspace, identify(backbone)), expected)


def test_photos_cut_short_are_told(
    workspace: Workspace, photos_file: Path, backbone: Backbone
) -> None:
    photos_file.write_bytes(photos_file.read_bytes()[:-1])
    with pytest.raises(ResultDamaged, match="import"):
        extract(workspace, photos_file, backbone)


def test_photos_of_another_shape_are_told(
    workspace: Workspace, photos_file: Path, backbone: Backbone
) -> None:
    np.save(photos_file, np.zeros((3, 32, 32, 3), np.uint8))
    with pytest.raises(ResultDamaged):
        extract(workspace, photos_file, backbone)


def test_each_dataset_backbone_and_precision_has_its_own_features(backbone: Backbone) -> None:
    facts = dataclasses.replace(backbone.facts, precision="f16")
    ids = {
        features_id("d1", facts.id, facts.precision),
        features_id("d2", facts.id, facts.precision),
        features_id("d1", "0123", facts.precision),
        features_id("d1", facts.id, "f32"),
    }
    assert len(ids) == 4


def make_donors(known: list[int], expected: np.ndarray) -> Donors:
    """Return donors that know these photos: even ones by the first, odd ones by the second."""
    source, row = np.full(20, -1), np.zeros(20, np.int64)
    for photo in known:
        source[photo], row[photo] = photo % 2, 19 - photo
    return Donors(features=(expected[::-1], expected[::-1].copy()), source=source, row=row)


@pytest.mark.parametrize("unknown", [[0], [19], [4, 5, 12], list(range(3, 15)), []])
def test_only_unknown_photos_are_computed(
    workspace: Workspace,
    photos_file: Path,
    backbone: Backbone,
    expected: np.ndarray,
    unknown: list[int],
) -> None:
    donors = make_donors([photo for photo in range(20) if photo not in unknown], expected)
    seen = CountingBackbone(backbone)
    values = extract_rows(workspace, describe(backbone), Photos(photos_file), seen, donors)
    assert seen.photos == len(unknown)
    assert np.array_equal(values, expected)


def test_with_donors_too_an_interrupted_extraction_goes_on(
    workspace: Workspace, photos_file: Path, backbone: Backbone, expected: np.ndarray
) -> None:
    donors = make_donors([0, 1, 10, 18, 19], expected)
    what = workspace, describe(backbone), Photos(photos_file)
    with pytest.raises(RunStopped):
        extract_rows(*what, backbone, donors, should_stop=lambda: True)
    seen = CountingBackbone(backbone)
    assert np.array_equal(extract_rows(*what, seen, donors), expected)
    assert seen.photos == 15 - 8


def test_known_features_are_copied_without_a_backbone(
    workspace: Workspace, backbone: Backbone, expected: np.ndarray
) -> None:
    entry = describe_features("d1", backbone.facts, "f32")
    donors = make_donors(list(range(20)), expected)
    assert np.array_equal(copy_rows(workspace, entry, donors), expected)
    assert np.array_equal(read_kept(workspace, entry.id), expected)
