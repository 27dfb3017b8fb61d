"""The documents of an export: README.md, MODEL_CARD.md and model.json."""

from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2

from core.errors import DatasetMissing, ResultDamaged, RunMissing, RunUnfinished
from core.exporting.subject import FACTS, Format, Subject
from core.formats import count, plain
from core.prediction.deciding import rule_to_facts
from core.reporting.contents import collect_report
from core.reporting.writing import write_model_card
from core.runs.store import read_run
from core.workspace import Workspace

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=False,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.filters |= {"plain": plain, "count": count}


def write_readme(subject: Subject, formats: tuple[Format, ...], golden: dict[str, Any]) -> str:
    """Return README.md: what is in the export and how each format is asked, in a few lines of code.

    Args:
        golden: What `core.exporting.golden.describe_golden` returned.
    """
    template = _TEMPLATES.get_template("readme.md.jinja")
    return template.render(subject=subject, formats=formats, golden=golden, facts=FACTS)


def write_card(workspace: Workspace, subject: Subject) -> str:
    """Return the model card of the run behind the model, judged by its validation photos.

    A version outlives its run and dataset: where they are gone, a short card says so.
    """
    try:
        run = read_run(workspace, subject.run_id)
        report = collect_report(workspace, run, "validation", pictures=0)
    except (RunMissing, RunUnfinished, ResultDamaged, DatasetMissing) as error:
        return _write_short_card(subject, error.problem)
    return write_model_card(replace(report, rule=subject.rule))


def describe_model(subject: Subject, formats: tuple[Format, ...]) -> dict[str, Any]:
    """Return what model.json holds: all that a program wants to know of the model."""
    rule = subject.rule
    kept = rule and rule_to_facts(rule) | {"made": rule.made.isoformat()}
    return {
        "name": subject.name,
        "model": subject.model,
        "run": subject.run_id,
        "dataset": subject.dataset_id,
        "classes": list(subject.classes),
        "input": {
            "name": "photos",
            "shape": [None, subject.backbone.framing.side, subject.backbone.framing.side, 3],
            "dtype": "uint8",
            "colours": "RGB",
            "framing": subject.backbone.framing.how,
            "crops": f"inside ({subject.backbone.framing.crops})",
            "preprocessing": f"inside ({subject.backbone.preprocessing})",
        },
        "outputs": [
            {"name": "scores", "shape": [None, len(subject.classes)], "dtype": "float32"},
            {
                "name": "features",
                "shape": [None, subject.backbone.width],
                "dtype": "float32",
                "formats": ["openvino"],
            },
        ],
        "formats": {name: FACTS[name].path for name in formats},
        "rule": kept,
        "looks_for_unlike": subject.unlike is not None,
        "weights": {
            "label": subject.backbone.weights_label,
            "origin": subject.backbone.origin,
            "sha256": subject.backbone.weights_digest,
        },
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in ("keras", "openvino", "numpy", "pillow")},
    }


def _write_short_card(subject: Subject, problem: str) -> str:
    names = ", ".join(plain(name) for name in subject.classes)
    return (
        f"# {plain(subject.title)}\n\nResNet-50 ({plain(subject.backbone.weights_label)} weights) "
        f"with a head for {count(len(subject.classes), 'class')}.\n\n"
        f"Weights of the backbone: {plain(subject.backbone.origin)}, inside the model.\n\n"
        f"How good it is cannot be said any more: {plain(problem)} The model is whole.\n\n"
        f"Run `{subject.run_id}`, dataset `{subject.dataset_id}`.\n\nClasses: {names}.\n"
    )
