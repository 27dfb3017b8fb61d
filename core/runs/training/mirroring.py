"""The optional mirror of runs in MLflow: parameters, curves and figures of each run that ended.

`mirror_run` starts `python -m core.runs.training.mirroring RUN`, a process of its own that nobody
waits for: whatever goes wrong there is a warning in the run's log and costs the run nothing. Test
photos are left out: they stay sealed here, so they must not be read off there.
"""

import dataclasses
import json
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import read_settings
from core.runs.queue.starting import python_command, start_detached
from core.runs.recipe.recipe import Recipe
from core.runs.result import RunResult, read_result
from core.runs.store import RunRecord, read_run
from core.workspace import Workspace, open_workspace
from data.policy import describe_policy

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "petalscope"
RUN_TAG = "petalscope.run"
LIMIT_S = 300
_MOST_METRICS = 1000
"""That MLflow takes at a time."""
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""What a person set stays; else MLflow would try for minutes, and report to its makers."""

_log = logging.getLogger("mirror")


def mirror_run(workspace: Workspace, run: RunRecord, result: RunResult) -> None:
    """Begin to mirror a run whose result is in its folder, where PETALSCOPE_MLFLOW_URI is set."""
    if read_settings().mlflow_uri is None:
        return
    try:
        command = python_command("core.runs.training.mirroring", run.id)
        start_detached(workspace, command, log_file=Path(os.devnull))
    except OSError as error:
        logging.getLogger("run").warning("not mirrored in MLflow: %s", error)
        return
    logging.getLogger("run").info("mirroring %d epochs in MLflow", len(result.history))


def main() -> int:
    """Return the exit code; the run's log says what came of it."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    workspace, run_id = open_workspace(), sys.argv[1]
    _open_log(workspace.run_folder(run_id) / "worker.log")
    sys.excepthook = _tell_fault
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(LIMIT_S)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=read_settings().mlflow_uri)
    made = _write(client, read_run(workspace, run_id), read_result(workspace, run_id))
    _log.info("mirrored in MLflow as run %s", made)
    return 0


def _open_log(file: Path) -> None:
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False  # the log is for our lines only, not for those of MLflow


def _tell_fault(kind: type[BaseException], fault: BaseException, _trace: object) -> None:
    """Write any fault as a warning: this process has no other reader than the log."""
    remedy = "; install it: pip install mlflow-skinny" if issubclass(kind, ImportError) else ""
    # An address may hold a name and a password.
    said = re.sub(r"//[^/@\s]+@", "//…@", " ".join(str(fault).split()))[:500]
    _log.warning("not mirrored in MLflow: %s: %s%s", kind.__name__, said, remedy)


def _give_up(_signal: int, _frame: object) -> None:
    raise TimeoutError(f"it did not answer within {LIMIT_S} s")


def _write(client: "MlflowClient", run: RunRecord, result: RunResult) -> str:
    """Return the id of MLflow's run; one that mirrored this run before is replaced."""
    from mlflow.entities import Metric, Param

    found = client.get_experiment_by_name(EXPERIMENT)
    experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
    former = client.search_runs([experiment], filter_string=f"tags.`{RUN_TAG}` = '{run.id}'")
    for one in former:
        client.delete_run(one.info.run_id)
    begun = run.started or run.created
    made = client.create_run(
        experiment,
        start_time=round(1000 * begun.timestamp()),
        tags=_list_tags(run, result),
        run_name=run.name,
    )
    now = round(1000 * time.time())
    metrics = [Metric(name, value, now, step) for name, value, step in _list_metrics(run, result)]
    params = [Param(name, value) for name, value in list_parameters(run.recipe).items()]
    client.log_batch(made.info.run_id, params=params)
    for start in range(0, len(metrics), _MOST_METRICS):
        client.log_batch(made.info.run_id, metrics=metrics[start : start + _MOST_METRICS])
    client.set_terminated(made.info.run_id, status="FINISHED")
    return str(made.info.run_id)


def list_parameters(recipe: Recipe) -> dict[str, str]:
    """Return the recipe as MLflow's parameters: a name and a short text each."""
    values = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)} | {
        "augmentation": describe_policy(recipe.augmentation)
    }
    parts = {
        f"augmentation.{k}": dataclasses.asdict(v) for k, v in recipe.augmentation.parts.items()
    }
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in (values | parts).items()
    }


def _list_tags(run: RunRecord, result: RunResult) -> dict[str, str]:
    tags = {
        RUN_TAG: run.id,
        "petalscope.dataset": result.dataset_id,
        "petalscope.device": run.device,
        "petalscope.tags": ", ".join(run.tags),
        "mlflow.note.content": run.notes,
        "mlflow.user": run.submitter,
        "mlflow.source.name": "petalscope",
    }
    return {name: value for name, value in tags.items() if value}


def _list_metrics(run: RunRecord, result: RunResult) -> Iterator[tuple[str, float, int]]:
    """Yield name, value and step: numbers of each epoch, then those of the best one."""
    for epoch in result.history:
        for name, value in epoch.items():
            if name != "epoch" and _is_number(value):
                yield name, float(value), epoch["epoch"]
    best = next((one for one in result.history if one["epoch"] == result.best_epoch), {})
    figures: dict[str, Any] = {
        "best_epoch": result.best_epoch,
        "best_val_accuracy": best.get("val_accuracy"),
        "best_val_loss": best.get("val_loss"),
        "val_photos": run.val_photos,
        **{f"seconds_{phase}": seconds for phase, seconds in result.seconds.items()},
    }
    for name, value in figures.items():
        if _is_number(value):
            yield name, float(value), 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


if __name__ == "__main__":
    raise SystemExit(main())
