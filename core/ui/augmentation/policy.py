"""The policy on the augmentation page: a named one, or a draft of its own, both in the URL.

`policy` holds the name that was started from; `draft`, where something was changed, all parts in
short: "rotation:-20:20:1~pick:3". So a link reopens what was looked at, saved or not.
"""

import dataclasses
from typing import Any

import streamlit as st

from core.datasets.policies import list_policies
from core.errors import AugmentationRefused
from core.ui.parts import cache
from core.ui.parts.state import keep_choice, read_choice
from data.policy import LIMITS, PRESETS, AugmentationPolicy, Part, check_policy

FIRST = "gentle"
"""What the page opens with: a policy that does nothing shows nothing."""


def read_named() -> tuple[str, AugmentationPolicy]:
    """Returns the named policy that was started from."""
    named = list_policies(cache.workspace())
    stated = read_choice("policy")
    name = stated if stated in named else FIRST
    return name, named[name]


def read_draft() -> AugmentationPolicy:
    """Returns the policy as it stands on the page; a draft that cannot be read counts for none."""
    draft = read_choice("draft")
    policy = _decode(draft) if draft else None
    return read_named()[1] if policy is None else policy


def find_unread() -> str | None:
    """Returns what of the link cannot be shown, as a sentence; None if all of it is."""
    policy, draft = st.query_params.get("policy"), st.query_params.get("draft")
    if draft and _decode(draft) is None:
        return "The link holds changes that cannot be read; this is the policy without them."
    if policy and policy not in list_policies(cache.workspace()):
        return "The link names a policy that is not here; this is another one."
    return None


def is_changed() -> bool:
    """Returns whether the policy differs from the named one it was started from."""
    return read_draft() != read_named()[1]


def choose_named(name: str) -> None:
    """Starts from a named policy; a draft is let go."""
    keep_choice("policy", name)
    keep_choice("draft", None)


def change_part(name: str, part: Part) -> None:
    """Changes one part of the policy on the page."""
    policy = read_draft()
    parts: dict[str, Any] = {**policy.parts, name: part}
    _keep(AugmentationPolicy(pick=policy.pick, **parts))


def change_pick(pick: int | None) -> None:
    """Changes how many parts are picked for a photo; None: each by its own probability."""
    _keep(dataclasses.replace(read_draft(), pick=pick))


def suggest_part(name: str) -> Part:
    """Returns a sensible range for a part that is switched on: that of a preset."""
    for preset in ("gentle", "strong", "randaugment"):
        part = PRESETS[preset].parts.get(name)
        if part is not None:
            return part
    return Part(low=LIMITS[name].least, high=LIMITS[name].most, probability=0.5)


def _keep(policy: AugmentationPolicy) -> None:
    same = policy == read_named()[1]
    keep_choice("draft", None if same else _encode(policy))


def _encode(policy: AugmentationPolicy) -> str:
    pieces = [
        f"{name}:{part.low:g}:{part.high:g}:{part.probability:g}"
        for name, part in policy.parts.items()
    ]
    pieces += [] if policy.pick is None else [f"pick:{policy.pick}"]
    return "~".join(pieces) or "nothing"


def _decode(draft: str) -> AugmentationPolicy | None:
    """Returns the policy, or None: links are typed and cut, and must never break a page."""
    pick: int | None = None
    parts: dict[str, Any] = {}
    try:
        for piece in draft.split("~") if draft != "nothing" else ():
            name, *numbers = piece.split(":")
            if name == "pick":
                (pick,) = (int(number) for number in numbers)
            else:
                low, high, probability = (float(number) for number in numbers)
                parts[name] = Part(low=low, high=high, probability=probability)
        if pick == 0:  # of parts that are on none: nobody chose that
            return None
        return check_policy(AugmentationPolicy(pick=pick, **parts))
    except (ValueError, TypeError, AugmentationRefused):
        return None
