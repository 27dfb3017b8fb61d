"""The choice of what is trained: four strategies, a sentence each and its time on this device."""

from collections.abc import Mapping
from typing import get_args

import streamlit as st

from core.errors import PetalscopeError
from core.formats import rough_duration
from core.runs.estimating import Estimate, estimate_run
from core.runs.recipe import Recipe, Strategy
from core.ui import cache
from core.ui.recipe_form_values import change_strategy, key, suggest_draft
from data.manifest import Dataset

STRATEGIES: Mapping[Strategy, tuple[str, str]] = {
    "head": (
        "Head on frozen features",
        "The network stays as it is; a small classifier learns from its kept features.",
    ),
    "last_stage": (
        "Last stage",
        "conv5 learns with the head, from what the frozen stages before it answer once.",
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
    """Draws how long the run will take, by its parts."""
    estimate = _estimate(draft, dataset)
    if estimate is None:
        return
    parts = [f"{label} {rough_duration(spent)}" for label, spent in estimate.parts if spent >= 0.5]
    words = f"About {rough_duration(repeats * estimate.seconds)}"
    words += f" for {repeats} runs; the first one" if repeats > 1 else ""
    words += f": {', '.join(parts)}." if parts else "."
    if not estimate.measured:
        words += " Estimated from another machine; this one is measured as it trains."
    st.caption(f":material/timer: {words}")


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
