"""Makes the OpenVINO backbone from the Keras one, once for each weights and preprocessing (keras).

The folder gets its name when everything in it is complete. The precision is chosen then: bf16 where
this CPU computes it natively and the features keep their cosine with those in f32, else f32.
"""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from core.workspace import Workspace, digest_file, make_folder_atomically
from models.backbone import (
    FACTS_FILE,
    NETWORK_FILE,
    BackboneFacts,
    OpenVinoBackbone,
    Precision,
    Preprocessing,
    backbone_exists,
    backbone_id,
    compile_network,
    offered_precisions,
)
from models.keras_backbone import build_backbone
from models.probing import COSINE_LIMIT, compare_features, draw_probe_photos
from models.weights import Weights

_STEPS = 3


def make_backbone(
    workspace: Workspace,
    weights: Weights,
    preprocessing: Preprocessing,
    on_progress: Callable[[int, int], None] | None = None,
) -> str:
    """Returns the id of the backbone, which stands in the workspace; made now if it did not (6 s).

    Args:
        on_progress: Told the steps done and the steps in all.
    """
    report = on_progress or _report_nothing
    identifier = backbone_id(weights, preprocessing)
    if backbone_exists(workspace, identifier):
        report(_STEPS, _STEPS)
        return identifier
    target = workspace.backbone_folder(identifier)
    shutil.rmtree(target, ignore_errors=True)  # what is there is damaged
    with make_folder_atomically(target) as folder:
        report(0, _STEPS)
        model = build_backbone(weights, preprocessing)
        report(1, _STEPS)
        model.export(str(folder / NETWORK_FILE), format="openvino", verbose=False)
        report(2, _STEPS)
        facts = _describe(folder, weights, preprocessing)
        (folder / FACTS_FILE).write_text(json.dumps(dataclasses.asdict(facts), indent=1))
    report(_STEPS, _STEPS)
    return identifier


def _describe(folder: Path, weights: Weights, preprocessing: Preprocessing) -> BackboneFacts:
    facts = BackboneFacts(
        id=backbone_id(weights, preprocessing),
        weights_kind=weights.kind,
        weights_label=weights.label,
        weights_digest=weights.digest,
        preprocessing=preprocessing,
        precision="f32",
        cosine=1.0,
        files={file.name: digest_file(file) for file in sorted(folder.iterdir())},
    )
    fastest = offered_precisions()[0]
    if fastest == "f32":
        return facts
    cosine = _measure_cosine(folder / NETWORK_FILE, facts, fastest)
    if not cosine >= COSINE_LIMIT:
        return facts
    return dataclasses.replace(facts, precision=fastest, cosine=cosine)


def _measure_cosine(network: Path, facts: BackboneFacts, precision: Precision) -> float:
    photos = draw_probe_photos()
    exact, fast = (
        OpenVinoBackbone(facts, compile_network(network, kind, "throughput")).look(photos).features
        for kind in ("f32", precision)
    )
    return compare_features(fast, exact)


def _report_nothing(done: int, total: int) -> None:
    """Serves callers who do not watch."""
