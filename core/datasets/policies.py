"""Named augmentation policies: the presets, and the saved ones, each a JSON file.

Names that differ only in case are the same.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from core.config import fingerprint
from core.errors import AugmentationRefused
from core.runs.recipe.recipe import Recipe, suggest_settings
from core.runs.recipe.strategies import HEAD, SUGGESTED_VIEWS
from core.workspace import Workspace, read_json_files, write_json
from data.policy import PRESETS, AugmentationPolicy, check_policy, policy_from_dict
from models.catalogue import DEFAULT
from models.devices import find_device
from models.weights import find_weights

_NAME = re.compile(r"\w[\w .+-]{0,39}")


def list_policies(workspace: Workspace) -> dict[str, AugmentationPolicy]:
    """Return name → policy: presets first, then saved ones by name, without damaged files."""

    def parse(content: Any) -> tuple[str, AugmentationPolicy]:
        if content["version"] != AugmentationPolicy.version:
            raise ValueError("of another version of the program")
        return str(content["name"]), policy_from_dict(content["policy"])

    saved = dict(read_json_files(workspace.policies, parse))
    names = sorted((name for name in saved if not is_preset(name)), key=str.casefold)
    return {**PRESETS, **{name: saved[name] for name in names}}


def make_recipe(workspace: Workspace, settings: Mapping[str, Any]) -> Recipe:
    """Return the recipe of settings; the others suit the strategy and the device.

    Args:
        settings: `augmentation` is the name of a policy.

    Raises:
        AugmentationRefused: No augmentation policy has this name.
        WeightsMissing: The weights are not available.
    """
    if "weights_digest" not in settings:
        weights = find_weights(workspace, settings.get("weights", DEFAULT))
        settings = {**settings, "weights_digest": weights.digest}
    device = find_device()
    suited = suggest_settings(settings.get("strategy", HEAD), device.kind, device.half)
    policy = read_policy(workspace, settings["augmentation"])
    return Recipe(**{**suited, "views": SUGGESTED_VIEWS, **settings, "augmentation": policy})


def read_policy(workspace: Workspace, name: str) -> AugmentationPolicy:
    """Return the policy of a name in any case.

    Raises:
        AugmentationRefused: There is no such policy; the remedy lists all.
    """
    named = list_policies(workspace)
    for known, policy in named.items():
        if known.casefold() == name.strip().casefold():
            return policy
    raise AugmentationRefused(
        f"Unknown augmentation policy “{name[:80]}”.",
        f"Choose one of: {', '.join(named)}. The page Augmentation makes more.",
    )


def save_policy(workspace: Workspace, name: str, policy: AugmentationPolicy) -> str:
    """Save a policy and return its name; an older one of that name is replaced.

    Raises:
        AugmentationRefused: The name is a preset or not possible, or the policy is not valid.
    """
    name = " ".join(name.split())
    if not _NAME.fullmatch(name):
        raise AugmentationRefused(
            "This name is not possible.",
            "Use 1 to 40 letters, digits, spaces or . + - _, starting with a letter or digit.",
        )
    if is_preset(name):
        raise AugmentationRefused(
            f"“{name}” is a preset and cannot be replaced.",
            "Save under another name.",
        )
    check_policy(policy)
    content = {"version": policy.version, "name": name, "policy": dataclasses.asdict(policy)}
    write_json(workspace.policy_file(_identify(name)), content)
    return name


def delete_policy(workspace: Workspace, name: str) -> None:
    """Delete a saved policy; recipes have their own copies.

    Raises:
        AugmentationRefused: It is a preset, or does not exist.
    """
    if is_preset(name):
        raise AugmentationRefused(
            f"“{name}” is a preset and cannot be deleted.",
            "Only saved policies can be deleted.",
        )
    try:
        workspace.policy_file(_identify(name)).unlink()
    except FileNotFoundError as error:
        raise AugmentationRefused(
            f"The saved augmentation policy “{name[:80]}” was not found.",
            "Reload the page: it may have been deleted.",
        ) from error


def is_preset(name: str) -> bool:
    """Return whether the name is a preset, in any case."""
    return name.strip().casefold() in PRESETS


def _identify(name: str) -> str:
    return fingerprint({"policy": " ".join(name.split()).casefold()})
