"""What a person asks: the photos they give (what came last counts), and one model or two.

In the URL: `model` names an alias or a version, `run` a run, `against` the other model. A photo
user is answered by the champion, whatever run was looked at on another page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.config import read_settings
from core.monitoring.sessions import Model
from core.prediction.album import NamedPhoto
from core.runs.store import list_runs
from core.ui.parts import cache
from core.ui.parts.components import load_component
from core.ui.parts.messages import show_random_banner
from core.ui.parts.pickers import pick_named, show_no_run, tell_apart
from core.ui.parts.state import keep_choice, read_choice
from core.ui.predict.reading import list_models
from core.ui.predict.teaching import collects, read_lesson
from data.images import FORMATS_SAID

_ROUND = "predict.round"
_SOURCE = "predict.source"
_MODEL, _RUN, _OTHER = "model", "run", "against"
_PICKED = "predict.model_picked"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a person gave, in the order they gave it."""

    photos: tuple[NamedPhoto, ...] = ()
    key: str = ""
    """The ids of the files."""


def take_photos() -> Taken:
    """Return what a person gave; draw the ways to give it."""
    turn = st.session_state.setdefault(_ROUND, 0)
    name = f"predict.upload.{turn}"
    chosen = _choose_files(name)
    with st.container(horizontal=True, vertical_alignment="center"):
        # A pasted picture is handed to the uploader; nothing comes back.
        paste = load_component(__file__, "clipboard.css", "clipboard.js")
        paste(key="predict.clipboard", data={"uploader": name})
        # A camera asks for permission as soon as it is drawn, so it is drawn when it is wanted.
        by_camera = st.toggle("Use the camera", key="predict.camera_on")
        if len(chosen) > 1:
            st.button("Start over", icon=":material/restart_alt:", on_click=start_over)
    taken = _use_camera(turn) if by_camera else None
    newest = st.session_state.get(_SOURCE, "upload")
    if taken is not None and (not chosen or newest == "camera"):
        return _name_photos([taken])
    return _name_photos(chosen)


def _choose_files(name: str) -> list[UploadedFile]:
    return st.file_uploader(
        "Your photos: one, or several at once",
        accept_multiple_files=True,
        key=name,
        max_upload_size=read_settings().photo_limit_mb,
        on_change=_remember,
        args=("upload",),
        help=f"{FORMATS_SAID}.",
    )


def start_over() -> None:
    """Let go of all photos that were given: the uploader begins anew."""
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    st.session_state.pop(_SOURCE, None)


def _use_camera(turn: int) -> UploadedFile | None:
    key = f"predict.camera.{turn}"
    if collects():  # a new one after each shot: it is ready for the next at once
        key = f"{key}.{len(read_lesson())}"
    return st.camera_input("Take a photo", key=key, on_change=_remember, args=("camera",))


def _name_photos(files: Sequence[UploadedFile]) -> Taken:
    return Taken(
        photos=tuple(
            NamedPhoto(name=Path(file.name).name or "photo", read=file.getvalue) for file in files
        ),
        key=" ".join(file.file_id for file in files),
    )


def _remember(source: str) -> None:
    st.session_state[_SOURCE] = source


def pick_models() -> list[Model]:
    """Return the model that answers and, where one is compared, the other; end a page without."""
    models = list_models()
    if not models:
        show_no_run(
            list_runs(cache.workspace()),
            "It answers photos as soon as it is done.",
            "A model must be trained before it can say what is in a photo: it takes a minute.",
        )
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
    """Return where the choice stands: folded away where a champion answers unless told else."""
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
    st.query_params[_RUN if picked.version is None else _MODEL] = picked.key
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
    """Return the key of the model that a link names: “v3” may stand here under its alias."""
    also = {one.version.label: one.key for one in models.values() if one.version is not None}
    return also.get(wish, wish)


def _select(label: str, models: dict[str, Model], wanted: str, key: str) -> Model:
    if st.session_state.get(key) not in models:
        st.session_state.pop(key, None)
    names = tell_apart({name: model.label for name, model in models.items()})
    return models[pick_named(label, names, index=list(models).index(wanted), key=key)]
