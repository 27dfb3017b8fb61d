"""Things in storage: whole, shared between versions, fetched when asked for, then forgotten."""

import dataclasses
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core import sharing as sharing_module
from core.errors import ResultDamaged, RunUnfinished, StorageFailed
from core.pieces import ROWS, StoredFile
from core.runs.result import read_result, read_run_features, read_run_head
from core.runs.run_files import take_tuned_backbone
from core.runs.store import list_runs
from core.sharing import Sharing, find, open_sharing
from core.workspace import Workspace
from data.manifest import check_photos, read_dataset
from models.backbone import open_backbone


@pytest.fixture
def sharing(
    trained_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sharing]:
    """The trained workspace with a folder behind it, into which all of it was put."""
    monkeypatch.setenv("PETALSCOPE_STORAGE_URL", str(tmp_path / "store"))
    opened = open_sharing(trained_copy)
    assert opened is not None
    yield opened


def put_all(sharing: Sharing) -> list[str]:
    return [key for key in sharing.list_things() if sharing.push(key)]


def list_pieces(sharing: Sharing) -> set[str]:
    return {one.name for one in sharing.storage.list_files() if one.name.startswith("pieces/")}


def test_a_workspace_elsewhere_has_the_same(sharing: Sharing, tmp_path: Path) -> None:
    keys = put_all(sharing)
    assert {key.partition("/")[0] for key in keys} == {"datasets", "backbones", "features", "runs"}
    assert put_all(sharing) == []  # nothing is new
    there = Sharing(sharing.storage, tmp_path / "elsewhere")
    assert all(there.pull(key) for key in keys) and not there.pull("datasets/0123456789abcdef")
    for key in keys:
        for name in sharing.read_stamp(key):
            assert (there.root / name).read_bytes() == (sharing.root / name).read_bytes(), name
    assert not any(there.push(key) for key in keys)


def test_a_version_with_more_photos_shares_the_pieces(sharing: Sharing) -> None:
    rows = np.random.default_rng(0).random((2 * ROWS + 5, 64), np.float32)
    for name, photos in (("0" * 16, 2 * ROWS), ("1" * 16, 2 * ROWS + 5)):
        np.save(sharing.root / "features" / f"{name}.npy", rows[:photos])
        assert sharing.push(f"features/{name}")
    assert len(list_pieces(sharing)) == 5  # two of rows; two headers and five rows more
    sharing.forget("features/" + "1" * 16)
    assert sharing.sweep() == 0 and len(list_pieces(sharing)) == 5  # one is just being put, perhaps
    assert sharing.sweep(older_s=-60) == 2
    assert len(list_pieces(sharing)) == 3
    (sharing.root / "features" / f"{'0' * 16}.npy").unlink()
    assert sharing.pull("features/" + "0" * 16)
    assert np.array_equal(np.load(sharing.root / "features" / f"{'0' * 16}.npy"), rows[: 2 * ROWS])


def test_what_was_dropped_is_fetched_when_it_is_asked_for(
    sharing: Sharing, trained_copy: Workspace
) -> None:
    put_all(sharing)
    run = list_runs(trained_copy)[0]
    dataset = read_dataset(trained_copy, run.recipe.dataset)
    photo, original = np.array(dataset.photos[7]), dataset.original(7)
    features = np.array(read_run_features(trained_copy, read_result(trained_copy, run.id)))
    dropped = [dataset.folder / "images.npy", dataset.folder / "originals.bin"]
    dropped += [*trained_copy.features.glob("*.npy"), *trained_copy.backbones.glob("*/*.bin")]
    sizes = sum(path.stat().st_size for path in dropped)
    assert sharing.drop(sizes) == 0 and sharing.drop(0) == sizes
    assert not any(path.exists() for path in dropped) and put_all(sharing) == []
    assert {sharing.root / name for name in sharing.list_away()} == {*dropped}
    again = read_dataset(trained_copy, dataset.id)
    assert np.array_equal(again.photos[7], photo) and again.original(7) == original
    assert dropped[0].exists()
    check_photos(again)
    result = read_result(trained_copy, run.id)
    assert np.array_equal(read_run_features(trained_copy, result), features)
    open_backbone(trained_copy, result.backbone_id, purpose="latency")
    used_last = dropped[0]
    again.read_photo(3)
    assert sharing.drop(used_last.stat().st_size) and used_last.exists()
    assert not dropped[1].exists()


def test_a_run_that_was_trained_elsewhere_opens(sharing: Sharing, trained_copy: Workspace) -> None:
    put_all(sharing)
    run = list_runs(trained_copy)[0]
    folder = trained_copy.run_folder(run.id)
    scores = read_result(trained_copy, run.id).scores
    shutil.rmtree(folder)
    with pytest.raises(RunUnfinished):  # what somebody deletes here does not come back
        read_result(trained_copy, run.id)
    shutil.rmtree(trained_copy.root / "shared")
    sharing_module._asked.clear()
    assert np.array_equal(read_result(trained_copy, run.id).scores, scores)
    assert read_run_head(trained_copy, run.id).scores(np.zeros((1, 2048), np.float32)).shape[0] == 1


def test_a_record_or_piece_that_was_altered_is_refused(sharing: Sharing, tmp_path: Path) -> None:
    [key] = [key for key in put_all(sharing) if key.startswith("datasets/")]
    there = Sharing(sharing.storage, tmp_path / "elsewhere")
    record = f"things/{key}.json"
    evil = sharing.storage.read(record).replace(b"manifest.parquet", b"../../../x")
    sharing.storage.write(record, evil)
    with pytest.raises(StorageFailed, match="not its own"):
        there.pull(key)
    assert not (tmp_path / "x").exists()
    sharing.storage.write(record, evil.replace(b"../../../x", b"manifest.parquet"))
    piece = sharing.read_stamp(key)[f"{key}/images.npy"].pieces[1]
    sharing.storage.write(f"pieces/{piece.sha256[:2]}/{piece.sha256}", b"\0" * piece.size)
    with pytest.raises(StorageFailed, match="was altered"):
        there.pull(key)
    assert not (there.root / key / "images.npy").exists()


def test_without_storage_what_is_missing_is_said(
    sharing: Sharing, trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_all(sharing)
    sharing.drop(0)
    monkeypatch.delenv("PETALSCOPE_STORAGE_URL")
    with pytest.raises(ResultDamaged, match="is missing"):
        read_dataset(trained_copy, list_runs(trained_copy)[0].recipe.dataset)


def test_what_is_dropped_while_another_file_is_fetched_stays_in_storage(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    [key] = [key for key in put_all(sharing) if key.startswith("datasets/")]
    folder = sharing.root / key
    photos, originals = folder / "images.npy", folder / "originals.bin"
    sharing.drop(photos.stat().st_size)
    for path in (photos, originals):  # one is here, the other in storage alone
        sharing.pull(key, lambda name, path=path: name.endswith(path.name))
    sharing._write_stamp(key, _without(sharing, key, originals.name))
    originals.unlink()
    begun, dropped = threading.Event(), threading.Event()
    fetch = Sharing._fetch

    def fetch_slowly(*args: object) -> int:
        begun.set()
        assert dropped.wait(20)
        return fetch(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(Sharing, "_fetch", fetch_slowly)
    page = threading.Thread(target=find, args=(originals, sharing.root))
    page.start()
    assert begun.wait(20) and sharing.drop(0)
    dropped.set()
    page.join()
    assert originals.exists() and not photos.exists()
    put_all(sharing)
    record = sharing.read_record(key)
    assert record is not None and f"{key}/images.npy" in record
    assert find(photos, sharing.root).exists()


def _without(sharing: Sharing, key: str, name: str) -> dict[str, StoredFile]:
    stamp = sharing.read_stamp(key)
    return stamp | {f"{key}/{name}": stamp[f"{key}/{name}"]._replace(modified=0)}


def test_nothing_goes_here_that_another_storage_has(
    sharing: Sharing, trained_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = put_all(sharing)
    monkeypatch.setenv("PETALSCOPE_STORAGE_URL", str(tmp_path / "another"))
    other = open_sharing(trained_copy)
    assert other is not None and other.drop(0) == 0
    assert put_all(other) == keys


def test_what_storage_has_lost_stays_here_and_is_put_again(sharing: Sharing) -> None:
    put_all(sharing)
    for one in sharing.storage.list_files():
        sharing.storage.delete(one.name)
    assert sharing.drop(0) == 0
    assert put_all(sharing)
    assert sharing.drop(0) > 0


def test_a_file_that_is_no_array_is_put_as_it_is(sharing: Sharing, tmp_path: Path) -> None:
    file = sharing.root / "features" / f"{'0' * 16}.npy"
    for content in (b"", b"\x93NUMPY", b"no array"):
        file.write_bytes(content)
        assert sharing.push(key := "features/" + "0" * 16)
        there = Sharing(sharing.storage, tmp_path / "elsewhere")
        assert there.pull(key) and (there.root / "features" / file.name).read_bytes() == content


def test_a_record_that_was_cut_short_is_told(sharing: Sharing) -> None:
    key = put_all(sharing)[0]
    record = f"things/{key}.json"
    sharing.storage.write(record, sharing.storage.read(record)[:-20])
    with pytest.raises(StorageFailed, match="written just now"):
        sharing.read_record(key)


def test_deleting_a_run_asks_no_storage_for_what_others_tuned(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = list_runs(trained_copy)[0]
    monkeypatch.setenv("PETALSCOPE_STORAGE_URL", "s3://photos:9/x")  # no address: as if away
    (trained_copy.runs / ("0" * 16)).mkdir()
    folder = trained_copy.run_folder(run.id).rename(trained_copy.bin)
    take_tuned_backbone(trained_copy, folder, dataclasses.replace(run.recipe, strategy="full"))
    assert (folder / "result.json").exists()


def test_storage_belongs_to_one_workspace(sharing: Sharing, tmp_path: Path) -> None:
    assert sharing.is_home() and sharing.is_home()
    assert not Sharing(sharing.storage, tmp_path / "other").is_home()


def test_what_never_was_there_is_absent_while_storage_is_away(
    sharing: Sharing, trained_copy: Workspace, tmp_path: Path
) -> None:
    put_all(sharing)
    sharing.drop(0)
    store = tmp_path / "store"
    store.rename(tmp_path / "away")
    store.write_text("no folder")
    features = trained_copy.features / f"{'0' * 16}.npy"
    assert find(features, trained_copy.root) == features and not features.exists()
    sharing_module._asked.clear()
    dropped = next(trained_copy.features.glob("*.json")).with_suffix(".npy")
    with pytest.raises(StorageFailed):
        find(dropped, trained_copy.root)
