"""The photos that a person gives, and the model or the two models that answer.

In the URL: `model` is an alias or a version, `run` a run, `against` the other model. Without them
the champion answers, whatever run other pages show.
"""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.config import read_settings
from core.prediction.album import NamedPhoto
from core.runs.store import list_runs
from core.ui.parts import cache
from core.ui.parts.components import load_component
from core.ui.parts.messages import show_random_banner
from core.ui.parts.pickers import pick_named, show_no_run, tell_apart
from core.ui.parts.state import keep_choice, read_choice, read_stated, refuse_link, refuse_value
from core.ui.predict.reading import list_models
from core.ui.predict.sessions import Model
from data.images import FORMATS_SAID

_ROUND = "predict.round"
_SOURCE = "predict.source"
_MODEL, _RUN, _OTHER = "model", "run", "against"
_PICKED = "predict.model_picked"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The photos that a person gave, in order."""

    photos: tuple[NamedPhoto, ...]
    key: str
    """The ids of the files."""


def take_photos() -> Taken:
    """Return the photos of the uploader or the camera, whichever came last."""
    turn = st.session_state.setdefault(_ROUND, 0)
    name = f"predict.upload.{turn}"
    chosen = st.file_uploader(
        "Your photo",
        accept_multiple_files=True,
        key=name,
        max_upload_size=read_settings().photo_limit_mb,
        on_change=_remember,
        args=("upload",),
        help=f"{FORMATS_SAID}. Several photos make a table.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        # Hands a pasted picture to the uploader.
        paste = load_component(__file__, "clipboard.css", "clipboard.js")
        paste(key="predict.clipboard", data={"uploader": name})
        # The browser asks for permission as soon as the camera is drawn.
        by_camera = st.toggle("Use the camera", key="predict.camera_on")
        if len(chosen) > 1:
            st.button("Start over", icon=":material/restart_alt:", on_click=start_over)
    taken = _use_camera(turn) if by_camera else None
    newest = st.session_state.get(_SOURCE, "upload")
    if taken is not None and (not chosen or newest == "camera"):
        chosen = [taken]
    return Taken(
        photos=tuple(
            NamedPhoto(name=Path(file.name).name or "photo", read=file.getvalue) for file in chosen
        ),
        key=" ".join(file.file_id for file in chosen),
    )


def start_over() -> None:
    """Drop all photos: the uploader is empty again."""
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    st.session_state.pop(_SOURCE, None)


def _use_camera(turn: int) -> UploadedFile | None:
    key = f"predict.camera.{turn}"
    return st.camera_input("Take a photo", key=key, on_change=_remember, args=("camera",))


def _remember(source: str) -> None:
    st.session_state[_SOURCE] = source


def pick_models() -> list[Model]:
    """Return the model that answers and the one to compare with, if any; end the page without."""
    models = list_models()
    if not models:
        show_no_run(
            list_runs(cache.workspace()),
            "Photos can be classified as soon as it is finished.",
            "Train a model first.",
        )
    by_key = {model.key: model for model in models}
    first = _pick_first(by_key)
    others = {key: one for key, one in by_key.items() if one.identity != first.identity}
    other = _pick_other(others) if others else None
    asked = [first] if other is None else [first, other]
    if any(model.is_random for model in asked):
        show_random_banner()
    return asked


def _pick_first(models: dict[str, Model]) -> Model:
    linked = read_stated(_MODEL) or read_stated(_RUN)
    wishes = (
        linked,
        st.session_state.get(_PICKED),
        "champion",
        st.session_state.get(f"chosen.{_RUN}"),
    )
    keys = [_find_key(models, str(wish)) for wish in wishes if wish]
    wanted = next((key for key in keys if key in models), next(iter(models)))
    if linked and keys[0] not in models:
        refuse_link(
            "Its model is not in this workspace: deleted, or only its predictions were added.",
            _MODEL,
            _RUN,
        )
    picked = _select("Model", models, wanted, "predict.model")
    st.session_state[_PICKED] = picked.key
    st.query_params[_RUN if picked.version is None else _MODEL] = picked.key
    st.query_params.pop(_MODEL if picked.version is None else _RUN, None)
    return picked


def _pick_other(models: dict[str, Model]) -> Model | None:
    chosen = _find_key(models, read_choice(_OTHER) or "")
    if chosen not in models:
        refuse_value(_OTHER)
    compares = st.toggle(
        "Compare with another model",
        value=chosen in models,
        key="predict.compares",
    )
    if not compares:
        keep_choice(_OTHER, None)
        return None
    wanted = chosen if chosen in models else next(iter(models))
    picked = _select("The other model", models, wanted, "predict.other")
    keep_choice(_OTHER, picked.key)
    return picked


def _find_key(models: dict[str, Model], wish: str) -> str:
    """Return the key of a model of a link; “v3” may be listed under its alias."""
    also = {one.version.label: one.key for one in models.values() if one.version is not None}
    return also.get(wish, wish)


def _select(label: str, models: dict[str, Model], wanted: str, key: str) -> Model:
    if st.session_state.get(key) not in models:
        st.session_state.pop(key, None)
    names = tell_apart({name: model.label for name, model in models.items()})
    return models[pick_named(label, names, index=list(models).index(wanted), key=key)]
