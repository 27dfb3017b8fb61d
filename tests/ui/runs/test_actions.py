"""The name of a run, written in two windows; and the code of a run."""

from streamlit.testing.v1 import AppTest

from core.runs.queue.control import note_run
from core.runs.store import list_runs
from core.workspace import Workspace


def draw_notes() -> None:
    from core.runs.store import list_runs
    from core.ui.parts import cache
    from core.ui.recipes.run_cards import edit_notes

    edit_notes(list_runs(cache.workspace())[0])


def test_a_window_overwrites_only_its_own_changes(trained_copy: Workspace) -> None:
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


def draw_code() -> None:
    from core.runs.store import list_runs
    from core.ui.parts import cache
    from core.ui.recipes.run_cards import show_cells

    show_cells(list_runs(cache.workspace())[0])


def test_the_code_trains_and_evaluates(trained_copy: Workspace) -> None:
    assert list_runs(trained_copy)
    (shown,) = AppTest.from_function(draw_code, default_timeout=60).run().code
    compile(shown.value, "run", "exec")
    assert "keras.Input" in shown.value and "roc_auc_score" in shown.value
