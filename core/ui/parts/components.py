"""Our own components, and buttons whose keys wait in the browser."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import streamlit as st

from core.ui.parts.state import keep_choice, read_choice

_LAST: dict[str, tuple[str, str | None, str | None]] = {}
"""Tab and place → its last press that is done, and the items before and after it.

Not in the session: a browser that connects again may get another one.
"""
_MOST_PLACES = 1_000
_NAMES = {"Left": "ArrowLeft", "Right": "ArrowRight"}


@cache
def load_component(beside: str, style: str, *scripts: str) -> Callable[..., Any]:
    """Return the function that draws a component of ours, made of a style and scripts.

    Without a shadow root, so that screen readers and tests find plain elements.
    """
    folder = Path(beside).parent
    return st.components.v2.component(
        f"petalscope_{Path(style).stem}",
        js="".join((folder / name).read_text(encoding="utf-8") for name in scripts),
        css=(folder / style).read_text(encoding="utf-8"),
        isolate_styles=False,
    )


class KeyQueue:
    """Buttons of one place whose keys wait in the browser until the page has answered.

    Each press has an id and acts once, even when the browser sends it again.
    """

    def __init__(self, place: str, item: str, *, works: bool = True) -> None:
        """Name the place and the choice that says which item it shows.

        Keys that do not work leave the buttons for the mouse.
        """
        self.place, self.item, self.works = place, item, works
        self._actions: dict[str, Callable[[], None]] = {}

    def button(self, label: str, shortcut: str, on_click: Callable[[], None], **drawn: Any) -> None:
        """Draw a button (`drawn` as for `st.button`) and remember what its key does."""
        if not drawn.get("disabled"):
            self._actions[_name_key(shortcut)] = on_click
        st.button(label, shortcut=shortcut if self.works else None, on_click=on_click, **drawn)

    def show_steps(self, number: int, of: int, go: Callable[[int], None]) -> None:
        """Draw previous and next with their arrow keys; `go` opens the item with a number."""
        for label, icon, key, step in (
            ("Previous", "arrow_back", "Left", -1),
            ("Next", "arrow_forward", "Right", 1),
        ):
            self.button(
                label,
                key,
                partial(go, number + step),
                icon=f":material/{icon}:",
                key=f"{self.place}.{label}",
                disabled=not 0 <= number + step < of,
            )

    def listen(self, *shortcuts: str) -> None:
        """Let the browser send these keys, after the buttons are drawn.

        A key whose button is missing or disabled does nothing.
        """
        if not self.works:
            return
        widget, done = f"keys.{self.place}", f"keys.{self.place}.done"
        drawn = read_choice(self.item)

        def act() -> None:
            pressed = (st.session_state.get(widget) or {}).get("pressed")
            if isinstance(pressed, dict) and self._do(pressed, drawn):
                st.session_state[done] = str(pressed.get("id")), read_choice(self.item)

        keys = [_name_key(one) for one in shortcuts]
        last, following = st.session_state.get(done, (None, drawn))
        # An address from before the press may draw the item before it once more.
        data = {"keys": keys, "done": last if drawn == following else None, "item": drawn}
        draw = load_component(__file__, "keys.css", "keys.js")
        draw(key=widget, data=data, on_pressed_change=act)

    def _do(self, pressed: Mapping[str, object], drawn: str | None) -> bool:
        """Do what a press means once, if the item that it was aimed at is shown.

        A lost connection may bring back the address before the last press: it goes on from there.

        Args:
            drawn: The item of these buttons.

        Returns:
            Whether the press is answered; if not, the browser sends it again.
        """
        number = str(pressed.get("id"))
        place = f"{number.partition('.')[0]} {self.place}"
        last, before, following = _LAST.get(place, ("", "", ""))
        current = read_choice(self.item)
        if (
            last in (number, pressed.get("after"))
            and current == before
            and following not in ("", before)
        ):
            keep_choice(self.item, following)
            return number == last
        if number == last:
            return True
        if drawn != current:  # the buttons of the item that follows come first
            return False
        if "after" in pressed:
            fits = (pressed["after"], current) == (last, following)
        else:  # what was sent at once cannot be late
            fits = pressed.get("attempt") == 1 or pressed.get("item") == current
        action = self._actions.get(str(pressed.get("key")))
        if fits and action:
            action()
        _LAST[place] = number, current, read_choice(self.item) if fits else ""
        if len(_LAST) > _MOST_PLACES:
            del _LAST[next(iter(_LAST))]
        return True


def _name_key(shortcut: str) -> str:
    return _NAMES.get(shortcut, shortcut.lower())
