"""Applying: one new version, an empty tray; or an error, and everything as it was."""

import resource

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.datasets.edits.applying import apply_edits, read_edits_csv, write_edits_csv
from core.datasets.edits.tray import (
    add_edits,
    clear_edits,
    count_edits,
    count_undone,
    forget_edits,
    list_edits,
    resolve_edits,
)
from core.errors import DatasetMissing, DiskFull, EditRefused
from data.manifest import compare_versions, hide_dataset, list_datasets

_NAMES = st.sampled_from(["daisy", "rose", "Rose ", "a,b", 'say "x"', "été", "=1+1", "x;y"])
_EDITS = st.one_of(
    st.tuples(st.just("relabel"), _NAMES),
    st.tuples(st.just("move"), st.sampled_from(["train", "validation", "test"])),
    st.tuples(st.sampled_from(["exclude", "restore"]), st.just("")),
)
_NOTES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_STEPS = st.lists(st.tuples(st.sets(st.integers(0, 29), min_size=1), _EDITS, _NOTES), min_size=1)


def test_the_tray_becomes_a_version_and_is_empty(workspace, dataset):
    add_edits(workspace, dataset, [3], "relabel", "rose")
    add_edits(workspace, dataset, [5], "exclude")
    made = apply_edits(workspace, dataset, name=" clean ")
    differences = compare_versions(dataset, made)
    assert differences.relabelled["photo_before"].tolist() == [3]
    assert differences.removed["photo"].tolist() == [5]
    assert (made.name, made.parent) == ("clean", dataset.id)
    assert count_edits(workspace, dataset.id) == count_undone(workspace, dataset.id) == 0
    assert count_edits(workspace, made.id) == 0


def test_edits_noted_meanwhile_stay(workspace, dataset):
    add_edits(workspace, dataset, [5], "exclude")
    made = apply_edits(
        workspace,
        dataset,
        on_progress=lambda _: add_edits(workspace, dataset, [6], "exclude"),
    )
    assert len(made) == 29
    assert resolve_edits(dataset, list_edits(workspace, dataset.id))["photo"].tolist() == [6]


def test_an_empty_tray_and_edits_without_effect_are_refused(workspace, dataset):
    with pytest.raises(EditRefused, match="empty"):
        apply_edits(workspace, dataset)
    add_edits(workspace, dataset, [5], "relabel", "daisy")
    with pytest.raises(EditRefused, match="change nothing"):
        apply_edits(workspace, dataset)
    assert count_edits(workspace, dataset.id) == 1


def test_no_room_leaves_the_tray(workspace, dataset):
    add_edits(workspace, dataset, [5], "exclude")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, limits[1]))
    try:
        with pytest.raises(DiskFull):
            apply_edits(workspace, dataset)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert count_edits(workspace, dataset.id) == 1
    assert len(list_datasets(workspace)) == 1
    assert len(apply_edits(workspace, dataset)) == 29


def test_a_dataset_that_was_deleted_is_told(workspace, dataset):
    add_edits(workspace, dataset, [5], "exclude")
    hide_dataset(workspace, dataset.id)
    with pytest.raises(DatasetMissing):
        apply_edits(workspace, dataset)


@given(steps=_STEPS)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_out_and_in_again_is_the_same(workspace, dataset, steps):
    forget_edits(workspace, dataset.id)
    for photos, (action, value), note in steps:
        add_edits(workspace, dataset, sorted(photos), action, value, note)
    before = list_edits(workspace, dataset.id)
    table = write_edits_csv(workspace, dataset)
    clear_edits(workspace, dataset.id)
    read_edits_csv(workspace, dataset, table)
    after = list_edits(workspace, dataset.id)
    assert resolve_edits(dataset, after).equals(resolve_edits(dataset, before))
    assert write_edits_csv(workspace, dataset) == table


def test_what_spreadsheets_make_of_it_is_read(workspace, dataset):
    path = dataset.manifest["path"].iloc[3]
    read_edits_csv(
        workspace, dataset, f"\ufeffNote;Value;Action;Path\r\nwhy;rose;RELABEL;{path}\r\n"
    )
    read_edits_csv(workspace, dataset, f"action\tpath\n\nexclude\t{path}\n\n")
    edits = list_edits(workspace, dataset.id)
    assert [(edit.path, edit.action, edit.value, edit.note) for edit in edits] == [
        (path, "relabel", "rose", "why"),
        (path, "exclude", "", ""),
    ]


def test_wrong_lines_are_named_and_nothing_is_noted(workspace, dataset):
    path = dataset.manifest["path"].iloc[3]
    table = (
        f"path,action,value\n{path},exclude,\nnowhere.jpg,exclude,\n{path},paint,\n"
        f"{path},move,holiday\n{path},relabel,\n"
    )
    with pytest.raises(EditRefused) as refused:
        read_edits_csv(workspace, dataset, table)
    for said in ("4 of 5", "line 3", "nowhere.jpg", "line 4", "paint", "line 5", "line 6"):
        assert said in refused.value.problem
    assert "line 2:" not in refused.value.problem
    assert count_edits(workspace, dataset.id) == 0


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "path and action"),
        ("file,what\na,b\n", "path and action"),
        ("path,action\n", "is empty"),
        ('path,action\n"a,exclude\n', "not CSV"),
        ("path,action\n" + "x" * 200_000 + ",exclude\n", "not CSV"),
    ],
)
def test_what_is_no_table_of_edits_is_refused(workspace, dataset, table, said):
    with pytest.raises(EditRefused, match=said):
        read_edits_csv(workspace, dataset, table)
