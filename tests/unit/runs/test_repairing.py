"""An index that is lost, emptied or damaged is told of, and read back from copies and folders."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from core.cli import main
from core.errors import DatabaseUnusable
from core.registry.events import list_events
from core.registry.promoting import promote
from core.registry.registering import register_run
from core.registry.store import list_versions, read_aliases
from core.runs import repairing
from core.runs.database import close_databases, write_database
from core.runs.queue.control import note_run, pause_run, tag_run
from core.runs.queue.queue import delete_run, submit_run
from core.runs.queue.scheduled import keep_arrangement, read_arrangement
from core.runs.recipe.plans import SweepPlan
from core.runs.recipe.recipe import Recipe
from core.runs.repairing import find_fault, is_copy_due, list_copies, make_copy, repair_index
from core.runs.run_files import append_event
from core.runs.store import list_runs, list_studies, read_openings, read_run, record_opening
from core.runs.tables import openings_table, runs_table
from core.workspace import Workspace, digest_file, open_workspace

RECIPE = Recipe(dataset="0123456789abcdef", weights_digest="d" * 64)
OTHER = replace(RECIPE, seed=1)


def remove(workspace: Workspace) -> None:
    for end in ("", "-wal", "-shm"):
        workspace.database_file.with_name(f"petalscope.db{end}").unlink(missing_ok=True)


def empty(workspace: Workspace) -> None:
    remove(workspace)
    workspace.database_file.touch()


def cut_short(workspace: Workspace) -> None:
    with workspace.database_file.open("r+b") as file:
        file.truncate(9000)


def write_over(workspace: Workspace) -> None:
    with workspace.database_file.open("r+b") as file:
        file.write(os.urandom(4096))


Harm = Callable[[Workspace], None]
harms = pytest.mark.parametrize("harm", [remove, empty, cut_short, write_over])


@harms
def test_runs_and_arrangements_come_back_from_the_copy(workspace: Workspace, harm: Harm) -> None:
    first, _ = submit_run(workspace, RECIPE, "baseline")
    submit_run(workspace, OTHER, "sweep", plan=SweepPlan(trials=3))
    note_run(workspace, first.id, "with the new photos")
    tag_run(workspace, first.id, ["course"])
    pause_run(workspace, first.id)
    keep_arrangement(workspace, "rules", {"level": 3})
    before = list_runs(workspace), list_studies(workspace)
    make_copy(workspace)
    close_databases()
    harm(workspace)
    with pytest.raises(DatabaseUnusable) as told:
        list_runs(workspace)
    assert "core repair" in told.value.remedy
    close_databases()
    done = repair_index(workspace)
    assert done.fault
    assert not done.unread
    assert (list_runs(workspace), list_studies(workspace)) == before
    assert read_arrangement(workspace, "rules") == {"level": 3}
    assert find_fault(workspace) == ""


def test_a_finished_run_is_read_from_its_folder(trained_copy: Workspace) -> None:
    [run] = list_runs(trained_copy)
    close_databases()
    remove(trained_copy)
    assert repair_index(trained_copy).runs_read == (run.id,)
    [read] = list_runs(trained_copy)
    facts = ("id", "recipe", "state", "stopped", "epochs_done", "best_epoch", "val_photos")
    facts += ("best_val_accuracy", "best_val_loss")
    assert [getattr(read, fact) for fact in facts] == [getattr(run, fact) for fact in facts]


def test_what_ended_after_the_copy_is_read_from_its_folder(trained_copy: Workspace) -> None:
    [run] = list_runs(trained_copy)
    failed, waits = (submit_run(trained_copy, replace(RECIPE, seed=seed))[0] for seed in (1, 2))
    with write_database(trained_copy) as connection:
        mine = runs_table.c.id == run.id
        connection.execute(update(runs_table).where(mine).values(state="running", name="roses"))
    make_copy(trained_copy)
    end = {"event": "end", "state": "failed", "code": "disk_full"}
    append_event(trained_copy.run_folder(failed.id), end)
    close_databases()
    remove(trained_copy)
    assert repair_index(trained_copy).runs_read == ()
    read = read_run(trained_copy, run.id)
    assert (read.state, read.name, read.epochs_done) == ("done", "roses", run.epochs_done)
    assert read_run(trained_copy, failed.id).error_code == "disk_full"
    assert read_run(trained_copy, waits.id).state == "queued"


def test_versions_and_the_champion_come_back_from_the_copy(trained_copy: Workspace) -> None:
    [run] = list_runs(trained_copy)
    number = register_run(trained_copy, run.id, name="first").number
    promote(trained_copy, number, reason="there is no other")
    before = list_versions(trained_copy), read_aliases(trained_copy), list_events(trained_copy)
    assert before[1] == {"champion": number}
    make_copy(trained_copy)
    close_databases()
    remove(trained_copy)
    repair_index(trained_copy)
    after = list_versions(trained_copy), read_aliases(trained_copy), list_events(trained_copy)
    assert after == before


def test_what_only_the_index_knew_comes_back_from_its_copy(workspace: Workspace) -> None:
    kept, _ = submit_run(workspace, RECIPE)
    gone, _ = submit_run(workspace, OTHER)
    record_opening(workspace, kept.id, "ada", "page metrics")
    assert is_copy_due(workspace)
    assert make_copy(workspace) is not None
    delete_run(workspace, gone.id)
    close_databases()
    remove(workspace)
    done = repair_index(workspace)
    assert done.copy is not None
    assert [run.id for run in list_runs(workspace)] == [kept.id]  # what was deleted stays so
    assert [one.who for one in read_openings(workspace, kept.id)] == ["ada"]


def test_a_damaged_index_gives_the_rows_that_can_be_read(workspace: Workspace) -> None:
    run, _ = submit_run(workspace, RECIPE)
    looks = [{"run": run.id, "who": "x" * 900, "place": "", "opened": run.created}] * 60
    with write_database(workspace) as connection:
        connection.execute(insert(openings_table), looks)
    close_databases()
    with workspace.database_file.open("r+b") as file:
        file.seek(-8192, os.SEEK_END)
        file.write(os.urandom(8192))
    done = repair_index(workspace)
    assert done.set_aside is not None
    assert done.set_aside.exists()
    assert 10 < len(read_openings(workspace, run.id)) < 60


def test_the_five_newest_copies_are_kept_and_none_of_a_damaged_index(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit_run(workspace, RECIPE)
    workspace.copies.mkdir()
    for hour in range(6):
        (workspace.copies / f"petalscope-20250101-0{hour}0000.db").touch()
    made = make_copy(workspace)
    names = [copy.name[-9:-7] for copy in list_copies(workspace)]
    assert list_copies(workspace)[0] == made
    assert names[1:] == ["05", "04", "03", "02"]
    assert not is_copy_due(workspace)  # nothing has changed
    submit_run(workspace, OTHER)
    assert not is_copy_due(workspace)  # it is not an hour old
    monkeypatch.setattr(repairing, "EVERY_S", 0.0)
    assert is_copy_due(workspace)
    close_databases()
    cut_short(workspace)
    repairing.make_due_copy(workspace)
    assert list_copies(workspace)[0] == made


def test_a_whole_index_gets_the_runs_that_it_lacks(workspace: Workspace) -> None:
    submit_run(workspace, RECIPE)
    folder = workspace.run_folder(OTHER.run_id)
    folder.mkdir()
    (folder / "recipe.json").write_text("{}")
    assert repair_index(workspace).unread == (OTHER.run_id,)
    with_recipe = workspace.run_folder(RECIPE.run_id) / "recipe.json"
    (folder / "recipe.json").write_text(with_recipe.read_text().replace('"seed": 0', '"seed": 1'))
    done = repair_index(workspace)
    assert (done.fault, done.runs_read) == ("", (OTHER.run_id,))
    assert [run.state for run in list_runs(workspace)] == ["paused", "queued"]


def test_the_command_line_tells_it_and_repairs(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.cli.runs.wake_scheduler", lambda _: None)
    submit_run(workspace, RECIPE)
    close_databases()
    empty(workspace)
    assert main(["runs", "--json"]) == 1
    assert '"database_unusable"' in capsys.readouterr().out
    assert main(["repair"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("The index was damaged and is rebuilt.") and "rows: runs" in out
    assert main(["runs"]) == 0
    assert "Run 1" in capsys.readouterr().out


def test_a_backup_is_restored_as_it_was(
    trained_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = list_runs(trained_copy)[0]
    tag_run(trained_copy, run.id, {"kept"})
    file, before = tmp_path / "all.tar", _digest(trained_copy)
    assert main(["backup", str(file)]) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert main(["restore", str(file)]) == 1  # where something is, nothing is overwritten
    assert _digest(trained_copy) == before
    close_databases()
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(tmp_path / "new"))
    cut = tmp_path / "cut.tar"
    cut.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert main(["restore", str(cut)]) == 1
    assert main(["restore", str(file)]) == 0
    new = open_workspace()
    assert _digest(new) == before
    assert list_runs(new) == list_runs(trained_copy) and list_runs(new)[0].tags == ("kept",)
    assert not find_fault(new) and main(["evaluate", run.id]) == 0


def _digest(workspace: Workspace) -> dict[str, str]:
    """Return the digest of each file that is kept, but of the index."""
    kept = ("datasets", "features", "backbones", "runs", "analyses", "registry", "weights")
    files = [file for name in kept for file in (workspace.root / name).rglob("*") if file.is_file()]
    names = {file.relative_to(workspace.root).as_posix(): file for file in files}
    return {name: digest_file(file) for name, file in names.items() if ".lock" not in name}
