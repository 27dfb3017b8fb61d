"""The means of each stage are those of the trunk and of the features, on every graph."""

import numpy as np

from core.workspace import Workspace
from models.backbone import Backbone, open_trunk
from models.extraction import STAGE_WIDTHS, stream_stages
from models.keras_backbone import compare_features


def test_stages_four_and_five_are_the_trunk_and_the_features(
    trained_workspace: Workspace, backbone: Backbone, photos: np.ndarray
) -> None:
    some = photos[:11]
    parts = list(stream_stages(trained_workspace, backbone.facts.id, [some[:8], some[8:]]))
    means = [np.concatenate(stage) for stage in zip(*parts, strict=True)]
    assert [one.shape for one in means] == [(11, width) for width in STAGE_WIDTHS]
    (last_maps,) = open_trunk(trained_workspace, backbone.facts.id).stream([some[:8]])
    conv4 = last_maps.astype(np.float32).mean(axis=(1, 2))
    assert compare_features(means[3][:8], conv4) > 0.999
    assert compare_features(means[4], backbone.look(some).features) > 0.999
    assert all(one.std(axis=0).max() > 0 for one in means)
