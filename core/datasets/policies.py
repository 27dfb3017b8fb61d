"""Augmentation policies under a name: the presets, and those that people saved in the workspace.

Each saved one is a small JSON file, written whole or not at all, so that several pages and
processes may save at the same time. Names that differ only in case are one name.
"""

import dataclasses
import re
from typing import Any

from core.config import fingerprint
from core.errors import AugmentationRefused
from core.workspace import Workspace, read_json_files, write_json
from data.policy import PRESETS, AugmentationPolicy, check_policy, policy_from_dict

_NAME = re.compile(r"\w[\w .+-]{0,39}")


def list_policies(workspace: Workspace) -> dict[str, AugmentationPolicy]:
    """Return name → policy: the presets first, then the saved ones by name.

    Files that are damaged, or of another version of the program, are left out.
    """

    def parse(content: Any) -> tuple[str, AugmentationPolicy]:
        if content["version"] != AugmentationPolicy.version:
            raise ValueError("of another version of the program")
        return str(content["name"]), policy_from_dict(content["policy"])

    saved = dict(read_json_files(workspace.policies, parse))
    names = sorted((name for name in saved if not is_preset(name)), key=str.casefold)
    return {**PRESETS, **{name: saved[name] for name in names}}


def read_policy(workspace: Workspace, name: str) -> AugmentationPolicy:
    """Return the policy of a name, whatever its case.

    Raises:
        AugmentationRefused: There is none; says which there are.
    """
    named = list_policies(workspace)
    for known, policy in named.items():
        if known.casefold() == name.strip().casefold():
            return policy
    raise AugmentationRefused(
        f"There is no augmentation policy “{name[:80]}”.",
        f"There are: {', '.join(named)}. More are made on the page Augmentation.",
        name=name,
    )


def save_policy(workspace: Workspace, name: str, policy: AugmentationPolicy) -> str:
    """Return the name under which the policy was saved; an older one of that name is replaced.

    Raises:
        AugmentationRefused: The name is a preset's or none, or the policy is not allowed.
    """
    name = " ".join(name.split())
    if not _NAME.fullmatch(name):
        raise AugmentationRefused(
            "This name cannot be used for a policy.",
            "Take 1 to 40 letters, digits, spaces or . + - _, and begin with a letter or digit.",
            name=name,
        )
    if is_preset(name):
        raise AugmentationRefused(
            f"“{name}” is a preset of the program and stays as it is.",
            "Save yours under another name.",
            name=name,
        )
    check_policy(policy)
    content = {"version": policy.version, "name": name, "policy": dataclasses.asdict(policy)}
    write_json(workspace.policy_file(_identify(name)), content)
    return name


def delete_policy(workspace: Workspace, name: str) -> None:
    """Remove a saved policy; recipes hold what they use themselves and are not touched.

    Raises:
        AugmentationRefused: It is a preset, or there is none of that name.
    """
    if is_preset(name):
        raise AugmentationRefused(
            f"“{name}” is a preset of the program and stays as it is.",
            "Only policies that were saved can be deleted.",
            name=name,
        )
    try:
        workspace.policy_file(_identify(name)).unlink()
    except FileNotFoundError as error:
        raise AugmentationRefused(
            f"There is no saved augmentation policy “{name[:80]}”.",
            "It may have been deleted on another page: reload this one.",
            name=name,
        ) from error


def is_preset(name: str) -> bool:
    """Return whether the name belongs to the program, whatever its case."""
    return name.strip().casefold() in PRESETS


def _identify(name: str) -> str:
    return fingerprint({"policy": " ".join(name.split()).casefold()})
