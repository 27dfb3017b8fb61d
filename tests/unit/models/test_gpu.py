"""On a GPU, with each backend that is installed: `make test-gpu`. Elsewhere skipped, with why.

`PETALSCOPE_DEVICE=cpu make test-gpu` rehearses them on the CPU.
"""

import os
from pathlib import Path

import pytest

from core.runs.recipe.strategies import STRATEGIES, StrategyName
from core.workspace import Workspace
from models.devices import find_device
from tests.bench.measuring import call_in_child
from tests.training import change_recipe
from tests.unit.models.test_backends import BACKENDS, call, losses

DEVICE = "cpu" if os.environ.get("PETALSCOPE_DEVICE") == "cpu" else "gpu"
pytestmark = [pytest.mark.gpu, pytest.mark.slow]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("KERAS_BACKEND", request.param)
    monkeypatch.setenv("PETALSCOPE_DEVICE", "cpu" if DEVICE == "cpu" else "auto")
    device = find_device()
    if device.kind != DEVICE:
        pytest.skip(f"the CPU is used: {device.reason}")
    return str(request.param)


def test_learning_is_exact_and_features_are_those_of_the_cpu(backend: str, tmp_path: Path) -> None:
    one, other = (
        call("tests.backends", str(tmp_path / name), backend, tmp_path, DEVICE)
        for name in ("one", "other")
    )
    assert one["device"]["kind"] == DEVICE
    assert one["device"]["memory_bytes"]
    assert one["cosine"] > 0.999
    for kind in ("head", "last_stage"):
        assert losses(one[kind])[-1] < losses(one[kind])[0]
        assert losses(one[kind]) == losses(other[kind])
    assert losses(one["head_again"]) == losses(one["head"])


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("computing", ["exact", "fast"])
def test_each_strategy_trains(
    backend: str, strategy: StrategyName, computing: str, resnet_copy: Workspace
) -> None:
    recipe = change_recipe(
        resnet_copy,
        strategy=strategy,
        computing=computing,
        precision="mixed",
        head_epochs=1,
        seed=BACKENDS.index(backend) + 1,
    )
    (run,), _ = call_in_child(
        "tests.bench.train", "train_runs", resnet_copy, [recipe], warm=False, anew=True
    )
    assert len(run.history) == recipe.epochs
