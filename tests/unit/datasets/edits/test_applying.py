"""Applying: one new version, an empty tray; or an error, and everything as it was."""

import resource

import pytest

from core.datasets.edits.tray import (
    add_edits,
    apply_edits,
    count_edits,
    list_edits,
    resolve_edits,
)
from core.errors import DatasetMissing, DiskFull, EditRefused
from data.manifest import compare_versions, hide_dataset, list_datasets


def test_the_tray_becomes_a_version_and_is_empty(workspace, dataset):
    add_edits(workspace, dataset, [3], "relabel", "rose")
    add_edits(workspace, dataset, [5], "exclude")
    made = apply_edits(workspace, dataset, name=" clean ")
    differences = compare_versions(dataset, made)
    assert differences.relabelled["photo_before"].tolist() == [3]
    assert differences.removed["photo"].tolist() == [5]
    assert (made.name, made.parent) == ("clean", dataset.id)
    assert count_edits(workspace, dataset.id) == 0
    assert count_edits(workspace, dataset.id, undone=True) == 0
    assert count_edits(workspace, made.id) == 0


def test_edits_noted_meanwhile_stay(workspace, dataset):
    add_edits(workspace, dataset, [5], "exclude")
    made = apply_edits(
        workspace,
        dataset,
        on_progress=lambda *_: add_edits(workspace, dataset, [6], "exclude"),
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
