"""The work of each kind of background job: `python -m core.jobs KIND FOLDER` does one.

`core.runs.jobs` starts a job and reads how far it is. The work is a function of the workspace, the
job's parameters and `report`; it returns the job's result.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from core.runs.jobs import Report, run_job
from core.workspace import open_workspace

WORK = {
    "exact": "core.exact.store:make_analysis",
    "export": "core.exporting.making:do_export",
    "import": "core.datasets.importing:import_photos",
    "model": "core.runs.adding_models:try_in_job",
    "quality": "core.datasets.quality.making:make_analysis",
    "weights": "core.runs.jobs:fetch_weights",
}
"""Named, not imported: a job loads only its own room."""


def main(kind: str, folder: Path) -> None:
    """Do the job of a folder in this process."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.nice(5)  # open pages come first

    def work(parameters: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
        return resolve_name(WORK[kind])(open_workspace(), parameters, report)  # type: ignore[no-any-return]

    run_job(folder, work)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
