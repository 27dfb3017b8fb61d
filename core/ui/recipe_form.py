"""The recipe form: sensible defaults, the device that will be used, and Train.

Also the choice of weights, which is never made silently: where pretrained ones cannot be had the
form says so, with the download and the one-click way out (random weights) beside it.
"""

from typing import Any, Literal

import streamlit as st

from core.config import read_settings
from core.errors import WeightsDamaged, WeightsMissing
from core.formats import plain, size
from core.runs.queue import submit_run
from core.runs.recipe import Recipe
from core.runs.scheduler import ensure_scheduler, touch_wake
from core.ui import cache
from core.ui.frame import page_file
from core.ui.messages import show_problem, show_random_banner
from core.ui.state import change_choice
from data.manifest import Dataset
from models.weights import Weights, download_weights, find_weights

_HIDDEN = {
    "none (linear)": (),
    "128": (128,),
    "256": (256,),
    "512": (512,),
    "512 → 128": (512, 128),
}


def show_recipe_form(dataset: Dataset) -> None:
    """Draws the form; Train submits the recipe and opens its run."""
    prepare_training()
    weights = pick_weights()
    left, right = st.columns(2)
    epochs = left.number_input("Epochs", 1, 1000, 10, key="training.epochs")
    rate = right.number_input(
        "Learning rate", 1e-6, 1.0, 1e-3, step=1e-4, format="%g", key="training.learning_rate"
    )
    hidden = left.selectbox("Hidden layers", list(_HIDDEN), key="training.hidden")
    dropout = right.number_input("Dropout", 0.0, 0.9, 0.5, step=0.1, key="training.dropout")
    with st.expander("More settings", icon=":material/tune:"):
        more = _pick_more()
    show_device()
    if st.button(
        "Train", type="primary", icon=":material/play_arrow:", width="stretch", disabled=not weights
    ):
        assert weights is not None
        recipe = Recipe(
            dataset=dataset.id,
            weights=weights.kind,
            weights_digest=weights.digest,
            hidden=_HIDDEN[hidden],
            dropout=dropout,
            learning_rate=rate,
            epochs=int(epochs),
            **more,
        )
        start_run(recipe, dataset.name)


def _pick_more() -> dict[str, Any]:
    left, right = st.columns(2)
    own = left.toggle("The dataset's own splits", value=True, key="training.own_splits")
    split_seed = right.number_input(
        "Split seed", 0, 10_000, 0, disabled=own, key="training.split_seed"
    )
    batch = left.number_input("Batch size", 1, 4096, 32, key="training.batch_size")
    seed = right.number_input("Seed", 0, 10_000, 0, key="training.seed")
    preprocessing = st.segmented_control(
        "Preprocessing",
        ["resnet", "unit"],
        default="resnet",
        format_func={"resnet": "ResNet (BGR, mean-subtracted)", "unit": "[0, 1]"}.__getitem__,
        key="training.preprocessing",
        help="The weights were trained with the first; the second shows what a mismatch costs.",
        required=True,
    )
    standardise = st.toggle("Standardise the features", value=True, key="training.standardise")
    return {
        "split_seed": None if own else int(split_seed),
        "batch_size": int(batch),
        "seed": int(seed),
        "preprocessing": preprocessing,
        "standardise": standardise,
    }


def prepare_training() -> None:
    """Sees to it that a scheduler is alive and a worker gets warm while the form is filled in."""
    touch_wake(cache.workspace())
    ensure_scheduler(cache.workspace())


def start_run(recipe: Recipe, name: str, *, open_training: bool = False) -> None:
    """Submits the recipe and opens its run: a new one, or the one that exists."""
    run, is_new = submit_run(cache.workspace(), recipe, name)
    ensure_scheduler(cache.workspace())
    if not is_new and run.state == "done":
        st.toast(
            f"This recipe was trained before: run {run.number} is opened.",
            icon=":material/history:",
        )
    change_choice("watch", run.id)
    if open_training:
        st.switch_page(page_file("training"), query_params={"watch": run.id})
    st.rerun()


def pick_weights() -> Weights | None:
    """Returns the chosen weights, or None when pretrained ones are wanted and not there."""
    found = _find_pretrained()
    options: list[Literal["pretrained", "random"]] = ["pretrained", "random"]
    kind = st.segmented_control(
        "Weights of the backbone",
        options,
        default="pretrained",
        format_func=str.capitalize,
        key="training.weights",
        required=True,
    )
    if kind == "random":
        show_random_banner()
        return find_weights(cache.workspace(), "random")
    if isinstance(found, Weights):
        st.caption(f"{plain(found.label)}, from {plain(found.origin)}")
        return found
    _offer_ways_out(found)
    return None


def _offer_ways_out(error: WeightsMissing | WeightsDamaged) -> None:
    if isinstance(error, WeightsDamaged):
        show_problem(error.problem, error.remedy)
    else:
        st.info(plain(error.problem), icon=":material/key_off:")
    chosen = read_settings().weights  # would still win over what is downloaded
    if chosen is None and st.button(
        "Download them (94 MB)", icon=":material/download:", width="stretch"
    ):
        _download()
    st.button(
        "Use random weights",
        icon=":material/casino:",
        width="stretch",
        on_click=lambda: st.session_state.update({"training.weights": "random"}),
    )
    with st.popover("Without network", icon=":material/help:", type="tertiary"):
        st.write(plain(error.remedy))


def _find_pretrained() -> Weights | WeightsMissing | WeightsDamaged:
    try:
        return find_weights(cache.workspace(), "pretrained")
    except (WeightsMissing, WeightsDamaged) as error:
        return error


def _download() -> None:
    bar = st.progress(0.0, text="Asking for the file …")

    def report(done: int, total: int) -> None:
        bar.progress(min(1.0, done / total) if total else 0.0, f"{size(done)} of {size(total)}")

    download_weights(cache.workspace(), report)
    st.rerun()


def show_device() -> None:
    """Draws the device that a run will use, and why."""
    device = cache.device()
    memory = f", {size(device.memory_bytes)}" if device.memory_bytes else ""
    icon = ":material/memory:" if device.kind == "cpu" else ":material/developer_board:"
    cores = f"{device.cores} cores" if device.kind == "cpu" else ""
    st.caption(
        f"{icon} {plain(device.name)}{', ' * bool(cores)}{cores}{memory}: {plain(device.reason)}"
    )
