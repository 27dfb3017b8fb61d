"""A job that answers all photos of a folder in object storage, as a page asks for it.

`python -m core.registry.answering FOLDER`, as core/runs/jobs.py starts it. There is one for each
file of answers: what is asked for it later takes the place of what was asked before.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.config import fingerprint
from core.errors import RunStopped, SourceRefused
from core.prediction.deciding import describe_rule
from core.prediction.storing import answer_folder, open_folder, split_counts
from core.registry.loading import open_named
from core.runs.jobs import JobStatus, Tell, is_to_stop, read_job, run_job, start_job
from core.runs.queue.units import Progress
from core.storage import is_address
from core.workspace import Workspace, open_workspace

_MOST_TOLD = 1_000
"""Times that a job says how far it is: each look at it reads all of them."""


def start_answering(workspace: Workspace, answers: str, *, anew: bool = False, **of: str) -> str:
    """Return the id of the work; unless it is done or going, a process of its own does it.

    Args:
        answers: Address of the Parquet file.
        anew: List the folder again, also where the same was done before.
        of: `photos`, the address of their folder; `model`, as `open_named` takes it; `by`, what to
            call that on screen.

    Raises:
        SourceRefused: An address cannot be used, or other answers go there just now.
        StorageFailed: An address names no bucket, or holds credentials.
    """
    if not (is_address(of["photos"]) and is_address(answers)):
        raise SourceRefused(
            "Photos and answers are addresses of object storage.",
            "Write s3://bucket/photos and s3://bucket/answers.parquet, or gs://… for Google's.",
        )
    open_folder(of["photos"], answers)  # refuses what it cannot use
    identifier = fingerprint({"kind": "stored answers", "answers": answers})
    asked, job = {"answers": answers, **of}, read_answering(workspace, identifier)
    if job is not None and job.state == "going" and job.parameters != asked:
        raise SourceRefused(
            f"The answers to {job.parameters['photos']} are being written there.",
            "Wait until they are, or name another file.",
        )
    if anew or job is None or (job.state, job.parameters) != ("done", asked):
        folder = workspace.analysis_folder(identifier)
        start_job(workspace, folder, "core.registry.answering", asked)
    return identifier


def read_answering(workspace: Workspace, identifier: str) -> JobStatus | None:
    """Return how far a work is, with what `execute_answering` makes of it; None: there is none."""
    job = read_job(workspace.analysis_folder(identifier))
    if job is not None and job.code == "job_ended":
        remedy = "Go on: parts done are kept; the one that was in work is free after a minute."
        job = replace(job, remedy=remedy)
    return job if job is not None and "answers" in job.parameters else None


def execute_answering(folder: Path) -> None:
    """Do the work that the job.json in the folder describes, and write its events."""
    os.nice(5)  # pages that are looked at meanwhile come first

    def work(asked: Mapping[str, Any], tell: Tell) -> Mapping[str, Any]:
        last, same = -1, 0

        def tell_photos(reached: Progress) -> None:
            nonlocal last, same
            if is_to_stop(folder):
                raise RunStopped("It was stopped.", "Go on when you like: parts done are kept.")
            last, same = reached.done, same + 1 if reached.done == last else 0
            if same > 1:  # once is the end of a part
                tell("waiting a minute at most for a part begun before", *reached)
            elif reached.done % (reached.total // _MOST_TOLD + 1) == 0:
                tell("classifying photos", *reached)

        workspace = open_workspace()
        tell("opening the model", 0, 0)
        predictor = open_named(workspace, asked["model"])
        tell("listing the photos", 0, 0)
        place = open_folder(asked["photos"], asked["answers"])
        said, problems = split_counts(answer_folder(workspace, predictor, place, tell_photos))
        rule, when = describe_rule(predictor.rule), datetime.now(UTC).isoformat(timespec="seconds")
        if predictor.is_blind:
            rule += " Whether a photo is like anything in training could not be told."
        return {"said": said, "problems": problems, "rule": rule, "when": when}

    run_job(folder, work)


if __name__ == "__main__":
    execute_answering(Path(sys.argv[1]))
