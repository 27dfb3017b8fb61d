"""The settings of a recipe: the few that matter in sight, the rest folded, none that is not used.

Every widget keeps its value in the session (core/ui/recipes/values.py); nothing is returned.
"""

from typing import Any

import streamlit as st

from core.runs.recipe.rules import (
    MOST_BATCH,
    MOST_EPOCHS,
    MOST_SEED,
    MOST_VIEWS,
)
from core.ui.recipes.values import HIDDEN, key, read_setting
from data.policy import AugmentationPolicy

MOST_REPEATS = 20

_OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD with momentum"}
_SCHEDULES = {
    "constant": "constant",
    "cosine": "cosine with warm-up",
    "plateau": "halved on a plateau",
}
_STAGES = {1: "conv5", 2: "conv4 and conv5", 3: "conv3 to conv5", 4: "conv2 to conv5", 5: "all"}
_PREPROCESSING = {"resnet": "BGR, mean-subtracted", "unit": "[0, 1]"}
_PRECISIONS = {"float32": "float32", "mixed": "mixed"}


def show_simple_settings(policy: AugmentationPolicy) -> None:
    """Draws the settings that one changes first."""
    strategy = read_setting("strategy")
    left, right = st.columns(2)
    _number(left, "Epochs", "epochs", 1, MOST_EPOCHS)
    _rate(right, "Learning rate", "learning_rate")
    if strategy == "two_phases":
        _number(left, "Of these, head only", "head_epochs", 1, MOST_EPOCHS)
        _rate(right, "Rate of the stages", "fine_learning_rate")
        _pick(st, "Stages trained in the second phase", "unfrozen", _STAGES)
    if strategy != "full" and not policy.does_nothing:
        _number(
            left,
            "Views of each photo",
            "views",
            1,
            MOST_VIEWS,
            help="Augmented views are computed once and kept; epochs walk through them.",
        )
    left, right = st.columns(2)
    left.selectbox(
        "Hidden layers",
        list(dict.fromkeys((*HIDDEN, read_setting("hidden")))),
        key=key("hidden"),
        accept_new_options=True,
        persist_state="session",
        help="Units of each layer between feature and answer. Type your own, as in 300, 100.",
    )
    _number(right, "Dropout", "dropout", 0.0, 0.95, step=0.1)


def show_more_settings() -> None:
    """Draws the other settings, folded."""
    with st.expander("More settings", icon=":material/tune:"):
        st.markdown("**Optimiser**")
        _show_optimiser()
        st.markdown("**Against overfitting**")
        _show_regularisation()
        st.markdown("**Photos**")
        _show_photos()
        st.markdown("**Chance**")
        _show_chance()


def _show_optimiser() -> None:
    left, right = st.columns(2)
    _pick(left, "Optimiser", "optimizer", _OPTIMIZERS)
    _pick(right, "Course of the rate", "schedule", _SCHEDULES)
    if read_setting("optimizer") == "sgd":
        _number(left, "Momentum", "momentum", 0.0, 0.999, step=0.05, format="%g")
    if read_setting("optimizer") != "adam":
        _number(left, "Weight decay", "weight_decay", 0.0, 1.0, step=1e-4, format="%g")
    if read_setting("schedule") == "cosine":
        _number(right, "Warm-up", "warmup_epochs", 0, MOST_EPOCHS, help="In epochs.")
    _number(left, "Batch size", "batch_size", 1, MOST_BATCH)
    if read_setting("strategy") != "head":
        _pick(
            right,
            "Precision",
            "precision",
            _PRECISIONS,
            help="Mixed: bfloat16 where stages are trained (float16 on GPUs without it); faster on "
            "GPUs and on CPUs that have it.",
        )


def _show_regularisation() -> None:
    left, right = st.columns(2)
    _number(left, "Label smoothing", "label_smoothing", 0.0, 0.9, step=0.05)
    _number(
        right,
        "Mixup",
        "mixup",
        0.0,
        10.0,
        step=0.1,
        help="Pairs of photos are mixed by a share drawn from a Beta distribution with this "
        "parameter. 0: none; 0.2 is usual.",
    )
    _switch(st, "Stop early", "stop_early", help="Ends when no epoch gets better any more.")
    if read_setting("stop_early"):
        _number(st, "Patience", "patience", 1, MOST_EPOCHS, help="Epochs to wait for a better one.")
    _switch(st, "Rare classes count more", "class_weights")


def _show_photos() -> None:
    st.segmented_control(
        "Preprocessing",
        list(_PREPROCESSING),
        format_func=_PREPROCESSING.__getitem__,
        key=key("preprocessing"),
        help="The weights were trained with the first; the second shows what a mismatch costs.",
        required=True,
        persist_state="session",
    )
    _switch(st, "Standardise the features", "standardise")
    _switch(st, "The dataset's own splits", "own_splits")
    if not read_setting("own_splits"):
        _number(st, "Split seed", "split_seed", 0, MOST_SEED)


def _show_chance() -> None:
    left, right = st.columns(2)
    _number(left, "Seed", "seed", 0, MOST_SEED)
    _number(
        right,
        "Repeats",
        "repeats",
        1,
        MOST_REPEATS,
        help="The same recipe with this many seeds, one run each: their spread says how much of a "
        "result is luck.",
    )


def _number(
    place: Any, label: str, setting: str, least: float, most: float, **options: Any
) -> None:
    place.number_input(label, least, most, key=key(setting), persist_state="session", **options)


def _rate(place: Any, label: str, setting: str) -> None:
    _number(place, label, setting, 1e-8, 1.0, step=1e-4, format="%g")


def _pick(place: Any, label: str, setting: str, names: dict[Any, str], **options: Any) -> None:
    place.selectbox(
        label,
        list(names),
        format_func=names.__getitem__,
        key=key(setting),
        persist_state="session",
        **options,
    )


def _switch(place: Any, label: str, setting: str, **options: Any) -> None:
    place.toggle(label, key=key(setting), persist_state="session", **options)
