"""The backbone in 8-bit integers, “fast”: made by NNCF from the usual one, for CPUs."""

import contextlib
import dataclasses
import io
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import openvino as ov

from core.errors import ExtraMissing
from core.workspace import Workspace, digest_file, make_folder_atomically, write_json
from models.backbone import FACTS_FILE, NETWORK_FILE, BackboneFacts


def round_backbone(
    workspace: Workspace, usual: BackboneFacts, backbone_id: str, photos: np.ndarray
) -> None:
    """Write the backbone of this id: the usual one, its convolutions but the first in int8.

    Raises:
        ExtraMissing: NNCF is not installed.
    """
    rounded = _round(workspace.backbone_folder(usual.id) / NETWORK_FILE, photos)
    target = workspace.backbone_folder(backbone_id)
    shutil.rmtree(target, ignore_errors=True)  # what is there is damaged
    with make_folder_atomically(target) as folder:
        ov.save_model(rounded, folder / NETWORK_FILE, compress_to_fp16=False)
        files = {file.name: digest_file(file) for file in sorted(folder.iterdir())}
        facts = dataclasses.replace(usual, id=backbone_id, files=files, rounded_from=usual.id)
        facts = dataclasses.replace(facts, precision="int8", cosine=0.0)  # not judged yet
        write_json(folder / FACTS_FILE, facts.describe())


def _round(network_file: Path, photos: np.ndarray) -> ov.Model:
    os.environ["NNCF_CI"] = "1"  # else it tells its makers of each use
    try:
        import nncf
        from nncf.quantization.range_estimator import RangeEstimatorParametersSet as Ranges
    except ImportError as error:
        raise ExtraMissing(
            "Rounding a network to 8-bit integers needs what is not installed: nncf.",
            "Install it (pip install nncf), or choose the usual speed.",
            packages=["nncf"],
        ) from error
    nncf.set_log_level(logging.ERROR)  # to standard output, as its bar: programs read JSON there
    network = ov.Core().read_model(network_file)
    nodes = network.get_ordered_ops()
    first = next(node for node in nodes if node.get_type_name() == "Convolution")
    with contextlib.redirect_stdout(io.StringIO()):
        return nncf.quantize(
            network,
            nncf.Dataset([np.ascontiguousarray(photo[None]) for photo in photos]),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(photos),
            # Measured: two thirds as far from the usual features, for a tenth more time.
            ignored_scope=nncf.IgnoredScope(names=[first.get_friendly_name()]),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=Ranges.MINMAX
            ),
        )


def keep_judgement(
    workspace: Workspace, facts: BackboneFacts, judged: dict[str, int], cosine: float
) -> BackboneFacts:
    """Return the facts of a backbone in int8 with what was counted, after they were written."""
    known = dataclasses.replace(facts, judged=judged, cosine=cosine)
    write_json(workspace.backbone_folder(facts.id) / FACTS_FILE, known.describe())
    return known
