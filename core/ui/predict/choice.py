"""Which model answers: the champion where there is one, any other version, or any finished run.

The choice lives in the URL: `model` names an alias or a version, `run` a run. A photo user is
answered by the champion, whatever run was looked at on another page.
"""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.runs.store import list_runs
from core.ui.parts import cache
from core.ui.parts.messages import show_empty, show_random_banner
from core.ui.parts.state import keep_choice, read_choice
from core.ui.predict.models import Model, list_models

_MODEL, _RUN, _OTHER = "model", "run", "against"
_PICKED = "predict.model_picked"


def pick_models() -> list[Model]:
    """Returns the model that answers and, where one is compared, the other.

    Without anything that could answer, draws the empty state and ends the page.
    """
    models = list_models()
    if not models:
        _show_nothing()
    by_key = {model.key: model for model in models}
    with _open_place(by_key):
        first = _pick_first(by_key)
        others = {key: one for key, one in by_key.items() if one.identity != first.identity}
        other = _pick_other(others) if others else None
    asked = [first] if other is None else [first, other]
    if any(model.is_random for model in asked):
        show_random_banner()
    return asked


def _open_place(models: dict[str, Model]) -> DeltaGenerator:
    """Returns where the choice stands: folded away where a champion answers unless told else."""
    if "champion" not in models:
        return st.container(border=True)
    return st.popover("Other models, or two", icon=":material/inventory_2:", width="stretch")


def _pick_first(models: dict[str, Model]) -> Model:
    linked = st.query_params.get(_MODEL) or st.query_params.get(_RUN)
    wishes = (
        linked,
        st.session_state.get(_PICKED),
        "champion",
        st.session_state.get(f"chosen.{_RUN}"),
    )
    keys = [_find_key(models, str(wish)) for wish in wishes if wish]
    wanted = next((key for key in keys if key in models), next(iter(models)))
    picked = _select("Model", models, wanted, "predict.model")
    if linked and keys[0] not in models:
        st.caption(":orange[The link names a model that is not here; this is another one.]")
    st.session_state[_PICKED] = picked.key
    keep_choice(_RUN if picked.version is None else _MODEL, picked.key)
    st.query_params.pop(_MODEL if picked.version is None else _RUN, None)
    return picked


def _pick_other(models: dict[str, Model]) -> Model | None:
    chosen = _find_key(models, read_choice(_OTHER) or "")
    compares = st.toggle(
        "Compare with another model",
        value=chosen in models,
        key="predict.compares",
        help="Both answer the same photo; both answers are shown side by side.",
    )
    if not compares:
        keep_choice(_OTHER, None)
        return None
    wanted = chosen if chosen in models else next(iter(models))
    picked = _select("The other model", models, wanted, "predict.other")
    keep_choice(_OTHER, picked.key)
    return picked


def _find_key(models: dict[str, Model], wish: str) -> str:
    """Returns the key of the model that a link names: “v3” may stand here under its alias."""
    also = {one.version.label: one.key for one in models.values() if one.version is not None}
    return also.get(wish, wish)


def _select(label: str, models: dict[str, Model], wanted: str, key: str) -> Model:
    options: Sequence[str] = list(models)
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    labels = [model.label for model in models.values()]
    picked = st.selectbox(
        label,
        options,
        index=options.index(wanted),
        # Streamlit takes options with one label for one option.
        format_func=lambda name: (
            models[name].label + (f" · {name[:6]}" if labels.count(models[name].label) > 1 else "")
        ),
        key=key,
    )
    return models[picked]


def _show_nothing() -> None:
    runs = list_runs(cache.workspace())
    going = any(run.is_going or run.state == "queued" for run in runs)
    show_empty(
        "The first run is still going" if going else "No finished run yet",
        "It answers photos as soon as it is done."
        if going
        else "A model must be trained before it can say what is in a photo: it takes a minute.",
        "training",
        "Watch it" if going else "Train a model",
        ":material/model_training:",
    )
    st.stop()
