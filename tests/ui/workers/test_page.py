"""The workers page: lanes that wait, runs here and on another machine, batches and their parts."""

import pytest
from sqlalchemy import update

from core.runs.database import write_database
from core.runs.queue.queue import claim_next_run, submit_run
from core.runs.queue.run_lock import begin_run
from core.runs.queue.units import claim_unit, finish_unit, prepare_units
from core.runs.queue.workers import note_worker, workers_table
from core.runs.tables import runs_table
from core.workspace import Workspace
from tests.training import change_recipe
from tests.ui.driver import open_page, text_of


def test_a_laptop_has_one_lane_that_waits(workspace: Workspace) -> None:
    del workspace
    app = open_page("workers")
    rows = app.dataframe[0].value.to_dict("records")
    assert [(row["Machine"], row["Does"]) for row in rows] == [("this one", "waits for work")]
    assert "0 runs wait" in text_of(app)


def test_lanes_other_machines_and_batches_are_listed(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_LANES", "gpu:0,cpu")
    for seed in range(3):
        submit_run(trained_copy, change_recipe(trained_copy, seed=seed + 10))
    for lane in ("2 cpu", "lab/1 gpu:7"):
        run = claim_next_run(trained_copy, lane=lane)
        assert run is not None and begin_run(trained_copy, run)
    with write_database(trained_copy) as connection:
        connection.execute(update(runs_table).where(runs_table.c.lane == "2 cpu").values(name="A"))
    job = "0123456789abcdef"
    prepare_units(trained_copy, job, [500, 300, 0], "answers", {})
    first = claim_unit(trained_copy, job, "somebody")
    assert first is not None
    finish_unit(trained_copy, first, "a part")
    claim_unit(trained_copy, job, "attic/")
    note_worker(trained_copy, "attic/", device="CPU", pid=7, does="part 2", job=job, speed=41.6)
    note_worker(trained_copy, "shed/", device="CPU", pid=8, does="part 1", job=job, speed=9.0)
    with write_database(trained_copy) as connection:
        lost = workers_table.c.lane == "shed/"
        connection.execute(
            update(workers_table).where(lost).values(heard=workers_table.c.heard - 99)
        )
    app = open_page("workers")
    rows = app.dataframe[0].value.to_dict("records")
    assert [(row["Machine"], row["Lane"], bool(row["Run"])) for row in rows] == [
        ("this one", "1 gpu:0", False),
        ("this one", "2 cpu", True),
        ("attic", "whole machine", False),
        ("lab", "1 gpu:7", True),
        ("shed", "whole machine", False),
    ]
    assert (rows[2]["Does"], rows[2]["Photos / s"]) == ("part 2", "42")
    assert rows[4]["Does"] == "silent: others do what it had"
    assert rows[1]["Run"].endswith("A") and rows[1]["Last word"].endswith("s ago")
    assert "1 run waits" in text_of(app)
    [bar] = app.get("progress")
    assert "500 of 800 photos, 1 process at it, workers at 42 photos/s" in bar.proto.text
