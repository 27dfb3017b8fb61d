"""A run as a notebook of plain Keras that trains it again, from photos that it finds by digest.

Each block of notebook.py.jinja is a cell, in its order; those called …_text are Markdown. A block
that a recipe does not need renders empty and is left out. The notebook is nbformat 4.5, JSON.
"""

import ast
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from core.errors import COMMAND, ExportRefused, WeightsDamaged, WeightsMissing
from core.evaluation.agreement import estimate_agreement
from core.exact.formula import read_ridge
from core.exporting.store import check_trained
from core.formats import plain
from core.reporting.writing import open_templates
from core.runs.recipe.recipe import Recipe, check_network
from core.runs.recipe.strategies import HEAD
from core.runs.result import check_model, check_order, read_result
from core.runs.store import RunRecord
from core.workspace import PROJECT_ROOT, Workspace
from data.manifest import read_dataset
from data.policy import describe_policy
from models.catalogue import DEFAULT, RANDOM
from models.weights import find_weights

MIME = "application/x-ipynb+json"
_PACKAGES = ("keras", "tensorflow", "numpy", "pillow", "scikit-learn", "matplotlib")
_FOLDED = ("table", "drawing", "augmentation")
"""Long cells, which notebooks show folded."""
_DIGITS = 16
"""Digits of a digest, enough to tell photos apart."""


def write_notebook(workspace: Workspace, run: RunRecord) -> str:
    """Return the notebook of a finished run, tested on its validation photos.

    Raises:
        NetworkUnsupported: The run is of an earlier version and has another network.
        ExportRefused: It has no validation photos.
        RunUnfinished: The run has no result (yet).
        ResultDamaged: A file of it is truncated or damaged.
        DatasetMissing: Its dataset was deleted.
    """
    check_network(run.recipe)
    facts = describe_run(workspace, run)
    cells = [_to_json(name, source) for name, source in render_cells(facts).items()]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def render_cells(facts: Mapping[str, Any], *names: str) -> dict[str, str]:
    """Return name → source of cells, all or those named, in the order of the notebook."""
    template = _TEMPLATES.get_template("notebook.py.jinja")
    context = template.new_context(dict(facts))
    wanted = [name for name in template.blocks if not names or name in names]
    cells = {name: "".join(template.blocks[name](context)).strip("\n") for name in wanted}
    return {name: source for name, source in cells.items() if source.strip()}


def describe_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return the facts for cells that show a recipe alone."""
    strategy = recipe.way
    policy = recipe.augmentation
    kept = policy.parts | {"pick": policy.pick}
    given = "".join(f"    {name}={part!r},\n" for name, part in kept.items())
    return {
        "recipe": recipe,
        "stages_alone": not strategy.head_alone,
        "head_words": strategy.sentence,
        "policy": "" if policy.does_nothing else f"POLICY = AugmentationPolicy(\n{given})",
        "policy_words": describe_policy(policy),
        "last": None,
        "ridges": (),
        "split": "validation",
        "normalize": "",
    }


def describe_run(workspace: Workspace, run: RunRecord) -> dict[str, Any]:
    """Return the facts for all cells of a finished run; see `write_notebook`."""
    result = read_result(workspace, run.id)
    check_model(result, run.id)
    check_trained(run.recipe.strategy)
    dataset = read_dataset(workspace, result.dataset_id)
    check_order(result, dataset)
    photos = result.photo_numbers("validation")
    if not len(photos):
        raise ExportRefused(
            f"{run.name} has no validation photos to compare the notebook with.",
            "Train with a validation split, and export that run.",
            run_id=run.id,
        )
    recipe, done = run.recipe, len(result.history)
    if recipe.starts_with_head and run.stopped and done <= recipe.head_epochs:
        recipe = replace(recipe, strategy=HEAD, epochs=recipe.head_epochs)  # no stage was trained
    figures = estimate_agreement(result.scores[photos], result.labels[photos], result.classes)
    choice = read_ridge(workspace.run_folder(run.id))
    digests = dataset.manifest["sha256"].str[:_DIGITS]
    rows = zip(digests, result.labels.tolist(), result.splits, strict=True)
    return describe_recipe(recipe) | {
        "last": done if run.stopped else None,
        "name": run.name,
        "run_id": run.id,
        "dataset": dataset,
        "command": COMMAND,
        "packages": " ".join(_pin(name) for name in _PACKAGES),
        "classes": list(result.classes),
        "table": "\n".join(f"{digest} {label} {split}" for digest, label, split in rows),
        **_describe_weights(workspace, recipe),
        "drawing": write_drawing() if recipe.weights == RANDOM else "",
        "augmenting": "" if recipe.augmentation.does_nothing else write_augmenting(),
        "ridges": choice.ridges if choice else (),
        "n": figures["accuracy"].n,
        "accuracy": figures["accuracy"],
        "f1": figures["macro_f1"],
        "best_epoch": result.best_epoch,
    }


def _describe_weights(workspace: Workspace, recipe: Recipe) -> dict[str, str]:
    """Return digest and file of weights; empty where Keras downloads them."""
    if recipe.weights == RANDOM:
        return {"digest": "", "weights_file": ""}
    try:
        found = find_weights(workspace, recipe.weights)
    except (WeightsMissing, WeightsDamaged):
        found = None
    if found is None or found.digest != recipe.weights_digest:
        return {"digest": recipe.weights_digest, "weights_file": "weights.h5"}
    file = found.file.name if found.file else ""
    brought = found.official and found.name == DEFAULT
    return {"digest": "" if brought else found.digest, "weights_file": file}


def _pin(package: str) -> str:
    try:
        return f"{package}=={version(package)}"
    except PackageNotFoundError:  # of TensorFlow there are several; no chart here needs Matplotlib
        if package == "tensorflow":
            return f"tensorflow=={version('tensorflow-cpu')}"
        return package


def _to_json(name: str, source: str) -> dict[str, Any]:
    folded = {"jupyter": {"source_hidden": True}} if name in _FOLDED else {}
    common = {"id": name, "metadata": folded, "source": source}
    code: dict[str, Any] = {"cell_type": "code", "execution_count": None, "outputs": []}
    return ({"cell_type": "markdown"} if name.endswith("_text") else code) | common


def write_augmenting() -> str:
    """Return the source of `augment(photo, policy, …)` for a notebook."""
    imports = (
        "import hashlib\nimport math\nimport random\nfrom collections.abc import Mapping\n"
        "from dataclasses import dataclass, fields\n"
        "from typing import ClassVar, NamedTuple\n\nfrom PIL import ImageFilter"
    )
    pieces = [
        *_cut("data/policy.py", "AugmentationPolicy", "GEOMETRIC"),
        *_cut("data/images.py", "MEAN_COLOUR"),
        *_cut("data/augmentation.py", "augment"),
    ]
    return "\n\n\n".join([imports, *pieces])


def write_drawing() -> str:
    """Return the source of `draw_random_weights(resnet)` for a notebook."""
    pieces = _cut("models/keras_backbone.py", "draw_random_weights")
    return "from typing import Any\n\n" + "\n\n\n".join(pieces)


def _cut(file: str, *names: str) -> list[str]:
    """Return the source of these definitions, and of all that they use, in the module's order."""
    source = (PROJECT_ROOT / file).read_text(encoding="utf-8")
    nodes = {name: node for node in ast.parse(source).body for name in _find_names(node)}
    wanted, asked = set[str](), list(names)
    while asked:
        wanted.add(name := asked.pop())
        used = {one.id for one in ast.walk(nodes[name]) if isinstance(one, ast.Name)}
        asked += (used & nodes.keys()) - wanted
    lines, pieces = source.splitlines(), []
    for node in (node for name, node in nodes.items() if name in wanted):
        first = min(one.lineno for one in (node, *getattr(node, "decorator_list", ())))
        pieces.append("\n".join(lines[first - 1 : node.end_lineno]))
    return pieces


def _find_names(node: ast.stmt) -> list[str]:
    """Return the names that a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [one.id for one in targets if isinstance(one, ast.Name)]


_TEMPLATES = open_templates(Path(__file__).parent)
_TEMPLATES.filters |= {"plain": lambda text: plain(" ".join(text.split())), "literal": repr}
