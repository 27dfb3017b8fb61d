"""The tray: nothing is lost, everything can be undone, and impossible edits are refused."""

import os
import subprocess

import numpy as np
import pytest

from core.datasets.edits.tray import (
    add_edits,
    clear_edits,
    count_edits,
    forget_edits,
    list_classes,
    list_edits,
    merge_duplicates,
    redo_edits,
    resolve_edits,
    undo_edits,
)
from core.errors import DatasetMissing, EditRefused
from core.runs.database import close_databases
from core.runs.queue.starting import python_command, python_environment
from core.workspace import PROJECT_ROOT, Workspace
from data.dataset import Dataset
from data.manifest import hide_dataset


def resolved(workspace: Workspace, dataset: Dataset) -> list[tuple[object, ...]]:
    """Return (photo, new class, new split, excluded) of each photo that changes."""
    table = resolve_edits(dataset, list_edits(workspace, dataset.id))
    columns = table[["photo", "new_class", "new_split", "excluded"]]
    return [tuple(row) for row in columns.itertuples(index=False)]


def test_an_edit_is_kept_as_it_was_made(workspace, dataset):
    batch = add_edits(workspace, dataset, np.array([3, 12]), "relabel", "tulip", " it  is\none ")
    close_databases()
    first, second = list_edits(workspace, dataset.id)
    assert (first.path, second.path) == tuple(dataset.manifest["path"].iloc[[3, 12]])
    assert {(edit.action, edit.value, edit.note) for edit in (first, second)} == {
        ("relabel", "tulip", "it is one")
    }
    assert first.batch == second.batch == batch
    assert first.created.tzinfo is not None
    assert count_edits(workspace, dataset.id) == 2
    assert list_edits(workspace, "another-dataset") == []


def test_edits_of_a_photo_combine(workspace, dataset):
    split = dataset.splits[3]
    for action, value in (
        *(("relabel", "rose"), ("move", "test"), ("exclude", "")),
        *(("relabel", "tulip"), ("move", "validation")),
    ):
        add_edits(workspace, dataset, [3], action, value)
    assert resolved(workspace, dataset) == [(3, "tulip", "validation", True)]
    add_edits(workspace, dataset, [3], "restore")
    assert resolved(workspace, dataset) == []
    add_edits(workspace, dataset, [3], "relabel", "rose")
    assert resolved(workspace, dataset) == [(3, "rose", split, False)]


def test_changes_have_the_old_and_new_values_and_the_note(workspace, dataset):
    add_edits(workspace, dataset, [3], "relabel", "daisy")  # no change
    add_edits(workspace, dataset, [4], "move", dataset.splits[4])
    add_edits(workspace, dataset, [5], "relabel", "rose")
    add_edits(workspace, dataset, [5], "relabel", "daisy")
    assert resolved(workspace, dataset) == []
    assert count_edits(workspace, dataset.id) == 4
    add_edits(workspace, dataset, [14, 2], "relabel", "tulip", "look at the leaves")
    add_edits(workspace, dataset, [2], "move", "test")
    table = resolve_edits(dataset, list_edits(workspace, dataset.id))
    assert table["photo"].tolist() == [2, 14]
    assert table["path"].tolist() == dataset.manifest["path"].iloc[[2, 14]].tolist()
    assert table["class"].tolist() == ["daisy", "rose"]
    assert table["new_class"].tolist() == ["tulip", "tulip"]
    assert table["split"].tolist() == dataset.splits[[2, 14]].tolist()
    assert table["note"].tolist() == ["look at the leaves"] * 2


def test_batches_are_undone_and_redone_in_turn(workspace, dataset):
    add_edits(workspace, dataset, [1, 2], "exclude")
    add_edits(workspace, dataset, [3], "exclude")
    assert undo_edits(workspace, dataset.id) == 1
    assert undo_edits(workspace, dataset.id) == 2
    assert undo_edits(workspace, dataset.id) == 0
    assert count_edits(workspace, dataset.id) == 0
    assert count_edits(workspace, dataset.id, undone=True) == 3
    assert redo_edits(workspace, dataset.id) == 2
    assert [row[0] for row in resolved(workspace, dataset)] == [1, 2]
    assert redo_edits(workspace, dataset.id) == 1
    assert redo_edits(workspace, dataset.id) == 0
    assert [row[0] for row in resolved(workspace, dataset)] == [1, 2, 3]


def test_a_new_edit_drops_what_could_be_redone(workspace, dataset):
    add_edits(workspace, dataset, [1], "exclude")
    undo_edits(workspace, dataset.id)
    add_edits(workspace, dataset, [2], "exclude")
    assert redo_edits(workspace, dataset.id) == 0
    assert [row[0] for row in resolved(workspace, dataset)] == [2]


def test_an_old_undo_button_undoes_nothing_else(workspace, dataset):
    old = add_edits(workspace, dataset, [1], "exclude")
    new = add_edits(workspace, dataset, [2], "exclude")
    assert undo_edits(workspace, dataset.id, batch=old) == 0
    assert undo_edits(workspace, dataset.id, batch=new) == 1
    assert undo_edits(workspace, dataset.id, batch=new) == 0


def test_a_click_that_is_sent_twice_is_one_edit(workspace, dataset):
    first = add_edits(workspace, dataset, [1], "relabel", dataset.classes[2])
    assert add_edits(workspace, dataset, [1], "relabel", dataset.classes[2]) == first
    assert len(list_edits(workspace, dataset.id)) == 1
    second = add_edits(workspace, dataset, [1, 2], "exclude")
    assert add_edits(workspace, dataset, [2, 1], "exclude") == second
    # Only the newest edit of a photo counts: the same again after another one is an edit.
    third = add_edits(workspace, dataset, [1], "relabel", dataset.classes[2])
    assert [edit.action for edit in list_edits(workspace, dataset.id)] == [
        "relabel", "exclude", "exclude", "relabel",
    ]  # fmt: skip
    undo_edits(workspace, dataset.id, third)
    assert add_edits(workspace, dataset, [1], "relabel", dataset.classes[2]) > third


def test_a_cleared_tray_can_be_redone_and_forgotten_edits_are_gone(workspace, dataset):
    add_edits(workspace, dataset, [1], "exclude")
    last = list_edits(workspace, dataset.id)[-1].number
    add_edits(workspace, dataset, [2], "exclude")
    assert clear_edits(workspace, dataset.id) == 2
    assert count_edits(workspace, dataset.id) == 0
    assert redo_edits(workspace, dataset.id) == redo_edits(workspace, dataset.id) == 1
    assert [row[0] for row in resolved(workspace, dataset)] == [1, 2]
    forget_edits(workspace, dataset.id, last)
    assert [row[0] for row in resolved(workspace, dataset)] == [2]
    forget_edits(workspace, dataset.id)
    assert count_edits(workspace, dataset.id) == 0


@pytest.mark.parametrize(
    ("photos", "action", "value", "said"),
    [
        ([], "exclude", "", "No photo"),
        ([30], "exclude", "", "0 to 29"),
        ([-1], "exclude", "", "0 to 29"),
        ([1], "move", "holiday", "train, validation, test"),
        ([1], "move", "", "not a split"),
        ([1], "relabel", " \n ", "needs a name"),
        ([1], "relabel", "a/b", "slashes"),
        ([1], "relabel", "..", "dot"),
        ([1], "relabel", "x\x00y", "invisible"),
        ([1], "relabel", "x" * 101, "shorter"),
        ([1], "paint", "", "Unknown edit"),
    ],
)
def test_what_cannot_be_is_refused(workspace, dataset, photos, action, value, said):
    with pytest.raises(EditRefused, match=said):
        add_edits(workspace, dataset, photos, action, value)
    with pytest.raises(EditRefused, match="501"):
        add_edits(workspace, dataset, [1], "exclude", note="x" * 501)
    assert count_edits(workspace, dataset.id) == 0


def test_a_dataset_that_is_gone_cannot_be_edited(workspace, dataset):
    hide_dataset(workspace, dataset.id)
    with pytest.raises(DatasetMissing, match="garden"):
        add_edits(workspace, dataset, [1], "exclude")


def test_a_class_is_found_in_any_spelling(workspace, dataset):
    for photo, typed in enumerate(["rose", "Rose", " ROSE", "roSe", "rose "]):
        add_edits(workspace, dataset, [photo], "relabel", typed)
    assert {row[1] for row in resolved(workspace, dataset)} == {"rose"}
    forget_edits(workspace, dataset.id)
    add_edits(workspace, dataset, [1], "relabel", "Oxeye  Daisy")
    add_edits(workspace, dataset, [2], "relabel", "oxeye daisy")
    add_edits(workspace, dataset, [3], "move", "test")
    assert [row[1] for row in resolved(workspace, dataset)] == [*["Oxeye Daisy"] * 2, "daisy"]
    assert list_classes(workspace, dataset) == ["daisy", "rose", "tulip", "Oxeye Daisy"]


def test_two_processes_that_add_at_once_lose_nothing(workspace, dataset):
    script = (
        "import sys\n"
        "from core.datasets.edits.tray import add_edits\n"
        "from core.workspace import open_workspace\n"
        "from data.manifest import read_dataset\n"
        "workspace = open_workspace()\n"
        "dataset = read_dataset(workspace, sys.argv[1])\n"
        "print('ready', flush=True); input()\n"
        "for photo in range(29):\n"
        "    photos, name = [photo, photo + 1], f'{sys.argv[2]} {photo}'\n"
        "    add_edits(workspace, dataset, photos, 'relabel', name, note=sys.argv[2])\n"
    )
    command = [python_command("x")[0], "-c", script, dataset.id]
    environment = os.environ | python_environment(workspace)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [
        subprocess.Popen([*command, name], cwd=PROJECT_ROOT, env=environment, **pipes)
        for name in ("one", "two")
    ]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    edits = list_edits(workspace, dataset.id)
    assert len(edits) == 116
    batches = {edit.batch: edit.note for edit in edits}
    assert sorted(batches.values()) == ["one"] * 29 + ["two"] * 29
    # No batch is torn: each stands for two edits of one process, one behind the other.
    assert [edit.batch for edit in edits[::2]] == [edit.batch for edit in edits[1::2]]


def test_of_duplicates_the_first_of_train_stays(workspace, dataset):
    rows = {split: dataset.photo_numbers(split, "rose").tolist() for split in ("train", "test")}
    late, early = rows["train"][3], rows["train"][1]
    merge_duplicates(workspace, dataset, [[rows["test"][0], late, early]])
    excluded = {row[0] for row in resolved(workspace, dataset)}
    assert excluded == {rows["test"][0], late}
    assert list_edits(workspace, dataset.id)[0].note == "a duplicate"


def test_groups_that_share_a_photo_leave_one(workspace, dataset):
    a, b, c, d = dataset.photo_numbers("train", "rose")[:4].tolist()
    merge_duplicates(workspace, dataset, [[c, d], [a, b], [b, c]])
    assert {row[0] for row in resolved(workspace, dataset)} == {b, c, d}


def test_duplicates_of_several_classes_need_a_choice(workspace, dataset):
    with pytest.raises(EditRefused, match="several classes"):
        merge_duplicates(workspace, dataset, [[1, 11]])
    for keep in ([2], [1, 11]):
        with pytest.raises(EditRefused, match="Exactly one"):
            merge_duplicates(workspace, dataset, [[1, 11]], keep=keep)
    merge_duplicates(workspace, dataset, [[1, 11]], keep=[11])
    assert [row[0] for row in resolved(workspace, dataset)] == [1]


def test_merging_follows_the_edits_in_the_tray(workspace, dataset):
    add_edits(workspace, dataset, [1], "relabel", "rose")
    merge_duplicates(workspace, dataset, [[1, 11]], keep=None)
    add_edits(workspace, dataset, [20], "exclude")
    with pytest.raises(EditRefused, match="not duplicates"):
        merge_duplicates(workspace, dataset, [[20, 21]])
    assert sum(row[3] for row in resolved(workspace, dataset)) == 2


@pytest.mark.parametrize("groups", [[], [[3]], [[3, 3]], [[3, 99]]])
def test_nothing_to_merge_is_said(workspace, dataset, groups):
    with pytest.raises(EditRefused):
        merge_duplicates(workspace, dataset, groups)
