"""The frame around every page: navigation, page settings, heading.

Streamlit and AppTest run a deep link without streamlit_app.py: `open_page` draws the frame then.
"""

import functools
import gc
import sys
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from core.ui.parts.state import keep_choice
from core.ui.visitor import ask_login, is_refused, show_visitor
from core.workspace import PROJECT_ROOT

_DRAWN = "frame.drawn"
_SETTLED = "frame.settled"
_FIRST, _ROOT = "overview", "start"
"""The page at the root of the address, and the path that Streamlit wants for it besides."""
_PRESENT, _PRESENTABLE = "present", ("training", "lesson")
_ROOM = Path(__file__).parent
_ICON = str(_ROOM / "icon.svg")

PAGES = {
    "": [("overview", "Overview", ":material/local_florist:")],
    "Learn": [("lesson", "Lesson", ":material/school:")],
    "Photos": [
        ("dataset", "Dataset", ":material/photo_library:"),
        ("quality", "Quality", ":material/fact_check:"),
        ("augmentation", "Augmentation", ":material/auto_fix_high:"),
    ],
    "Model": [
        ("training", "Training", ":material/model_training:"),
        ("runs", "Runs", ":material/compare_arrows:"),
    ],
    "Evaluation": [
        ("metrics", "Metrics", ":material/monitoring:"),
        ("confusion", "Confusion", ":material/grid_on:"),
        ("mistakes", "Mistakes", ":material/rule:"),
        ("calibration", "Calibration", ":material/straighten:"),
        ("slices", "Slices", ":material/stacks:"),
    ],
    "Use": [
        ("predict", "Predict", ":material/photo_camera:"),
        ("registry", "Models", ":material/inventory_2:"),
        ("monitoring", "Monitoring", ":material/vital_signs:"),
        ("review", "Review", ":material/inbox:"),
    ],
}
"""Section → (file name and URL path, title, icon)."""


def run_app() -> None:
    """Draw the frame and runs the page that the address names."""
    page = _draw_frame()
    st.session_state[_DRAWN] = True
    try:
        page.run()
    finally:
        st.session_state[_DRAWN] = False
        pass_over_modules(len(sys.modules))


@functools.cache
def pass_over_modules(count: int) -> None:  # noqa: ARG001 (once for every number of modules)
    """Take what lives now out of the search for garbage, which takes longer than to run a page.

    Sessions that were passed over with it, and have ended since, are let go before the next time.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def open_page(title: str, sentence: str, *, presentable: bool = False) -> None:
    """Draw the frame if it was not drawn yet, then title and sentence; neither while presenting."""
    if not st.session_state.get(_DRAWN, False):
        _draw_frame()
        _settle()
    if presentable and is_presenting():
        st.html(_ROOM / "present.css")
        _turn("Leave full screen", "fullscreen_exit", None)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.title(title, anchor=False, width="content")
        st.caption(sentence, width="stretch" if presentable else "content")
        show_visitor()
        if presentable:
            _turn("Full screen", "fullscreen", "1")


def _turn(label: str, icon: str, presenting: str | None) -> None:
    """Draw the button that begins or ends the presentation."""
    st.button(
        label,
        key=f"frame_{icon}",
        icon=f":material/{icon}:",
        type="tertiary",
        help="For a room, in large type; F11 lets the browser fill the screen, too.",
        on_click=partial(keep_choice, _PRESENT, presenting),
    )


def _settle() -> None:
    """Run a cold deep link once more, now as a page of the frame.

    Streamlit names widgets anew then: without a second run, the first thing done would be lost.
    """
    if not st.session_state.get(_SETTLED, False):
        st.session_state[_SETTLED] = True
        st.rerun()


def page_file(name: str) -> str:
    """Return the script of a page, as st.switch_page and st.page_link want it."""
    return str(PROJECT_ROOT / "pages" / f"{name}.py")


def link_page(page: str, label: str, icon: str = "", **query: str) -> None:
    """Draw a link to a page; `icon` is Material's, `query` of its address."""
    icon_name = f":material/{icon}:" if icon else None
    st.page_link(page_file(page), label=label, icon=icon_name, query_params=query)


def is_dark() -> bool:
    """Return whether the reader sees the dark theme."""
    return st.context.theme.type == "dark"


def is_presenting() -> bool:
    """Return whether the page is shown to a room (?present=1), where it can be."""
    return _PRESENT in st.query_params


def _open_first() -> None:
    """Lead from /overview to the first page, whose place is the root of the address."""
    st.switch_page(page_file(_FIRST), query_params=st.query_params.to_dict())


def _place(name: str) -> dict[str, Any]:
    """Return the address of a page."""
    if name == _FIRST:
        return {"default": True, "url_path": _ROOT}
    return {"url_path": name}


def _draw_frame() -> "st.Page":
    st.set_page_config(
        page_title="Petalscope",
        page_icon=_ICON,  # a file of ours: a :material: icon would be fetched from outside
        layout="wide",
        initial_sidebar_state=220,  # as in frame.css
    )
    st.html(_ROOM / "frame.css")
    sections = {
        section: [
            st.Page(page_file(name), title=title, icon=icon, **place)
            for name, title, icon in pages
            for place in [_place(name)]
        ]
        for section, pages in PAGES.items()
    }
    sections[""].append(
        st.Page(_open_first, url_path=_FIRST, visibility="hidden", title="Petalscope")
    )
    if is_refused():
        st.navigation(sections, position="hidden")
        ask_login()
    if is_presenting():
        page = st.navigation(sections, position="hidden")
        if page.url_path in _PRESENTABLE:
            return page
    return st.navigation(sections)
