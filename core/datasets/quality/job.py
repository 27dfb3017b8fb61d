"""The job of an analysis: `python -m core.datasets.quality.job FOLDER`, started by `store`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.runs.jobs import Tell, run_job
from core.workspace import open_workspace


def main(folder: Path) -> None:
    """Makes the analysis that the job.json in the folder describes."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.nice(5)  # pages that are looked at meanwhile come first

    def work(parameters: Mapping[str, Any], tell: Tell) -> Mapping[str, Any]:
        tell("starting", 0, 0)
        from core.datasets.quality.making import make_analysis

        return {"analysis": make_analysis(open_workspace(), parameters, tell)}

    run_job(folder, work)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
