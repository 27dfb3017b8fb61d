"""Saved selections: names, files, and their photos found again by what they are."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.datasets.edits.applying import apply_edits
from core.datasets.edits.tray import add_edits
from core.datasets.selections import (
    delete_selection,
    find_selected,
    list_selections,
    read_selection,
    save_selection,
)
from core.errors import BadIdentifier, SelectionMissing, SelectionRefused
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import read_dataset
from tests.builders import write_class_folders


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    return import_source(workspace, write_class_folders(tmp_path / "photos"), name="flowers")


def test_what_is_saved_is_read_again(workspace: Workspace, dataset: Dataset) -> None:
    saved = save_selection(workspace, dataset, [7, 2, 7, 11], "  Odd   ones ", " why\nnot ", "abc")
    assert (saved.name, saved.note, saved.run) == ("Odd ones", "why not", "abc")
    assert saved.paths == tuple(dataset.manifest["path"].iloc[[7, 2, 11]])
    assert read_selection(workspace, saved.id) == saved
    assert list_selections(workspace) == [saved]
    assert find_selected(saved, dataset).tolist() == [7, 2, 11]


def test_a_name_is_not_given_twice(workspace: Workspace, dataset: Dataset) -> None:
    first = save_selection(workspace, dataset, [1], "Straße")
    with pytest.raises(SelectionRefused, match="already"):
        save_selection(workspace, dataset, [2], "STRASSE")
    assert read_selection(workspace, first.id).paths == first.paths
    delete_selection(workspace, first.id)
    second = save_selection(workspace, dataset, [2], "STRASSE")
    assert list_selections(workspace) == [second]


def test_savers_at_once_agree_who_was_first(workspace: Workspace, dataset: Dataset) -> None:
    def save(photo: int) -> int:
        try:
            save_selection(workspace, dataset, [photo], "mine")
        except SelectionRefused:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(save, range(16))) == 1
    assert [len(selection) for selection in list_selections(workspace)] == [1]


@pytest.mark.parametrize("name", ["", "   ", "a\0b", "x" * 61, "\u202egnp"])
def test_names_that_cannot_be_kept_are_refused(
    name: str, workspace: Workspace, dataset: Dataset
) -> None:
    with pytest.raises(SelectionRefused):
        save_selection(workspace, dataset, [1], name)
    assert list_selections(workspace) == []


def test_names_are_data(workspace: Workspace, dataset: Dataset) -> None:
    saved = save_selection(workspace, dataset, [1], "../../<b>ä 花</b>")
    assert read_selection(workspace, saved.id).name == "../../<b>ä 花</b>"
    assert [file.name for file in workspace.selections.glob("*.json")] == [f"{saved.id}.json"]


@pytest.mark.parametrize("photos", [[], [-1], [30]])
def test_photos_that_are_not_there_are_refused(
    photos: list[int], workspace: Workspace, dataset: Dataset
) -> None:
    with pytest.raises(SelectionRefused):
        save_selection(workspace, dataset, photos, "none")


def test_photos_are_found_in_a_later_version_and_gone_ones_are_not(
    workspace: Workspace, dataset: Dataset
) -> None:
    saved = save_selection(workspace, dataset, [25, 3, 14], "three")
    add_edits(workspace, dataset, [0, 1, 2, 14], "exclude")  # all numbers change, one photo goes
    add_edits(workspace, dataset, [25], "relabel", "aster")
    later = apply_edits(workspace, dataset, name="later")
    later = read_dataset(workspace, later.id)
    found = find_selected(saved, later)
    digests = later.manifest["sha256"].iloc[found].tolist()
    assert digests == dataset.manifest["sha256"].iloc[[25, 3]].tolist()
    assert found.tolist() != [25, 3]


def test_a_path_alone_is_not_a_photo(
    workspace: Workspace, dataset: Dataset, tmp_path: Path
) -> None:
    saved = save_selection(workspace, dataset, [4, 5], "two")
    folder = tmp_path / "photos"
    photo = folder / dataset.manifest["path"].iat[4]
    assert photo.is_file()
    other = write_class_folders(tmp_path / "other", photos_per_class=1, first=99)
    photo.write_bytes(next(other.rglob("*.jpg")).read_bytes())
    changed = import_source(workspace, folder, name="changed")
    assert changed.id != dataset.id
    paths = changed.manifest["path"].iloc[find_selected(saved, changed)]
    assert paths.tolist() == [dataset.manifest["path"].iat[5]]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 99}', b"\xff\xfe"])
def test_damaged_files_are_passed_over_and_said(
    content: bytes, workspace: Workspace, dataset: Dataset
) -> None:
    saved = save_selection(workspace, dataset, [1], "whole")
    damaged = workspace.selection_file("0123456789abcdef")
    damaged.write_bytes(content)
    assert list_selections(workspace) == [saved]
    with pytest.raises(SelectionMissing, match="altered"):
        read_selection(workspace, "0123456789abcdef")


def test_paths_without_their_digests_are_not_believed(
    workspace: Workspace, dataset: Dataset
) -> None:
    saved = save_selection(workspace, dataset, [1, 2], "whole")
    file = workspace.selection_file(saved.id)
    content = json.loads(file.read_text(encoding="utf-8"))
    content["digests"].pop()
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(SelectionMissing):
        read_selection(workspace, saved.id)


def test_what_is_gone_is_said(workspace: Workspace) -> None:
    for act in (read_selection, delete_selection):
        with pytest.raises(SelectionMissing):
            act(workspace, "0123456789abcdef")
        with pytest.raises(BadIdentifier):
            act(workspace, "../petalscope.db")
