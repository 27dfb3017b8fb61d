"""The choice of what is trained: four strategies, a sentence each and its time on this device."""

from collections.abc import Mapping
from typing import get_args

import streamlit as st

from core.errors import PetalscopeError
from core.formats import count, plain, rough_duration, size
from core.runs.queue.estimating import Estimate, estimate_run
from core.runs.recipe.recipe import Recipe, Strategy
from core.ui.parts import cache
from core.ui.recipes.values import change_strategy, key, suggest_draft
from data.manifest import Dataset

STRATEGIES: Mapping[Strategy, tuple[str, str]] = {
    "head": (
        "Head on frozen features",
        "The network stays as it is; a small classifier learns from its kept features.",
    ),
    "last_stage": (
        "Last stage",
        "conv5 learns, too, from what the frozen stages before it computed once.",
    ),
    "full": (
        "Full fine-tuning",
        "All of the network learns, from photos augmented anew in every epoch.",
    ),
    "two_phases": (
        "Two phases",
        "First the head alone, then the last stages with it, at a lower rate.",
    ),
}
"""Strategy → (name, what it does in one sentence)."""


def pick_strategy(draft: Recipe, dataset: Dataset, repeats: int) -> None:
    """Draws the strategies with the time each would take, the settings being as they are."""
    estimates = {
        strategy: _estimate(suggest_draft(draft, strategy), dataset)
        for strategy in get_args(Strategy)
    }
    st.radio(
        "Strategy",
        list(STRATEGIES),
        format_func=lambda strategy: STRATEGIES[strategy][0],
        captions=[
            f"{_describe(estimates[strategy], repeats)}{sentence}"
            for strategy, (_, sentence) in STRATEGIES.items()
        ],
        key=key("strategy"),
        on_change=change_strategy,
        persist_state="session",
    )


def show_estimate(draft: Recipe, dataset: Dataset, repeats: int) -> None:
    """Draws on which device the run will go and how long it will take; by its parts on request."""
    estimate = _estimate(draft, dataset)
    words, parts = _describe_device()
    if estimate is not None:
        words += f": about {rough_duration(repeats * estimate.seconds)}"
        words += f" for {repeats} runs" if repeats > 1 else ""
        words += "." if estimate.measured else ", going by another machine."
        spent = [f"- {label}: {rough_duration(seconds)}" for label, seconds in estimate.parts]
        parts = "\n".join([*spent, "", f"This device: {parts}."])
    st.caption(words, help=parts)


def show_device() -> None:
    """Draws the device that a run will use, and why."""
    words, reason = _describe_device()
    st.caption(f"{words}: {plain(reason)}")


def _describe_device() -> tuple[str, str]:
    """Returns the device in a line, and why it is this one."""
    device = cache.device()
    cores = f", {count(device.cores, 'core')}" if device.kind == "cpu" else ""
    memory = f", {size(device.memory_bytes)}" if device.memory_bytes else ""
    icon = ":material/memory:" if device.kind == "cpu" else ":material/developer_board:"
    return f"{icon} {plain(device.name)}{cores}{memory}", device.reason


def _estimate(recipe: Recipe, dataset: Dataset) -> Estimate | None:
    """Returns the estimate; None for a recipe that cannot be trained, which the form says."""
    try:
        return estimate_run(cache.workspace(), recipe, dataset, cache.device())
    except PetalscopeError:
        return None


def _describe(estimate: Estimate | None, repeats: int) -> str:
    if estimate is None:
        return ""
    mark = "" if estimate.measured else "~"
    return f"**{mark}{rough_duration(repeats * estimate.seconds)}** · "
