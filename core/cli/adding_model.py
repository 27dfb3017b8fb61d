"""`add-model`: a model of another program becomes a run."""

from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from core.cli.choosing import DATASET_HELP, read_chosen
from core.cli.command import command, flag, option
from core.cli.outcome import Outcome, ProgressLine
from core.cli.training import finish_run
from core.runs import adding_models
from core.runs.following import RunFollower
from core.runs.output_orders import Origin
from core.runs.trying import FRAMINGS, try_model
from core.workspace import Workspace
from models.graph import CONVENTIONS


@command(
    option("file", "model: .keras, .h5 or .onnx, or a folder or .zip with one", Path),
    option("--dataset DATASET", DATASET_HELP, required=True),
    option("--name", "name of the run; default: the name of the file"),
    option(
        "--preprocessing", "colours that the model expects (default: tried)", choices=[*CONVENTIONS]
    ),
    option("--framing", "how photos become square (default: tried)", choices=[*FRAMINGS]),
    option("--order", "order of the outputs (default: tried)", choices=get_args(Origin)),
    flag("--queue", "let the scheduler's worker compute the scores"),
)
def add_model(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Add a model of another program as a run."""
    dataset = read_chosen(workspace, given)
    with TemporaryDirectory(prefix="model-", dir=workspace.temporary) as folder:
        opened, proposal = try_model(
            given.file.expanduser(), Path(folder), dataset, progress.advance
        )
        choice = proposal.choose(given.preprocessing, given.framing, given.order)
        for line in (
            *proposal.describe(),
            *proposal.explain_order(choice.outputs, dataset.classes),
        ):
            progress.note(line)
        for photo, answer in proposal.mistakes[:3]:
            true, predicted = (dataset.classes[one] for one in (dataset.labels[photo], answer))
            progress.note(f"Wrong: {dataset.manifest['path'].iloc[photo]}, {true} → {predicted}")
        added = adding_models.add_model(workspace, dataset, opened, choice, given.name or "")
    run, is_new, parity = added
    progress.note(parity)
    follower = RunFollower(workspace.run_folder(run.id), progress, 1)
    return finish_run(workspace, follower, run, is_new, in_queue=given.queue)
