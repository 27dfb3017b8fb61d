"""A registered version ready to answer: every byte of it is checked before it is used."""

import logging
import re
from dataclasses import dataclass

import openvino as ov

from core.errors import NetworkUnsupported, PetalscopeError, VersionDamaged, VersionMissing
from core.prediction.deciding import DecisionRule
from core.prediction.predictor import Predictor, open_predictor
from core.prediction.rules import FrozenRule
from core.registry.events import list_events, list_former, record_event
from core.registry.files import damaged, read_file, unpack_arrays
from core.registry.store import (
    Alias,
    ModelVersion,
    check_version,
    find_version,
    read_unlike,
    read_version,
)
from core.workspace import Workspace
from models.backbone import (
    OpenVinoBackbone,
    Purpose,
    compile_model,
    read_facts,
    suit_machine,
)
from models.dense import DenseHead

_log = logging.getLogger(__name__)
_VERSION = re.compile(r"v(\d{1,9})")


@dataclass(frozen=True, kw_only=True, eq=False)
class Standing:
    """The predictor for an alias: its version, or a former champion where that one is damaged."""

    predictor: Predictor
    wanted: int
    """Number of the version that the alias names."""
    problem: PetalscopeError | None = None
    """The damage of that version; None: it answers itself."""


def find_number(model: str) -> int | None:
    """Return the number in the name of a version (“v3”); None for a run."""
    match = _VERSION.fullmatch(model)
    return int(match[1]) if match else None


def open_named(workspace: Workspace, model: str) -> Predictor:
    """Return the predictor of a version (“v3”) or of a run, by its id."""
    number = find_number(model)
    if number is None:
        return open_predictor(workspace, model)
    return open_version(workspace, number)


def open_version(workspace: Workspace, number: int, purpose: Purpose = "latency") -> Predictor:
    """Return the predictor of a version, compiled for one photo at a time or for many.

    Raises:
        VersionMissing: No version has that number.
        VersionDamaged: A byte of its files or of its row was changed, a file is missing, or its
            network is not supported any more.
    """
    version = check_version(read_version(workspace, number))
    head = read_head(workspace, version)
    rule = FrozenRule(_read_rule(version), read_unlike(workspace, version), version.classes)
    backbone = _open_backbone(workspace, version, purpose)
    read_file(workspace, version, "reference")  # checked, though no answer needs it
    return Predictor(version.run_id, version.classes, backbone, head, rule, version)


def open_standing(workspace: Workspace, alias: Alias = "champion") -> Standing:
    """Return the predictor for the alias: its version, else the newest former champion that loads.

    Raises:
        VersionMissing: The alias names no version.
        VersionDamaged: Its version is damaged, and no former champion loads either.
    """
    wanted = find_version(workspace, alias).number
    problem: PetalscopeError | None = None
    for number in (wanted, *list_former(workspace, but=wanted)):
        try:
            predictor = open_version(workspace, number)
        except (VersionDamaged, VersionMissing) as error:
            _log.error("v%d is refused: %s", number, error)
            problem = problem or error
            continue
        if problem is not None and not workspace.read_only:
            report_refusal(workspace, wanted, problem, instead=number)
        return Standing(predictor=predictor, wanted=wanted, problem=problem)
    assert problem is not None
    raise problem


def report_refusal(
    workspace: Workspace, number: int, problem: PetalscopeError, *, instead: int | None
) -> None:
    """Record once that a damaged version was refused."""
    facts = {"code": problem.code, "problem": problem.problem, "instead": instead}
    for event in list_events(workspace, kinds=("promoted", "rolled_back", "refused")):
        if event.kind != "refused":
            break  # the champion has changed since
        if event.version == number and event.facts == facts:
            return
    record_event(
        workspace, "refused", version=number, former=instead, reason=problem.problem, facts=facts
    )


def read_head(workspace: Workspace, version: ModelVersion) -> DenseHead:
    """Return the head of a version."""
    arrays = unpack_arrays(read_file(workspace, version, "head"))
    layers = range((len(arrays) - 2) // 2)
    return DenseHead(
        kernels=tuple(arrays[f"kernel_{layer}"] for layer in layers),
        biases=tuple(arrays[f"bias_{layer}"] for layer in layers),
        mean=arrays["mean"],
        scale=arrays["scale"],
    )


def _read_rule(version: ModelVersion) -> DecisionRule | None:
    try:
        return version.rule
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(version, "Its rule was altered") from error


def _open_backbone(
    workspace: Workspace, version: ModelVersion, purpose: Purpose
) -> OpenVinoBackbone:
    try:
        facts = suit_machine(read_facts(version.facts["backbone"]))
    except NetworkUnsupported as error:  # a former champion may answer
        raise VersionDamaged(
            f"{version.label} is refused. {error.problem}", error.remedy
        ) from error
    network = ov.Core().read_model(
        model=read_file(workspace, version, "network"),
        weights=read_file(workspace, version, "weights"),
    )
    return OpenVinoBackbone(facts, compile_model(network, facts.precision, purpose))
