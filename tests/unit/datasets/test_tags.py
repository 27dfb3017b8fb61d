"""Tags of photos: added and removed, by content, by several processes at once, and their names."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from core.datasets import tags
from core.datasets.edits.tray import add_edits, apply_edits
from core.datasets.tags import (
    LONGEST_TAG,
    list_tags,
    read_tags,
    set_tag,
    stamp_tags,
)
from core.errors import TagRefused
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from tests.builders import write_class_folders


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Where the dataset is; most tests keep its tags in a workspace of their own."""
    home = Workspace(tmp_path_factory.mktemp("home"))
    home.datasets.mkdir()
    return home


@pytest.fixture(scope="module")
def dataset(home: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    photos = write_class_folders(tmp_path_factory.mktemp("photos"))
    return import_source(home, photos, name="flowers")


def test_tags_are_added_and_removed(workspace: Workspace, dataset: Dataset) -> None:
    assert read_tags(workspace, dataset).names == ()
    assert set_tag(workspace, dataset, [3, 1, 3], "  two   heads ") == 2
    assert set_tag(workspace, dataset, [1, 2], "Two heads") == 1
    set_tag(workspace, dataset, [2], "Back lit")
    there = read_tags(workspace, dataset)
    assert there.counts == {"Back lit": 1, "two heads": 3}
    assert there.name_tags(2) == ["Back lit", "two heads"]
    assert np.flatnonzero(there.find_bearers("TWO HEADS")).tolist() == [1, 2, 3]
    assert not there.find_bearers("unknown").any()
    assert set_tag(workspace, dataset, [0, 1, 2], "two heads", on=False) == 2
    assert list_tags(workspace) == {"Back lit": 1, "two heads": 1}
    assert set_tag(workspace, dataset, [0], "unknown", on=False) == 0
    set_tag(workspace, dataset, [2], "BACK LIT", on=False)
    assert list_tags(workspace) == {"two heads": 1}
    set_tag(workspace, dataset, [1], "BACK LIT")
    assert list_tags(workspace) == {"BACK LIT": 1, "two heads": 1}


def test_tags_follow_the_content(home: Workspace, dataset: Dataset) -> None:
    """A later version that moved and left out photos shows them at their rows of it."""
    workspace = home
    set_tag(workspace, dataset, [4, 7], "odd")
    digest = dataset.manifest["sha256"].iat[7]
    add_edits(workspace, dataset, [0, 4], "exclude")
    version = apply_edits(workspace, dataset)
    borne = read_tags(workspace, version).find_bearers("odd")
    assert version.manifest["sha256"][borne].to_list() == [digest]


def test_each_change_has_a_stamp_of_its_own(workspace: Workspace, dataset: Dataset) -> None:
    stamps = [stamp_tags(workspace)]
    for photo in range(5):
        set_tag(workspace, dataset, [photo], "odd")
        stamps.append(stamp_tags(workspace))
    assert all(a != b for a, b in pairwise(stamps))


def test_tagging_at_once_loses_nothing(workspace: Workspace, dataset: Dataset) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda photo: set_tag(workspace, dataset, [photo], "mine"), range(20)))
    assert read_tags(workspace, dataset).counts == {"mine": 20}


def test_a_process_killed_while_writing_leaves_the_file_whole(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_tag(workspace, dataset, [1], "odd")
    monkeypatch.setattr(tags.json, "dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        set_tag(workspace, dataset, [2], "odd")
    monkeypatch.undo()
    (workspace.tags / ".77-abcdef01-half.json").write_text("{")  # what kill -9 leaves
    assert list_tags(workspace) == {"odd": 1}
    assert set_tag(workspace, dataset, [2], "odd") == 1


@pytest.mark.parametrize(
    "name", ["", " \t", "a\0b", "\u202egnp", "\u200d", "x" * (LONGEST_TAG + 1)]
)
def test_invisible_names_are_refused(name: str, workspace: Workspace, dataset: Dataset) -> None:
    with pytest.raises(TagRefused, match="name"):
        set_tag(workspace, dataset, [1], name)
    assert list_tags(workspace) == {}


@pytest.mark.parametrize(
    "name", ["../../x", "<b>花</b>", "می‌خواهم", "क्‍ष", "👩‍🌾", "a" * LONGEST_TAG]
)
def test_names_are_data_in_any_script(name: str, workspace: Workspace, dataset: Dataset) -> None:
    set_tag(workspace, dataset, [1], name)
    assert read_tags(workspace, dataset).name_tags(1) == [name]
    assert [file.parent for file in workspace.tags.glob("*.json")] == [workspace.tags]


@pytest.mark.parametrize("photos", [[], [-1], [3000]])
def test_unknown_photos_are_refused(
    photos: list[int], workspace: Workspace, dataset: Dataset
) -> None:
    with pytest.raises(TagRefused, match="Photos to tag"):
        set_tag(workspace, dataset, photos, "odd")


def test_the_number_of_tags_is_limited(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tags, "MOST_TAGS", 2)
    set_tag(workspace, dataset, [1], "a")
    set_tag(workspace, dataset, [1], "b")
    with pytest.raises(TagRefused, match="already 2 tags"):
        set_tag(workspace, dataset, [1], "c")
    assert set_tag(workspace, dataset, [2], "A") == 1


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"version": 2}', '{"version": 1, "name": "\\u0000", "photos": []}'],
)
def test_damaged_files_are_left_out_and_not_written_over(
    content: str, workspace: Workspace, dataset: Dataset
) -> None:
    set_tag(workspace, dataset, [1], "odd")
    set_tag(workspace, dataset, [1], "even")
    file = workspace.tag_file(tags.identify_tag("odd"))
    file.write_text(content)
    assert list_tags(workspace) == {"even": 1}
    with pytest.raises(TagRefused, match="altered"):
        set_tag(workspace, dataset, [2], "odd")
    assert file.read_text() == content
