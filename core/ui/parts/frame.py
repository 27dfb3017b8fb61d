"""The frame around every page: navigation, page settings, heading.

Streamlit and AppTest run a deep link without streamlit_app.py: `draw_heading` draws the frame then.
"""

import functools
import gc
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import streamlit as st

from core.errors import PetalscopeError
from core.ui.parts.choosing import list_done
from core.ui.parts.state import follow_link, keep_choice, read_stated
from core.ui.visitor import ask_login, is_refused, show_visitor
from core.workspace import PROJECT_ROOT

_DRAWN = "frame.drawn"
_SETTLED = "frame.settled"
_WHOLE_MENU = "frame.whole_menu"
_FIRST, _ROOT = "overview", "start"
"""The page at the root of the address, and the second path that Streamlit requires for it."""
_PRESENT = "present"
_ROOM = Path(__file__).parent
_ICON = str(_ROOM / "icon.svg")

PAGES = {
    "overview": ("Overview", "local_florist"),
    "lesson": ("Lesson", "school"),
    "dataset": ("Dataset", "photo_library"),
    "quality": ("Quality", "fact_check"),
    "augmentation": ("Augmentation", "auto_fix_high"),
    "training": ("Training", "model_training"),
    "runs": ("Runs", "compare_arrows"),
    "metrics": ("Metrics", "monitoring"),
    "confusion": ("Confusion", "grid_on"),
    "mistakes": ("Mistakes", "rule"),
    "calibration": ("Calibration", "straighten"),
    "slices": ("Slices", "stacks"),
    "predict": ("Predict", "photo_camera"),
    "models": ("Models", "inventory_2"),
    "monitoring": ("Monitoring", "vital_signs"),
}
"""File name and URL path → title and icon, in the order of the menu."""
NEEDS_NO_RUN = ("overview", "lesson", "dataset", "training", "predict")
"""Pages that the menu shows before the first run is finished."""
MOVED: dict[str, tuple[str, dict[str, str]]] = {
    "overview": ("overview", {}),  # its own place is the root of the address
    "forecast": ("metrics", {}),
    "registry": ("models", {}),
    "review": ("monitoring", {"tab": "review"}),
}
"""Old URL path → the new page and additional query parameters."""


def run_app() -> None:
    """Draw the frame and run the page of the address."""
    page = _draw_frame()
    st.session_state[_DRAWN] = True
    try:
        page.run()
    finally:
        st.session_state[_DRAWN] = False
        pass_over_modules(len(sys.modules))


@functools.cache
def pass_over_modules(count: int) -> None:  # noqa: ARG001 (once for every number of modules)
    """Exclude all living objects from garbage collection, which takes longer than a page.

    Sessions that have ended are collected before the next call.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def draw_heading(title: str, sentence: str, about: str, *, presentable: bool = False) -> None:
    """Draw the frame if it was not drawn yet, then the heading, unless the page is presented.

    Args:
        sentence: Follows the title.
        about: Two sentences behind the "?".
        presentable: Whether the page can fill the screen of a room.
    """
    if not st.session_state.get(_DRAWN, False):
        _draw_frame()
        if not st.session_state.get(_SETTLED, False):
            # Streamlit renames the widgets in the second run: the first input would be lost.
            st.session_state[_SETTLED] = True
            st.rerun()
    follow_link(title)
    if presentable and read_stated(_PRESENT) is not None:
        st.html(_ROOM / "present.css")
        _turn("Leave full screen", "fullscreen_exit", None)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.title(title, anchor=False, width="content")
        with st.container(width="content"):
            _show_help(about)
        st.caption(sentence, width="stretch" if presentable else "content")
        show_visitor()
        if presentable:
            _turn("Full screen", "fullscreen", "1")


@st.fragment
def _show_help(about: str) -> None:
    """Draw the "?": what the page is for, and the glossary."""
    with st.popover("?", type="tertiary", key="frame_help", on_change="rerun") as popover:
        if popover.open:
            st.markdown(about)
            if (glossary := PROJECT_ROOT / "docs" / "glossary.md").exists():
                st.markdown(glossary.read_text(encoding="utf-8"))


def _turn(label: str, icon: str, presenting: str | None) -> None:
    """Draw the button that begins or ends the presentation."""
    st.button(
        label,
        key=f"frame_{icon}",
        icon=f":material/{icon}:",
        type="tertiary",
        help="Large type for a projector. F11 hides the frame of the browser.",
        on_click=partial(keep_choice, _PRESENT, presenting),
    )


def page_file(name: str) -> str:
    """Return the script of a page for st.switch_page and st.page_link."""
    return str(PROJECT_ROOT / "pages" / f"{name}.py")


def link_page(page: str, label: str, icon: str = "", **query: str) -> None:
    """Draw a link to a page with a Material icon and query parameters."""
    icon_name = f":material/{icon}:" if icon else None
    st.page_link(page_file(page), label=label, icon=icon_name, query_params=query)


def is_dark() -> bool:
    """Return whether the reader sees the dark theme."""
    return st.context.theme.type == "dark"


def is_presenting() -> bool:
    """Return whether the page fills the screen (?present=1)."""
    return _PRESENT in st.query_params


def _lead_to(page: str, added: dict[str, str]) -> None:
    """Lead from an old address to the page that replaces it; the parameters stay."""
    st.switch_page(page_file(page), query_params={**st.query_params.to_dict(), **added})


def _list_pages() -> list["st.Page"]:
    """Return the pages of the menu and the hidden pages, which only have an address."""
    if not st.session_state.get(_WHOLE_MENU):
        with suppress(PetalscopeError, OSError):  # the page itself reports it
            st.session_state[_WHOLE_MENU] = bool(list_done())
    in_menu = PAGES if st.session_state.get(_WHOLE_MENU) else NEEDS_NO_RUN
    pages = [
        st.Page(
            page_file(name),
            title=title,
            icon=f":material/{icon}:",
            url_path=_ROOT if name == _FIRST else name,
            default=name == _FIRST,
            visibility="visible" if name in in_menu else "hidden",
        )
        for name, (title, icon) in PAGES.items()
    ]
    for old, (page, added) in MOVED.items():
        lead = partial(_lead_to, page, added)
        pages.append(st.Page(lead, title="Petalscope", url_path=old, visibility="hidden"))
    return pages


def _draw_frame() -> "st.Page":
    st.set_page_config(
        page_title="Petalscope",
        page_icon=_ICON,  # a file of ours: a :material: icon would be fetched from outside
        layout="wide",
        initial_sidebar_state=220,  # as in frame.css
    )
    st.html(_ROOM / "frame.css")
    refused = is_refused()
    pages = _list_pages()
    page = st.navigation(pages, position="hidden" if refused or is_presenting() else "sidebar")
    if refused:
        ask_login()
    if is_presenting() and page.url_path != "lesson":
        return st.navigation(pages)
    return page
