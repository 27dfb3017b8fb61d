"""The model that is exported, and the formats it can be exported in.

A model is named “v3” for a registered version, or by the id of a finished run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

from core.config import fingerprint
from core.errors import FeaturesMissing
from core.prediction.choosing import find_rule, read_distances
from core.prediction.deciding import DecisionRule, rule_to_facts
from core.prediction.predictor import name_remedy
from core.prediction.unlike import UnlikeModel
from core.registry.loading import find_number, read_head
from core.registry.store import ModelVersion, check_files, read_file, read_unlike, read_version
from core.runs.result import RunResult, digest_result, read_result, read_run_head
from core.runs.store import read_run
from core.workspace import Workspace
from models.backbone import NETWORK_FILE, BackboneFacts, read_backbone_facts, read_facts
from models.dense import DenseHead


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """All that decides the answers of a model."""

    model: str
    """“v3”, or the id of a run."""
    name: str
    run_id: str
    dataset_id: str
    classes: tuple[str, ...]
    network_file: Path
    """Of the backbone in float32, OpenVINO (.xml)."""
    backbone: BackboneFacts
    head: DenseHead
    rule: DecisionRule | None
    unlike: UnlikeModel | None
    """None: whether a photo is like any in training is not looked at."""

    @property
    def title(self) -> str:
        """The name, with the number of a version."""
        return self.name if find_number(self.model) is None else f"{self.model} · {self.name}"


def digest_subject(workspace: Workspace, model: str) -> str:
    """Return what stands for all that decides the answers of a model.

    Raises:
        VersionMissing: No version has that number.
        RunMissing: No run has that id.
        RunUnfinished: The run has no result (yet).
    """
    number = find_number(model)
    if number is not None:
        return read_version(workspace, number).digest
    read_run(workspace, model)
    rule = find_rule(workspace, model, read_result(workspace, model))
    kept = rule and rule_to_facts(rule) | {"made": ""}
    return fingerprint({"result": digest_result(workspace, model), "rule": kept})


@contextmanager
def open_subject(workspace: Workspace, model: str) -> Iterator[Subject]:
    """Yield the model; its network file is there until the block ends.

    Raises:
        VersionMissing: No version has that number.
        VersionDamaged: A byte of the version was changed.
        RunMissing: No run has that id.
        RunUnfinished: The run has no result (yet).
        ResultDamaged: Its result was cut short or altered.
        BackboneMissing: Its backbone is not in the workspace, or was altered.
        FeaturesMissing: The rule wants to know unlike photos, but the features behind it are gone.
    """
    number = find_number(model)
    if number is None:
        yield _read_run_subject(workspace, model)
        return
    version = check_files(workspace, number)
    with TemporaryDirectory(prefix="export-", dir=workspace.temporary) as folder:
        network = Path(folder) / NETWORK_FILE
        network.write_bytes(read_file(workspace, version, "network"))
        network.with_suffix(".bin").write_bytes(read_file(workspace, version, "weights"))
        yield _read_version_subject(workspace, version, network)


def _read_run_subject(workspace: Workspace, run_id: str) -> Subject:
    run, result = read_run(workspace, run_id), read_result(workspace, run_id)
    with name_remedy(workspace, run_id):
        backbone = read_backbone_facts(workspace, result.backbone_id)
    rule = find_rule(workspace, run_id, result)
    wanted = rule is not None and rule.unlike_limit is not None
    return Subject(
        model=run_id,
        name=run.name,
        run_id=run_id,
        dataset_id=result.dataset_id,
        classes=result.classes,
        network_file=workspace.backbone_folder(backbone.id) / NETWORK_FILE,
        backbone=backbone,
        head=read_run_head(workspace, run_id),
        rule=rule,
        unlike=_read_unlike(workspace, run_id, result) if wanted else None,
    )


def _read_unlike(workspace: Workspace, run_id: str, result: RunResult) -> UnlikeModel:
    try:
        return read_distances(workspace, run_id, result).model
    except FeaturesMissing as error:
        raise FeaturesMissing(
            "The rule of this run looks for photos unlike its training photos, but the features "
            "behind that are gone: the export would answer otherwise than its rule says.",
            f"{error.remedy} Or keep a rule without that: page Calibration.",
            **error.facts,
        ) from error


def _read_version_subject(workspace: Workspace, version: ModelVersion, network: Path) -> Subject:
    facts = version.facts
    backbone = read_facts(facts["backbone"])
    rule = version.rule
    wanted = rule is not None and rule.unlike_limit is not None
    return Subject(
        model=version.label,
        name=version.name,
        run_id=version.run_id,
        dataset_id=version.dataset_id,
        classes=version.classes,
        network_file=network,
        backbone=backbone,
        head=read_head(workspace, version),
        rule=rule,
        unlike=read_unlike(workspace, version) if wanted else None,
    )


Format = Literal["keras", "savedmodel", "onnx", "litert", "openvino"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True)
class FormatFacts:
    """What people want to know of a format."""

    label: str
    path: str
    """Where the model stands in the zip."""
    purpose: str
    reads: str
    """What whoever uses it installs."""
    extras: tuple[str, ...] = ()
    """Packages beyond those of the program that writing it needs."""


FACTS: dict[str, FormatFacts] = {
    "keras": FormatFacts(
        "Keras", "keras/model.keras", "Keras 3, also to train it further", "tensorflow keras"
    ),
    "savedmodel": FormatFacts(
        "SavedModel",
        "savedmodel/1",
        "TensorFlow Serving, and TensorFlow without Keras",
        "tensorflow",
    ),
    "onnx": FormatFacts(
        "ONNX",
        "onnx/model.onnx",
        "ONNX Runtime in most languages, also in a browser",
        "onnxruntime",
        extras=("onnx",),
    ),
    "litert": FormatFacts(
        "LiteRT",
        "litert/model.tflite",
        "phones and small devices (formerly TensorFlow Lite)",
        "ai-edge-litert",
    ),
    "openvino": FormatFacts(
        "OpenVINO", "openvino/model.xml", "CPUs, fast: what this program answers with", "openvino"
    ),
}


def list_missing(name: str) -> list[str]:
    """Return the packages that writing this format needs and that are not installed."""
    return [package for package in FACTS[name].extras if find_spec(package) is None]
