"""Name and notes of a run, written in two windows."""

from streamlit.testing.v1 import AppTest

from core.runs.queue.control import note_run
from core.runs.store import list_runs
from core.workspace import Workspace


def draw_notes() -> None:
    from core.runs.store import list_runs
    from core.ui.parts import cache
    from core.ui.runs.actions import _show_notes

    _show_notes(list_runs(cache.workspace())[0])


def test_what_a_window_typed_is_kept_when_another_was_faster(trained_copy: Workspace) -> None:
    windows = [AppTest.from_function(draw_notes, default_timeout=60).run() for _ in range(2)]
    for app, name in zip(windows, ("late roses", "early roses"), strict=True):
        app.text_input[0].set_value(name)
        app.button[0].click().run()
        assert not app.exception
        assert list_runs(trained_copy)[0].name == name
    note_run(trained_copy, list_runs(trained_copy)[0].id, "elsewhere")
    windows[1].text_input[0].set_value("roses")
    windows[1].button[0].click().run()
    run = list_runs(trained_copy)[0]
    assert (run.name, run.notes) == ("roses", "elsewhere")
