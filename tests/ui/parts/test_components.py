"""Keys that wait in the browser: what the page reports to it as done."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.ui.parts import components


def steps() -> None:
    import streamlit as st

    from core.ui.parts.components import KeyQueue
    from core.ui.parts.state import keep_choice, read_choice

    number = int(read_choice("item") or 0)
    keys = KeyQueue("here", "item")
    keys.show_steps(number, 9, lambda to: keep_choice("item", str(to)))
    keys.listen("Left", "Right")
    st.caption(str(number))


def test_a_press_is_done_when_the_page_shows_where_it_led(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[dict[str, Any]] = []

    def draw(*, key: str, data: dict[str, Any], on_pressed_change: Any) -> None:  # noqa: ARG001
        import streamlit as st

        drawn.append(data)
        st.button("send what was pressed", on_click=on_pressed_change)

    monkeypatch.setattr(components, "load_component", lambda *_: draw)
    app = AppTest.from_function(steps)
    app.query_params["item"] = "0"
    app.run()
    pressed = {"id": "tab.1", "key": "ArrowRight", "item": "0", "attempt": 1}
    app.session_state["keys.here"] = {"pressed": pressed}
    app.button[-1].click().run()
    assert (app.caption[0].value, drawn[-1]["done"]) == ("1", "tab.1")
    # A request that left the browser before its address had changed draws the item before.
    app.query_params["item"] = "0"
    app.run()
    assert (app.caption[0].value, drawn[-1]["done"]) == ("0", None)
    app.button[-1].click().run()  # it is sent again, and acts once
    assert (app.caption[0].value, drawn[-1]["done"]) == ("1", "tab.1")
