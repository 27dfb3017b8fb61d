"""What a backbone says of the weights that it began from."""

from typing import Any

import pytest

from models.backbone import BackboneFacts


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
    assert BackboneFacts(**values | changes).origin == said
