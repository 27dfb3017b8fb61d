"""Networks that train stages: what is free, that tail and whole agree, what weights they leave."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from core.config import Framing
from core.workspace import Workspace
from data.images import read_packed_photo
from models.backbone import Backbone, BackboneFacts, open_backbone, read_facts
from models.head import read_array
from models.plan import FitPlan, HeadShape
from models.stages import StagesFit, Tuning
from models.weights import Weights, describe_weights, find_weights
from models.weights_file import check_weights_file
from tests.builders import draw_photo, encode_photo

SHAPE = HeadShape(n_classes=3)


def tuning(weights: Weights, **changes: Any) -> Tuning:
    """conv5 alone, with a head of three classes."""
    settings: dict[str, Any] = {"unfrozen": 1, "whole": False, "plan": FitPlan()} | changes
    return Tuning(weights=weights, preprocessing="resnet", half="", shape=SHAPE, **settings)


@pytest.fixture(scope="module")
def weights(trained_workspace: Workspace) -> Weights:
    return find_weights(trained_workspace, "random")


@pytest.fixture(scope="module")
def tail(weights: Weights) -> StagesFit:
    return StagesFit(tuning(weights))


@pytest.fixture(scope="module")
def activations(resnet_workspace: Workspace, resnet: Backbone, photos: np.ndarray) -> np.ndarray:
    trunk = open_backbone(resnet_workspace, resnet.facts.id, purpose="throughput", is_trunk=True)
    return np.concatenate(list(trunk.stream([photos[:8]])))


def test_only_conv5_and_the_head_are_free_and_no_normalisation(tail: StagesFit) -> None:
    free = {path.split("/")[-2] for path in (v.path for v in tail.model.trainable_variables)}
    assert {name[:5] for name in free} == {"conv5", "score"}
    assert not any(name.endswith("_bn") for name in free)
    assert "conv5_block1_0_conv" in free
    assert "conv5_block3_3_conv" in free


@pytest.mark.slow
def test_tail_and_whole_give_the_same_scores(
    tail: StagesFit, weights: Weights, activations: np.ndarray, photos: np.ndarray
) -> None:
    whole = StagesFit(tuning(weights, unfrozen=2, whole=True))
    free = {path.split("/")[-2][:5] for path in (v.path for v in whole.model.trainable_variables)}
    assert free == {"conv4", "conv5", "score"}
    from_photos = np.concatenate(list(whole.scores([photos[:8]], 8)))
    from_activations = np.concatenate(list(tail.scores([activations], 8)))
    # bf16 or float16 lie between them; softmax of features of a few tens.
    np.testing.assert_allclose(from_photos, from_activations, atol=0.05)
    assert (from_photos.argmax(axis=1) == from_activations.argmax(axis=1)).mean() > 0.8


@pytest.mark.slow
def test_a_small_last_batch_gets_the_scores_it_would_have_alone(
    tail: StagesFit, activations: np.ndarray
) -> None:
    all_at_once = np.concatenate(list(tail.scores([activations], 8)))
    in_parts = np.concatenate(list(tail.scores([activations[:5], activations[5:]], 5)))
    np.testing.assert_allclose(all_at_once, in_parts, atol=1e-5)


def test_the_weights_that_are_written_are_those_of_the_network(
    tail: StagesFit, weights: Weights, tmp_path: Path
) -> None:
    kernel = tail.resnet.get_layer("conv5_block3_3_conv").kernel
    kernel.assign(read_array(kernel) + 1)
    file = tmp_path / "weights.h5"
    tail.write_weights(file)
    check_weights_file(file)
    tuned = describe_weights(file, "this run", "fine-tuned")
    assert tuned.label == "fine-tuned"
    assert tuned.digest != weights.digest
    again = StagesFit(tuning(tuned))
    for one, other in zip(tail.resnet.weights, again.resnet.weights, strict=True):
        np.testing.assert_array_equal(read_array(one), read_array(other))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "licence unknown; photos as BGR minus ImageNet's mean"),
        (
            {"weights_kind": "starter"},
            "Built-in, licence: this program's; photos as BGR minus ImageNet's mean",
        ),
        (
            {"weights_label": "ImageNet", "preprocessing": "unit"},
            "ImageNet, licence: MIT; photos as RGB / 255",
        ),
        (
            {"weights_kind": "added", "weights_label": "cat.h5", "preprocessing": "signed"},
            "cat.h5, your own model; photos as RGB from −1 to 1",
        ),
    ],
)
def test_it_names_weights_licence_and_colours(changes: dict[str, Any], said: str) -> None:
    values: dict[str, Any] = {
        "id": "0",
        "weights_kind": "pretrained",
        "weights_label": "fine-tuned",
        "weights_digest": "1",
        "preprocessing": "resnet",
        "precision": "f32",
        "cosine": 1.0,
        "files": {},
    }
    facts = BackboneFacts(**values | changes)
    assert facts.origin == said
    assert facts.describe() == values | changes
    assert read_facts(facts.describe() | {"width": 24, "has_map": False}).width == 24


@pytest.mark.parametrize("size", [(300, 200), (97, 301)])
def test_a_photo_is_squeezed_as_by_tensorflow(size: tuple[int, int]) -> None:
    photo = draw_photo(0, 1, size)
    wanted = keras.ops.image.resize(np.asarray(photo, np.float32), (224, 224), antialias=False)
    packed, _ = read_packed_photo(encode_photo(photo, "PNG"), Framing(how="squeeze"))
    differences = np.abs(packed - np.asarray(wanted))
    assert (differences <= 1).mean() > 0.99 and differences.max() < 1.01
