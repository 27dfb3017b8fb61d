"""Makes a small model as “Add a model” stores it: a backbone folder with a head of all outputs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from core.config import FRAMING, Framing
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.recipe.strategies import ADDED as ADDED_STRATEGY
from core.runs.store import RunRecord
from core.runs.training.executing import execute_run
from core.workspace import Workspace, digest_file, write_json
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from models.backbone import FACTS_FILE, NETWORK_FILE, BackboneFacts, backbone_id
from models.catalogue import ADDED
from models.dense import DenseHead, write_head
from models.weights import Weights
from tests.conftest import open_copy

WIDTH = 24
_SIDE = 28
KINDS = {"map": {}, "rows": {"has_map": False}, "scores": {"rows_are_scores": True}}
"""Models with a map, with rows alone, with scores alone."""


def make_added_model(
    workspace: Workspace,
    outputs: int,
    *,
    has_map: bool = True,
    rows_are_scores: bool = False,
    framing: Framing = FRAMING,
) -> BackboneFacts:
    """Store a model with random weights (colours RGB / 255) and return its facts."""
    name = f"{has_map}{rows_are_scores}{outputs}".encode().hex()
    weights = Weights(
        **{"name": ADDED, "file": None, "digest": name.ljust(64, "0"), "origin": "a test"},
        official=False,
        title="model.keras",
    )
    head = _draw_head(WIDTH, outputs)
    network = _draw_network(has_map, head if rows_are_scores else None)
    width = outputs if rows_are_scores else WIDTH
    if rows_are_scores:
        head = DenseHead(
            kernels=(np.eye(outputs, dtype=np.float32),),
            biases=(np.zeros(outputs, np.float32),),
            mean=np.zeros(outputs, np.float32),
            scale=np.ones(outputs, np.float32),
        )
    identifier = backbone_id(weights, "unit", framing)
    folder = workspace.backbone_folder(identifier)
    folder.mkdir(parents=True)
    ov.save_model(network, folder / NETWORK_FILE, compress_to_fp16=False)
    write_head(head, folder / "head.npz")
    facts = BackboneFacts(
        id=identifier,
        weights_kind=ADDED,
        weights_label=weights.label,
        weights_digest=weights.digest,
        preprocessing="unit",
        precision="f32",
        cosine=1.0,
        files={file.name: digest_file(file) for file in sorted(folder.iterdir())},
        framing=framing,
        width=width,
        has_map=has_map and not rows_are_scores,
        rows_are="scores" if rows_are_scores else "features",
        parity=0.0,
    )
    write_json(folder / FACTS_FILE, facts.describe())
    return facts


def make_added_recipe(dataset: Dataset, model: BackboneFacts, outputs: tuple[int, ...]) -> Recipe:
    """Return the recipe of a run of the model on a dataset."""
    return Recipe(
        dataset=dataset.id,
        weights=ADDED,
        weights_digest=model.weights_digest,
        preprocessing=model.preprocessing,
        framing=model.framing.how,
        strategy=ADDED_STRATEGY,
        outputs=outputs,
    )


def run_added_model(workspace: Workspace, **kind: Any) -> RunRecord:
    """Return the finished run of such a model on the first dataset, with an output too many."""
    dataset = read_dataset(workspace, list_datasets(workspace)[0].id)
    classes = len(dataset.classes)
    model = make_added_model(workspace, classes + 1, **kind)
    recipe = make_added_recipe(dataset, model, tuple(range(classes)))
    run = execute_run(workspace, submit_run(workspace, recipe, "from Colab")[0].id)
    assert run.state == "done", run.problem
    return run


@contextmanager
def open_added(source: Workspace, temporary: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Yield a copy of a workspace, which the settings point to, for the tests of a file."""
    root = temporary.mktemp("added") / "workspace"
    with pytest.MonkeyPatch.context() as patch, open_copy(source, root, patch) as opened:
        yield opened


def _draw_head(width: int, outputs: int) -> DenseHead:
    rng = np.random.default_rng(outputs)
    return DenseHead(
        kernels=(rng.normal(size=(width, outputs)).astype(np.float32),),
        biases=(rng.normal(size=outputs).astype(np.float32),),
        mean=np.zeros(width, np.float32),
        scale=np.full(width, 0.3, np.float32),
    )


def _draw_network(has_map: bool, head: DenseHead | None) -> ov.Model:
    """Return photos → a convolution of 28 px = map → its mean = rows; with a head log scores."""
    photos = ops.parameter([-1, 224, 224, 3], np.uint8, name="photos")
    unit = ops.multiply(ops.convert(photos, "f32"), np.float32(1 / 255))
    channels_first = ops.transpose(unit, np.array([0, 3, 1, 2]))
    kernel = np.random.default_rng(0).normal(0, 0.02, (WIDTH, 3, _SIDE, _SIDE)).astype(np.float32)
    seen = ops.relu(ops.convolution(channels_first, kernel, [_SIDE] * 2, [0, 0], [0, 0], [1, 1]))
    rows = ops.reduce_mean(seen, np.array([2, 3]), keep_dims=False)
    if head is not None:
        logits = ops.matmul(ops.divide(rows, head.scale), head.kernels[0], False, False)
        return ov.Model([ops.log_softmax(ops.add(logits, head.biases[0]), 1)], [photos])
    maps = [ops.transpose(seen, np.array([0, 2, 3, 1]))] if has_map else []
    return ov.Model([*maps, rows], [photos], "added")
