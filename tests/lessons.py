"""A workspace in which all steps of the lesson have a picture and a question."""

from core.datasets.edits.tray import add_edits, apply_edits
from core.exact.store import find_judged_source, prepare_curve
from core.runs.queue.queue import submit_run
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from tests.training import make_recipe, train


def prepare_lesson(workspace: Workspace) -> Dataset:
    """Return a dataset of the trained workspace with the runs and the curve of the lesson.

    Some validation photos are of another class than they show, so that something is confused;
    twenty at least judge, so that a threshold can be asked for.
    """
    parent = read_dataset(workspace, list_datasets(workspace)[-1].id)
    photos = parent.photo_numbers("validation")
    moved = photos[parent.labels[photos] == 0][:2]
    add_edits(workspace, parent, moved, "relabel", parent.classes[1])
    judging = [*parent.photo_numbers("test"), *parent.photo_numbers("train")[::2]]
    add_edits(workspace, parent, judging, "move", "validation")
    dataset = apply_edits(workspace, parent)
    for strategy in ("head", "exact"):
        recipe = make_recipe(workspace, dataset.id, strategy=strategy)
        assert train(workspace, submit_run(workspace, recipe)[0]).state == "done"
    prepare_curve(workspace, find_judged_source(workspace, dataset), lambda *_: None)
    return dataset
