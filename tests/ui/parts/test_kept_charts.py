"""Charts that are kept: drawn once for equal data, anew for other data."""

from streamlit.testing.v1 import AppTest


def _page() -> None:
    import altair as alt
    import pandas as pd
    import streamlit as st

    from core.ui.parts.charts import show_kept_chart

    drawn = st.session_state.setdefault("drawn", [])

    def draw(rows: pd.DataFrame, name: str, dark: bool) -> alt.Chart:
        drawn.append((name, len(rows), dark))
        return alt.Chart(rows).mark_bar().encode(x="n:Q").properties(title=name)

    rows = pd.DataFrame({"n": range(st.number_input("n", 1, 9, 3))})
    show_kept_chart(draw, rows, "photos", alt="How many photos")


def test_equal_data_are_drawn_once() -> None:
    app = AppTest.from_function(_page, default_timeout=60).run()
    app.run()
    assert not app.exception
    assert app.session_state["drawn"] == [("photos", 3, False)]
    chart = app.get("vega_lite_chart")[0].proto
    assert chart.alt == "How many photos"
    assert '"title": "photos"' in chart.spec
    app.number_input[0].set_value(5).run()
    assert app.session_state["drawn"][1:] == [("photos", 5, False)]


def _room() -> None:
    import altair as alt
    import pandas as pd
    import streamlit as st

    from core.charts.theme import style_altair
    from core.ui.parts.charts import show_kept_chart

    def draw(rows: pd.DataFrame, dark: bool) -> alt.Chart:
        return style_altair(alt.Chart(rows).mark_bar().encode(x="n:Q"), dark)

    table = pd.DataFrame({"n": range(3)})
    st.session_state["fonts"] = [
        size
        for part in show_kept_chart(draw, table, alt="Photos")["config"].values()
        if isinstance(part, dict)
        for name, size in part.items()
        if name.lower().endswith("fontsize")
    ]


def test_a_chart_for_a_room_has_large_letters() -> None:
    app = AppTest.from_function(_room, default_timeout=60).run()
    assert len(app.session_state["fonts"]) == 6
    assert max(app.session_state["fonts"]) < 24
    app.query_params["present"] = "1"
    app.run()
    assert app.session_state["fonts"] == [24] * 6


def _table() -> None:
    import altair as alt
    import pandas as pd
    import streamlit as st

    from core.charts.theme import style_altair
    from core.ui.parts.charts import show_kept_chart

    def draw(rows: pd.DataFrame, dark: bool) -> alt.Chart:
        return style_altair(alt.Chart(rows).mark_bar().encode(x="n:Q"), dark)

    rows = pd.DataFrame({"n": [1, 2], "accuracy": [0.5, None], "class": ["β", "rose"]})
    st.session_state["spec"] = show_kept_chart(draw, rows, alt="Accuracy")


def test_the_data_of_a_chart_are_a_table() -> None:
    app = AppTest.from_function(_table, default_timeout=60).run()
    (sent,) = app.session_state["spec"]["datasets"].values()
    assert sent.to_pylist() == [
        {"n": 1, "accuracy": 0.5, "class": "β"},
        {"n": 2, "accuracy": None, "class": "rose"},
    ]
