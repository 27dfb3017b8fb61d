"""The analysis against the truth: the sample's planted faults, all listed by its own list."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.datasets.quality.making import make_analysis
from core.datasets.quality.store import QualityResult, list_parameters, read_quality
from core.workspace import PROJECT_ROOT, Workspace
from data.dataset import Dataset
from data.importing import import_source
from models.weights import WeightsKind
from tests.conftest import open_copy
from tests.faults import read_faults
from tests.prepared import lend_sample

STAND_IN = PROJECT_ROOT.parent / "shared" / "weights" / "resnet50_standin_notop.h5"


@pytest.fixture(scope="module")
def sample(
    prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Workspace, Dataset]]:
    """A workspace with the sample and its features on the built-in weights."""
    root = tmp_path_factory.mktemp("sample") / "workspace"
    with pytest.MonkeyPatch.context() as patch, open_copy(None, root, patch) as workspace:
        lend_sample(prepared, workspace)
        yield workspace, import_source(workspace, "sample")


def analyse(workspace: Workspace, dataset: Dataset, weights: WeightsKind) -> QualityResult:
    parameters = list_parameters(workspace, dataset.id, weights)
    made = make_analysis(workspace, parameters, lambda *_progress: None)
    result = read_quality(workspace, dataset.id)
    assert result is not None and result.id == made["analysis"]
    return result


def count_found(dataset: Dataset, result: QualityResult) -> tuple[int, int, int]:
    """Return how many planted wrong labels are suspects, how many there are, and all suspects."""
    suspects = set(dataset.manifest["path"][result.photos["suspect"].to_numpy()])
    planted = {fault["path"] for fault in read_faults("wrong_labels")}
    return len(suspects & planted), len(planted), len(suspects)


@pytest.mark.slow
def test_planted_faults_of_the_sample(sample: tuple[Workspace, Dataset]) -> None:
    """All copies, all leaks and the broken file, none too many; most wrong labels even so.

    By the built-in weights, 4 of 6 wrong labels are found among 6 suspects.
    """
    workspace, dataset = sample
    result = analyse(workspace, dataset, "starter")
    paths = dataset.manifest["path"].to_numpy()
    exact = result.pairs[result.pairs["kind"] == "exact"]
    found = {frozenset(paths[[a, b]]) for a, b in exact[["a", "b"]].to_numpy()}
    planted = read_faults("exact_duplicates")
    assert found == {frozenset((twin["original"], twin["copy"])) for twin in planted}
    leaks = result.pairs[result.pairs["leak"]]
    leaking = {frozenset(paths[[a, b]]) for a, b in leaks[["a", "b"]].to_numpy()}
    across = [twin for twin in planted if twin["across_splits"]]
    assert leaking == {frozenset((twin["original"], twin["copy"])) for twin in across}
    assert dataset.set_aside["path"].tolist() == [
        fault["path"] for fault in read_faults("truncated")
    ]
    hits, all_planted, suspects = count_found(dataset, result)
    assert hits >= 4 and all_planted == 6
    assert suspects <= 11


@pytest.mark.slow
@pytest.mark.shared
def test_wrong_labels_of_the_sample(
    sample: tuple[Workspace, Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With weights that saw photos all six are found, and more than half of the suspects are."""
    if not Path(STAND_IN).exists():
        pytest.skip(f"the stand-in weights are not on this machine ({STAND_IN})")
    monkeypatch.setenv("PETALSCOPE_WEIGHTS", str(STAND_IN))
    workspace, dataset = sample
    result = analyse(workspace, dataset, "pretrained")
    hits, all_planted, suspects = count_found(dataset, result)
    assert hits == all_planted == 6
    assert suspects <= 11
