"""A registered version ready to answer: every byte of it is checked before it is used."""

import re
from functools import partial

import openvino as ov

from core.errors import NetworkUnsupported, PetalscopeError, VersionDamaged
from core.kept import unpack_arrays
from core.prediction.predictor import Predictor, open_predictor
from core.prediction.rules import FrozenRule
from core.registry.events import ModelEvent, list_events, list_former, record_event
from core.registry.files import damaged, read_file
from core.registry.store import (
    ModelVersion,
    check_version,
    find_version,
    open_first,
    read_unlike,
    read_version,
)
from core.workspace import Workspace
from models.backbone import Backbone, Purpose, compile_model, read_facts, suit_machine
from models.dense import DenseHead, make_head


def find_number(model: str) -> int | None:
    """Return the number in the name of a version (“v3”); None for a run."""
    match = re.fullmatch(r"v(\d{1,9})", model)
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
    try:
        rule = version.rule
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(version, "Its rule was altered") from error
    frozen = FrozenRule(rule, read_unlike(workspace, version), version.classes)
    backbone = _open_backbone(workspace, version, purpose)
    read_file(workspace, version, "reference")  # checked, though no answer needs it
    return Predictor(version.run_id, version.classes, backbone, head, frozen, version)


def open_standing(workspace: Workspace) -> tuple[Predictor, PetalscopeError | None]:
    """Return the predictor of the champion, else of the newest former champion that loads.

    With it comes the damage of the champion; None: it answers itself.

    Raises:
        VersionMissing: There is no champion.
        VersionDamaged: It is damaged, and no former champion loads either.
    """
    wanted = find_version(workspace, "champion").number
    numbers = (wanted, *list_former(workspace, but=wanted))
    predictor, faults = open_first(numbers, partial(open_version, workspace))
    problem = next(iter(faults.values()), None)
    if predictor is None:
        assert problem is not None
        raise problem
    if problem is not None and not workspace.read_only:
        assert predictor.version is not None
        report_refusal(workspace, wanted, problem, instead=predictor.version.number)
    return predictor, problem


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
    event = ModelEvent("refused", number, instead, reason=problem.problem, facts=facts)
    record_event(workspace, event)


def read_head(workspace: Workspace, version: ModelVersion) -> DenseHead:
    """Return the head of a version."""
    return make_head(unpack_arrays(read_file(workspace, version, "head")))


def _open_backbone(workspace: Workspace, version: ModelVersion, purpose: Purpose) -> Backbone:
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
    return Backbone(facts, compile_model(network, facts.precision, purpose))
