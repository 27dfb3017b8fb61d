"""Named policies: presets stay, and saved policies are found in any spelling."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from core.datasets.policies import delete_policy, list_policies, read_policy, save_policy
from core.errors import AugmentationRefused
from core.workspace import Workspace
from data.policy import PRESETS, AugmentationPolicy, Part

MINE = AugmentationPolicy(rotation=Part(low=-5, high=5, probability=1), pick=1)


def test_presets_come_first_and_saved_ones_by_name(workspace: Workspace) -> None:
    save_policy(workspace, "zinnia", MINE)
    save_policy(workspace, "Aster 2", PRESETS["gentle"])
    named = list_policies(workspace)
    assert list(named) == [*PRESETS, "Aster 2", "zinnia"]
    assert named["zinnia"] == MINE
    assert read_policy(workspace, "ZINNIA ") == MINE
    assert save_policy(workspace, "  aster  2 ", MINE) == "aster 2"  # replaces it
    assert list(list_policies(workspace)) == [*PRESETS, "aster 2", "zinnia"]
    assert read_policy(workspace, "aster 2") == MINE


@pytest.mark.parametrize(
    "name", ["", " ", "gentle", "Gentle", "../x", "a/b", "x" * 41, "-x", "a\nb\0", "<b>"]
)
def test_bad_names_are_refused(name: str, workspace: Workspace) -> None:
    with pytest.raises(AugmentationRefused) as caught:
        save_policy(workspace, name, MINE)
    assert caught.value.remedy
    assert list(list_policies(workspace)) == list(PRESETS)


def test_a_policy_beyond_the_limits_is_not_saved(workspace: Workspace) -> None:
    with pytest.raises(AugmentationRefused, match="blur"):
        save_policy(workspace, "mist", AugmentationPolicy(blur=Part(low=0, high=99, probability=1)))
    assert "mist" not in list_policies(workspace)


def test_a_saved_policy_is_deleted_and_others_are_refused(workspace: Workspace) -> None:
    save_policy(workspace, "mine", MINE)
    delete_policy(workspace, "Mine")
    assert list(list_policies(workspace)) == list(PRESETS)
    for name in ("mine", "gentle"):
        with pytest.raises(AugmentationRefused):
            delete_policy(workspace, name)
    with pytest.raises(AugmentationRefused, match="mine"):
        read_policy(workspace, "mine")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 99}', b"\xff\xfe"])
def test_damaged_files_are_skipped(content: bytes, workspace: Workspace) -> None:
    save_policy(workspace, "whole", MINE)
    (workspace.policies / "damaged.json").write_bytes(content)
    assert list(list_policies(workspace)) == [*PRESETS, "whole"]


def test_many_savers_at_once_lose_nothing(workspace: Workspace) -> None:
    names = [f"policy {number % 5}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: save_policy(workspace, name, MINE), names))
    assert list(list_policies(workspace)) == [*PRESETS, *sorted(set(names))]
    assert not list(workspace.policies.glob(".*"))
