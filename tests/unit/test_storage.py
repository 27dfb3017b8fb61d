"""Storage: the same on this machine and in a bucket, whole or not at all, and no secret is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import StorageFailed
from core.storage import Storage, is_address, open_storage
from tests.object_storage import SECRET, break_answers, fill, run_object_storage

PHOTOS = {"b/two.jpg": b"2" * 3000, "a one.jpg": b"1" * 70_000, "b/ü/drei.jpg": b""}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, run_object_storage(patch) as endpoint:
        yield endpoint


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, endpoint: str) -> Storage:
    del endpoint
    place = tmp_path.name.replace("_", "-").replace("[", "").replace("]", "")
    return fill(
        str(tmp_path / "photos") if request.param == "local" else f"s3://photos/{place}", PHOTOS
    )


def test_files_are_listed_read_written_and_deleted(storage: Storage) -> None:
    listed = storage.list_files()
    assert [(one.name, one.size) for one in listed] == sorted(
        (name, len(content)) for name, content in PHOTOS.items()
    )
    assert {one.name: storage.read(*one) for one in listed} == PHOTOS
    assert storage.read("b/two.jpg", 5) == b"22222"
    storage.write("b/two.jpg", b"new")
    assert storage.read("b/two.jpg") == b"new" and storage.has("b/two.jpg")
    storage.delete("b/two.jpg")
    storage.delete("b/two.jpg")
    assert not storage.has("b/two.jpg") and len(storage.list_files()) == 2


def test_what_is_not_there_or_not_whole_is_said(storage: Storage) -> None:
    with pytest.raises(StorageFailed, match="read: none") as told:
        storage.read("none.jpg")
    assert isinstance(told.value.__cause__, FileNotFoundError)
    with pytest.raises(StorageFailed, match="3,000 bytes came of 3,001"):
        storage.read("b/two.jpg", 3001)


def test_an_address_names_a_bucket_and_no_credentials() -> None:
    assert is_address("s3://photos/x") and is_address("gs://x") and not is_address("/home/s3:/x")
    assert open_storage("s3://photos/x#1/[2]/").root == "photos/x#1/[2]"
    credentials = ("s3://key:hidden@photos/x", "s3://key:hid/hidden@photos/x", "s3://k:hidden@[x/")
    for bad in ("s3://", *credentials, "s3://photos/x?endpoint_override=y"):
        with pytest.raises(StorageFailed) as told:
            open_storage(bad)
        assert "hidden" not in f"{told.value.problem}{told.value.remedy}{vars(told.value)}"


def test_no_secret_is_said_where_storage_refuses(endpoint: str) -> None:
    del endpoint
    for act in (lambda one: one.list_files(), lambda one: one.write("x", b"x")):
        with pytest.raises(StorageFailed) as told:
            act(open_storage("s3://no-such-bucket/x"))
        assert SECRET not in f"{told.value.problem}{told.value.remedy}{told.value.__cause__}"


def test_answers_that_break_are_asked_for_again(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill("s3://photos/broken", PHOTOS)
    with break_answers(endpoint) as broken:
        monkeypatch.setenv("AWS_ENDPOINT_URL", broken)
        storage = open_storage("s3://photos/broken")
        assert {one.name: storage.read(*one) for one in storage.list_files()} == PHOTOS
        storage.write("new.jpg", b"n" * 5000)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert open_storage("s3://photos/broken").read("new.jpg") == b"n" * 5000
