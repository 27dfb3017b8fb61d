"""Registering a finished run: the version is a frozen copy of all that its answers need.

It stays when the run or its dataset is deleted.
"""

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, select, update

from core.errors import RunUnfinished
from core.kept import pack_arrays
from core.prediction.deciding import DecisionRule, rule_to_facts
from core.prediction.predictor import name_remedy
from core.prediction.rules import find_rule, measure_rule, read_distances
from core.prediction.unlike import UNLIKE_VERSION
from core.registry.events import ModelEvent, insert_event
from core.registry.files import (
    FORMAT,
    WEIGHTS_SUFFIX,
    digest_facts,
    keep_bytes,
    pack_reference,
)
from core.registry.store import ModelVersion, is_row_whole, select_version, versions_table
from core.runs.database import write_database
from core.runs.locks import hold_lock
from core.runs.recipe.recipe import recipe_to_json
from core.runs.result import (
    RunResult,
    check_model,
    check_order,
    read_result,
    read_run_head,
    read_run_rows,
)
from core.runs.store import RunRecord, read_run
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from models.backbone import NETWORK_FILE, BackboneFacts, read_backbone_facts


def register_run(
    workspace: Workspace, run_id: str, *, name: str = "", who: str = ""
) -> ModelVersion:
    """Register a run with its rule of now, under its own name or `name`; return the version.

    Equal content is the same version; an altered file of it is written again.

    Raises:
        RunMissing: No run has that id.
        RunUnfinished: The run has no result (yet).
        ResultDamaged: Its result was cut short or altered.
        BackboneMissing: Its backbone is not in the workspace, or was altered.
        FeaturesMissing: The features behind its scores were removed or altered.
        DatasetMissing: Its dataset was deleted.
    """
    run = read_run(workspace, run_id)
    if run.state != "done":
        raise RunUnfinished(f"{run.name} is not finished.", "Register it when it is.", run=run_id)
    result = read_result(workspace, run_id)
    check_model(result, run_id)
    dataset = read_dataset(workspace, result.dataset_id)
    check_order(result, dataset)
    with name_remedy(workspace, run_id):
        backbone = read_backbone_facts(workspace, result.backbone_id)
    network = workspace.backbone_folder(backbone.id) / NETWORK_FILE
    features = read_run_rows(workspace, result)
    unlike, _ = read_distances(workspace, run_id, result)
    pieces = {
        "head": pack_arrays(read_run_head(workspace, run_id).arrays),
        "unlike": pack_arrays(dataclasses.asdict(unlike)),
        "reference": pack_reference(dataset, result, features),
        "network": network.read_bytes(),
        "weights": network.with_suffix(WEIGHTS_SUFFIX).read_bytes(),
    }
    with hold_lock(workspace.registry_lock):
        files = {role: keep_bytes(workspace, content) for role, content in pieces.items()}
        rule = find_rule(workspace, run_id, result)
        facts = _describe(run, dataset, result, backbone, rule)
        facts["answers"] = measure_rule(workspace, run_id, result, rule)._asdict()
        facts |= {"files": files, "sizes": {role: len(one) for role, one in pieces.items()}}
        with write_database(workspace) as connection:
            return _insert(connection, facts, name or run.name, who)


def _describe(
    run: RunRecord,
    dataset: Dataset,
    result: RunResult,
    backbone: BackboneFacts,
    rule: DecisionRule | None,
) -> dict[str, Any]:
    """Return the facts of the version without its files; `digest_facts` lists them."""
    counts = np.bincount(
        result.labels[result.photo_numbers("train")], minlength=len(result.classes)
    )
    judged = result.photo_numbers("validation")
    right = result.scores[judged].argmax(axis=1) == result.labels[judged]
    own = {name: value for name, value in backbone.describe().items() if name != "files"}
    facts = {
        "format": FORMAT,
        "run_id": run.id,
        "dataset_id": dataset.id,
        "recipe": json.loads(recipe_to_json(run.recipe)),
        "best_epoch": result.best_epoch,
        "classes": list(result.classes),
        "train_counts": dict(zip(result.classes, counts.tolist(), strict=True)),
        "validation": {"n": len(judged), "right": int(right.sum())},
        "backbone": own,
        "rule": rule and rule_to_facts(rule),
        "unlike_version": UNLIKE_VERSION,
        "run_name": run.name,
        "dataset_name": dataset.name,
        "rule_made": rule and rule.made.astimezone(UTC).isoformat(),
        "rule_is_default": rule is not None and rule.is_default,
    }
    return dict(json.loads(json.dumps(facts)))  # tuples become lists


def _insert(connection: Connection, facts: dict[str, Any], name: str, who: str) -> ModelVersion:
    """Return the version with these facts: the existing one, its row repaired, or a new one."""
    digest = digest_facts(facts)
    column = versions_table.c
    values = {"run": facts["run_id"], "dataset": facts["dataset_id"]}
    values["facts"] = json.dumps(facts, allow_nan=False)
    number = connection.scalar(select(column.number).where(column.digest == digest))
    if number is None:
        values |= {"digest": digest, "name": name, "who": who, "created": datetime.now(UTC)}
        made = insert(versions_table).values(values).returning(column.number)
        number = connection.execute(made).scalar_one()
        insert_event(connection, ModelEvent("registered", number, who=who, facts={"name": name}))
    elif not is_row_whole(select_version(connection, number)):
        connection.execute(update(versions_table).where(column.number == number).values(values))
    return select_version(connection, number)
