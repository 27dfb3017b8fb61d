"""Transfer is real: on flower_photos, weights that have seen photos beat random ones by far."""

import tarfile
from pathlib import Path

import pytest

from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.workspace import PROJECT_ROOT, Workspace
from data.importing import import_source
from models.weights import find_weights
from tests.training import train

SHARED = PROJECT_ROOT.parent / "shared"
PHOTOS = SHARED / "data" / "flower_photos.tgz"
WEIGHTS = SHARED / "weights" / "resnet50_standin_notop.h5"
PER_CLASS = 45


def unpack_some(archive: Path, folder: Path) -> Path:
    """Write the first photos of each class and returns the folder."""
    taken: dict[str, int] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).parent.name
            if member.isfile() and taken.get(name, 0) < PER_CLASS:
                taken[name] = taken.get(name, 0) + 1
                tar.extract(member, folder, filter="data")
    return folder


@pytest.mark.slow
@pytest.mark.shared
def test_pretrained_weights_beat_random_ones(
    trained_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for needed in (PHOTOS, WEIGHTS):
        if not needed.exists():
            pytest.skip(f"not on this machine: {needed}")
    monkeypatch.setenv("PETALSCOPE_WEIGHTS", str(WEIGHTS))
    workspace = trained_copy  # the backbone of random weights is made
    dataset = import_source(workspace, unpack_some(PHOTOS, tmp_path / "photos"))
    accuracy = {}
    for kind in ("pretrained", "random"):
        weights = find_weights(workspace, kind)
        recipe = Recipe(dataset=dataset.id, weights=kind, weights_digest=weights.digest)
        run = train(workspace, submit_run(workspace, recipe)[0])
        assert run.state == "done", run.problem
        assert run.best_val_accuracy is not None
        accuracy[kind] = run.best_val_accuracy
    assert accuracy["pretrained"] > 0.65
    assert accuracy["pretrained"] > accuracy["random"] + 0.1
