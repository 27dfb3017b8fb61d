"""`bench drift`: unchanged photos, darker ones, drawn from the reference and beside it."""

from core.bench.drift import measure_drift
from core.runs.store import list_runs
from core.runs.test_views import read_openings
from core.workspace import Workspace


def test_every_kind_of_draw_is_counted(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[-1]
    steps: list[str] = []
    report = measure_drift(trained_copy, run, photos=200, on_step=steps.append)
    figures = {figure.name: figure for figure in report.figures}
    assert len(figures) == 6
    assert all(0 <= figure.value <= 100 for figure in figures.values())
    assert figures["unchanged, drawn from the reference"].value == 0
    assert figures["brightness halved, drawn from the reference"].note.endswith("n = 6")
    assert steps[0] == "Reading the validation photos"
    assert not read_openings(trained_copy, run.id), "no test photo is looked at"
