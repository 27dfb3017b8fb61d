"""`train` as a person meets it: real processes, live lines, the same run twice, Ctrl-C."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

from core.cli import main
from core.evaluation.learning import judge_learning
from core.runs.queue.queue import request_stop
from core.runs.result import read_result
from core.runs.run_files import read_events
from core.runs.store import list_runs, read_run
from core.workspace import PROJECT_ROOT, Workspace
from tests.processes import PATIENCE_S, wait_until

QUICK = ("train", "latest", "--weights", "random", "--epochs", "3")


def start(*argv: str) -> "subprocess.Popen[str]":
    """Start a command in the workspace that the settings point to."""
    return subprocess.Popen(
        [sys.executable, "-m", "core", *argv],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that put the tests in the background has made them deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=5 * PATIENCE_S)
    return process.returncode, out, err


def epoch_lines(err: str) -> Sequence[str]:
    return [line for line in err.splitlines() if line.startswith("epoch ")]


def list_told(workspace: Workspace, run_id: str) -> list[int]:
    """Return the epochs that a run has told: its list may lag one behind when it is killed."""
    events, _ = read_events(workspace.run_folder(run_id))
    return [event["epoch"] for event in events if event["event"] == "epoch"]


def test_the_same_recipe_opens_its_run_and_says_what_was_measured(trained_copy, capsys):
    (run,) = list_runs(trained_copy)
    same = ["train", "latest", "--weights", "random", "--epochs", "5"]
    assert main([*same, "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["id"], found["created_now"], len(found["history"])) == (run.id, False, 5)
    assert "opened" in err and list_runs(trained_copy) == [run]
    assert main(same) == 0
    out, _ = capsys.readouterr()
    assert "95 % interval" in out and f"n = {run.val_photos}" in out
    result = read_result(trained_copy, run.id)
    photos = result.photo_numbers("train")
    right = (result.scores[photos].argmax(axis=1) == result.labels[photos]).mean()
    assert result.curve[result.best_epoch - 1]["train_accuracy"] == pytest.approx(right)
    said = judge_learning(result.curve, run.best_epoch, run.val_photos or 0)
    assert said.sentence in out and said.gap_sentence in out


@pytest.mark.slow
@pytest.mark.usefixtures("forked_workers")
def test_a_run_in_the_queue_is_followed_to_its_end(trained_copy: Workspace) -> None:
    code, out, err = finish(start(*QUICK, "--seed", "8", "--hidden", "8", "--queue", "--json"))
    assert code == 0, err
    found = json.loads(out)
    assert (found["state"], found["created_now"], found["recipe"]["hidden"]) == ("done", True, [8])
    assert [epoch["epoch"] for epoch in found["history"]] == [1, 2, 3]
    assert [line.split()[1] for line in epoch_lines(err)] == ["1/3", "2/3", "3/3"]
    run = list_runs(trained_copy)[0]
    assert (run.id, run.best_epoch) == (found["id"], found["best_epoch"])
    assert (trained_copy.run_folder(run.id) / "worker.log").stat().st_size > 0
    code, out, err = finish(start(*QUICK, "--seed", "9"))  # the scheduler is still running
    assert (code, list_runs(trained_copy)[0].state) == (0, "done"), err
    assert "A background worker trains this run" in err


@pytest.mark.slow
def test_ctrl_c_leaves_a_run_that_goes_on_from_its_last_epoch(trained_copy):
    endless = ("train", "latest", "--weights", "random", "--epochs", "1000")
    process = start(*endless)
    running = wait_until(lambda: list_runs(trained_copy)[:-1], "the run is there")[0]
    wait_until(lambda: read_run(trained_copy, running.id).epochs_done >= 2, "it has two epochs")
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert (code, out) == (130, "")
    assert err.endswith("Interrupted.\n")
    interrupted = read_run(trained_copy, running.id)
    assert (interrupted.state, interrupted.stopped) == ("failed", True)
    told = list_told(trained_copy, running.id)

    process = start(*endless)
    wait_until(
        lambda: read_run(trained_copy, running.id).epochs_done > told[-1],
        "it has gone on",
    )
    request_stop(trained_copy, running.id)
    code, out, err = finish(process)
    assert code == 0, err
    first = int(epoch_lines(err)[0].split()[1].partition("/")[0])
    assert first == told[-1] + 1
    every = list_told(trained_copy, running.id)
    assert every == list(range(1, len(every) + 1))
    assert read_run(trained_copy, running.id).stopped


def test_a_recipe_out_of_range_is_refused(trained_copy, capsys):
    refused = ["train", "latest", "--weights", "random", "--dropout", "1.5", "--json"]
    assert main(refused) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "recipe_refused"
    assert len(list_runs(trained_copy)) == 1


def test_what_trains_no_epochs_never_loads_keras(trained_copy: Workspace) -> None:
    options = ["latest", "--weights", "random"]
    commands = [["datasets"], ["runs"], ["evaluate", "latest"], ["weights", "--help"]]
    commands += [["features", *options], ["train", *options, "--strategy", "exact"]]
    script = (
        "import sys\n"
        "from contextlib import suppress\n"
        "from core.cli import main\n"
        f"for command in {commands!r}:\n"
        "    with suppress(SystemExit):\n"
        "        assert main(command) == 0\n"
        "assert not {'keras', 'tensorflow', 'torch', 'jax'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [run.recipe.strategy for run in list_runs(trained_copy)] == ["exact", "head"]


@pytest.mark.usefixtures("trained_copy")
def test_repeats_are_runs_of_their_own_with_mean_and_spread(capsys):
    repeats = ["train", "latest", "--weights", "random", "--epochs", "2", "--repeats", "2"]
    assert main([*repeats, "--seed", "30", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [run["recipe"]["seed"] for run in found["runs"]] == [30, 31]
    accuracies = [run["best_val_accuracy"] for run in found["runs"]]
    assert found["mean_val_accuracy"] == pytest.approx(sum(accuracies) / 2)
    assert found["sd_val_accuracy"] == pytest.approx(abs(accuracies[0] - accuracies[1]) / 2**0.5)
