"""The job of an export: `python -m core.exporting.job FOLDER`, started by core.exporting.store."""

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.runs.jobs import Tell, run_job
from core.workspace import open_workspace


def main(folder: Path) -> None:
    """Makes the export that the job.json in the folder describes."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.nice(5)  # pages that are looked at meanwhile come first

    def work(parameters: Mapping[str, Any], tell: Tell) -> Mapping[str, Any]:
        tell("starting", 0, 0)
        from core.exporting.keeping import make_export
        from core.exporting.store import make_wish

        wish = make_wish(**parameters)
        return asdict(make_export(open_workspace(), wish, tell)) | {"created": ""}

    run_job(folder, work)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
