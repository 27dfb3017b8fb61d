"""Kept photos: none by default, none too long, none too many, and those under review stay."""

import errno
import os
import stat
import time
from hashlib import sha256
from pathlib import Path

import pytest

from core.errors import BadIdentifier
from core.monitoring import kept_photos
from core.monitoring.feedback import review_feedback
from core.monitoring.kept_photos import (
    Photo,
    find_kept,
    keep_photo,
    read_kept_photo,
    sweep_kept_photos,
    sweep_when_due,
)
from core.monitoring.log import delete_predictions, log_predictions
from core.workspace import Workspace
from tests.predictions import ask_and_tell, make_prediction

DAY = 86_400
PHOTO = b"a photo"


@pytest.fixture(autouse=True)
def nothing_swept() -> None:
    """This process has not swept any workspace yet."""
    kept_photos._usages.clear()


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def keep_for(monkeypatch: pytest.MonkeyPatch, days: float = 7, megabytes: int = 500) -> None:
    monkeypatch.setenv("PETALSCOPE_KEEP_PHOTOS_DAYS", str(days))
    monkeypatch.setattr("core.monitoring.kept_photos.MOST_KEPT_BYTES", megabytes * 1_000_000)


def make_older(workspace: Workspace, content: bytes, days: float) -> Path:
    file = workspace.kept_photo_file(digest(content))
    moment = time.time() - days * DAY
    os.utime(file, (moment, moment))
    return file


def test_no_photo_is_kept_unless_that_was_asked_for(workspace: Workspace) -> None:
    keep_photo(workspace, Photo(PHOTO))
    assert not workspace.kept_photos.exists()
    keep_photo(workspace, Photo(PHOTO), consent=True)
    assert read_kept_photo(workspace, digest(PHOTO)) == PHOTO


def test_a_setting_keeps_all_of_them_for_days(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_for(monkeypatch, days=7)
    contents = [bytes([n]) * 100 for n in range(3)]
    for content in contents:
        keep_photo(workspace, Photo(content))
    for content, days in zip(contents, (6, 8, 8), strict=True):
        make_older(workspace, content, days)
    keep_photo(workspace, Photo(contents[2]))  # asked about again: its days begin anew
    sweep_kept_photos(workspace)
    kept = find_kept(workspace, map(digest, contents))
    assert kept == {digest(contents[0]), digest(contents[2])}


def test_the_oldest_make_room_and_the_limit_is_never_passed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_for(monkeypatch, megabytes=1)
    contents = [bytes([n]) * 150_000 for n in range(20)]
    for age, content in enumerate(contents):
        keep_photo(workspace, Photo(content))
        make_older(workspace, content, (20 - age) / 24)
        taken = sum(file.stat().st_size for file in workspace.kept_photos.iterdir())
        assert taken <= 1_000_000
    kept = [
        digest(content) in {f.name for f in workspace.kept_photos.iterdir()} for content in contents
    ]
    assert kept == sorted(kept) and sum(kept) >= 5, "the newest are those that are left"


def test_photos_under_review_stay_and_cannot_fill_the_disk(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_for(monkeypatch, days=0, megabytes=1)
    contents = [bytes([n]) * 300_000 for n in range(4)]
    told = [ask_and_tell(workspace, n, content, "rose") for n, content in enumerate(contents)]
    kept = find_kept(workspace, [one.photo for one in told])
    assert len(kept) == 3 and told[3].photo not in kept, "there was no room for the last one"
    for content in contents[:3]:
        make_older(workspace, content, 90)
    sweep_kept_photos(workspace)
    assert find_kept(workspace, kept) == kept
    review_feedback(workspace, [told[0].number], "accept")
    review_feedback(workspace, [told[1].number], "discard")
    sweep_kept_photos(workspace)
    assert find_kept(workspace, kept) == kept, "what was discarded can be taken back for a day"
    monkeypatch.setattr(kept_photos, "_UNDO_TIME", -kept_photos._UNDO_TIME)
    sweep_kept_photos(workspace)
    assert find_kept(workspace, kept) == {told[0].photo, told[2].photo}


def test_a_full_disk_loses_the_photo_but_not_the_feedback(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept_photos, "write_atomically", write)
    told = ask_and_tell(workspace, 0, PHOTO, "rose")
    assert told.state == "waiting" and not find_kept(workspace, [told.photo])
    assert "a photo was not stored" in caplog.text


def test_what_was_kept_for_a_review_goes_with_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another visitor who merely asked about the same photo is no reason to keep it."""
    log_predictions(workspace, [make_prediction(1, PHOTO, visitor="another")])
    for days, is_kept in ((0, False), (7, True)):
        keep_for(monkeypatch, days=days)
        told = ask_and_tell(workspace, 0, PHOTO, "rose", visitor="me")
        assert find_kept(workspace, [told.photo])
        assert delete_predictions(workspace, visitor="me") == 1
        assert bool(find_kept(workspace, [told.photo])) is is_kept


def test_use_of_the_log_sweeps_expired_and_half_written_files(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_for(monkeypatch)
    keep_photo(workspace, Photo(PHOTO))
    file = make_older(workspace, PHOTO, 8)
    sweep_when_due(workspace)
    assert file.exists(), "this process has just swept"
    half = workspace.kept_photos / ".1-old-x"
    half.write_bytes(b"half")
    os.utime(half, (0, 0))
    kept_photos._usages.clear()
    log_predictions(workspace, [make_prediction(0)])
    assert not file.exists() and not half.exists()


def test_files_are_private_and_altered_ones_are_not_read(workspace: Workspace) -> None:
    keep_photo(workspace, Photo(PHOTO), consent=True)
    file = workspace.kept_photo_file(digest(PHOTO))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.write_bytes(b"another")
    assert read_kept_photo(workspace, digest(PHOTO)) is None
    keep_photo(workspace, Photo(PHOTO), consent=True)
    assert read_kept_photo(workspace, digest(PHOTO)) == PHOTO
    assert read_kept_photo(workspace, digest(b"never kept")) is None
    with pytest.raises(BadIdentifier):
        read_kept_photo(workspace, "../petalscope.db")
