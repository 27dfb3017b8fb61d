"""The model card of a run in Markdown, with the front matter that model hubs read."""

import json
import re

from core.evaluation.shortcuts import say_shortcut
from core.evaluation.slices import say_rule
from core.formats import count, interval, moment, percent
from core.reporting.contents import RunReport
from core.reporting.reproducing import list_commands, list_conditions, list_versions
from core.reporting.sections import OTHERS, SHARES
from core.runs.recipe.words import list_settings
from data.manifest import SPLITS

_WORST_CLASSES = 5
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#!|<>~])")


def write_model_card(report: RunReport) -> str:
    """Returns the model card as one Markdown document."""
    parts = [
        _write_front_matter(report),
        f"# {_escape(report.run.name)}",
        _introduce(report),
        "## Intended use\n\n" + _describe_use(report),
        "## Data\n\n" + _describe_data(report),
        "## Training\n\n" + _list(list_settings(report.run.recipe)),
        "## Evaluation\n\n" + _describe_evaluation(report),
        "## Limitations\n\n" + _describe_limits(report),
        "## How to reproduce\n\n" + _describe_reproducing(report),
    ]
    return "\n\n".join(parts) + "\n"


def _write_front_matter(report: RunReport) -> str:
    """Returns YAML; every text stands as a JSON string, which YAML reads as it is."""
    accuracy, f1 = (report.estimates[name].value for name in ("accuracy", "macro_f1"))
    lines = [
        "library_name: keras",
        "pipeline_tag: image-classification",
        "base_model: resnet50",
        "tags: [image-classification, resnet50, transfer-learning, petalscope]",
        f"datasets: [{_quote(report.dataset.name)}]",
        "metrics: [accuracy, f1]",
        "model-index:",
        f"  - name: {_quote(report.run.name)}",
        "    results:",
        "      - task: {type: image-classification}",
        f"        dataset: {{name: {_quote(report.dataset.name)}, type: imagefolder, "
        f"split: {report.split}, revision: {_quote(report.dataset.id)}}}",
        "        metrics:",
        f"          - {{type: accuracy, value: {accuracy:.4f}}}",
        f"          - {{type: f1, name: Macro F1, value: {f1:.4f}}}",
    ]
    return "---\n" + "\n".join(lines) + "\n---"


def _introduce(report: RunReport) -> str:
    accuracy = report.estimates["accuracy"]
    return (
        f"ResNet-50 ({_escape(report.weights_label)} weights) with a head for "
        f"{count(len(report.result.classes), 'class')} of {_escape(report.dataset.name)}: right on "
        f"**{percent(accuracy.value, accuracy.n)}** of the {report.split} photos "
        f"({interval(accuracy.low, accuracy.high, accuracy.n)}). Run {report.run.number} "
        f"(`{report.run.id}`); card written {moment(report.written)}."
    )


def _describe_use(report: RunReport) -> str:
    names = ", ".join(_escape(name) for name in report.result.classes)
    return (
        "To tell apart photos of the classes below, much like those it was trained on: one main "
        "subject, upright, the short side at least 224 px. Not for decisions about health, safety "
        "or what may be eaten, and not for photos of anything else: "
        f"{_say_when_it_answers(report)}.\n\nClasses: {names}."
    )


def _say_when_it_answers(report: RunReport) -> str:
    rule = report.rule
    if rule is None:
        return "it always names one of its classes"
    said = f"below a score of {percent(rule.threshold, 100)} it says that it does not know"
    if rule.class_thresholds:
        said += f" ({count(len(rule.class_thresholds), 'class')} with a threshold of its own)"
    if rule.unlike_limit is not None:
        said += "; so it does of photos unlike all that it was trained on, as far as it can tell"
    return f"{said} (chosen on {count(rule.n, 'validation photo')})"


def _describe_data(report: RunReport) -> str:
    result, dataset = report.result, report.dataset
    splits = "; ".join(
        f"{split} {len(result.photo_numbers(split)):,}"
        for split in SPLITS
        if len(result.photo_numbers(split))
    )
    return (
        f"{_escape(dataset.name)}, version `{dataset.id}` (edition {dataset.edition}), from "
        f"{_escape(report.source)}: {count(len(dataset), 'photo')} in "
        f"{count(len(dataset.classes), 'class')}. Photos by split: {splits}. Each photo is turned "
        "upright, its short side resized to 224 px, its centre square kept."
    )


def _describe_evaluation(report: RunReport) -> str:
    rows = ["| figure | value | 95 % interval |", "| --- | ---: | ---: |"]
    for name, words in (SHARES | OTHERS).items():
        one = report.estimates[name]
        values = [
            percent(value, one.n) if name in SHARES else f"{value:.3f}"
            for value in (one.value, one.low, one.high)
        ]
        label = words.format(k=report.evaluation.top_k)
        rows.append(f"| {label} | {values[0]} | {values[1]} to {values[2]} |".replace("nan", "–"))
    confused = [
        f"- {_escape(row['true'])} taken for {_escape(row['predicted'])}: "
        f"{count(row['count'], 'photo')} of {row['support']:,}"
        for row in report.pairs.head(5).to_dict("records")
    ]
    found = report.calibration
    return (
        f"{count(report.evaluation.n, f'{report.split} photo')}. {_say_split(report)}\n\n"
        + "\n".join(rows)
        + "\n\nMost confused:\n\n"
        + ("\n".join(confused) or "- nothing")
        + f"\n\nExpected calibration error {100 * found.error:.1f} points "
        f"({100 * found.error_low:.1f} to {100 * found.error_high:.1f}; by chance alone below "
        f"{100 * found.error_by_chance:.1f})."
    )


def _say_split(report: RunReport) -> str:
    if report.split == "test":
        looks = count(len(report.openings), "time")
        return f"Test photos chose nothing; those of this run were opened {looks}."
    if report.split == "validation":
        return "They chose the best epoch, so expect a little less on new photos."
    return "The run learnt from these photos: the figures flatter it."


def _describe_limits(report: RunReport) -> str:
    classes = report.evaluation.per_class.dropna(subset=["recall"]).sort_values("recall")
    lines = [
        f"- {_escape(row['class'])}: {percent(row['recall'], row['support'])} of its photos are "
        f"found ({interval(row['recall_low'], row['recall_high'], row['support'])})"
        for row in classes.head(_WORST_CLASSES).to_dict("records")
    ]
    study = report.slices
    lines += [
        f"- where {_escape(say_rule(one.rule, study.properties))}: right on "
        f"{percent(one.accuracy, one.n)} ({interval(one.low, one.high, one.n)}), elsewhere on "
        f"{percent(one.rest_accuracy, one.rest_n)}"
        for one in study.search.slices
        if one.is_confirmed
    ]
    lines += [
        f"- {_escape(say_shortcut(one, study.properties[one.name].label))}: the run may lean on it"
        for one in study.shortcuts
        if one.is_warned
    ]
    if report.run.recipe.weights == "random":
        lines.insert(0, "- Random weights: the backbone has never seen a photo.")
    return "It is weakest on:\n\n" + "\n".join(lines)


def _describe_reproducing(report: RunReport) -> str:
    commands = "\n".join(f"    {command}" for command in list_commands(report))
    conditions = "\n".join(f"- {_escape(words)}" for words in list_conditions(report))
    versions = ", ".join(f"{name} {number}" for name, number in list_versions().items())
    return f"{commands}\n\n{conditions}\n- Versions where this card was written: {versions}."


def _list(rows: dict[str, str]) -> str:
    return "\n".join(f"- {name}: {_escape(value)}" for name, value in rows.items())


def _escape(text: str) -> str:
    """Returns a text that Markdown shows as it is; no line of it begins anything."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
