"""Write the report of a run as one HTML file, and its model card as Markdown.

The HTML has no scripts and loads nothing; it works in light and dark. All text is escaped, so that
no name can become markup. The card has the front matter that model hubs read.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

import altair as alt
import jinja2
import numpy as np
import pandas as pd

from core.charts.matrix import draw_matrix
from core.charts.matrix_cells import MANY_ABOVE, Look, describe_matrix
from core.charts.slices import draw_bins, draw_reliability
from core.charts.theme import DARK, LIGHT, choose_palette, draw_svg, style_altair, title_params
from core.datasets.quality.store import list_leaking_photos
from core.errors import COMMAND
from core.evaluation.baselines import describe_worth
from core.evaluation.comparison import ALPHA
from core.evaluation.confusion import order_classes
from core.evaluation.shortcuts import say_shortcut
from core.evaluation.slices import say_rule
from core.formats import count, data_uri, duration, interval, moment, percent
from core.reporting.contents import RunReport
from core.reporting.tables import say_ends, write_tables
from core.runs.recipe.words import has_own_policy, list_settings, write_command
from data.splits import SPLITS

_MOST_PROPERTIES = 4
_WORST_CLASSES = 5
_PACKAGES = ("keras", "tensorflow-cpu", "tensorflow", "torch", "jax", "openvino", "numpy")
_COLOURS = ("paper", "ink", "quiet", "line", "empty", "accent", "right", "wrong")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#!|<>~])")


def write_html(report: RunReport) -> str:
    """Return the report as one HTML document."""
    ranking = report.slices.ranking.query(f"p_value < {ALPHA}")
    matter = ranking["name"].head(_MOST_PROPERTIES).tolist()
    left_out = [] if report.run.recipe.has_epochs else ["curves"]
    left_out += ["calibration"] if report.result.scored == "none" else []
    return _TEMPLATES.get_template("report.html.jinja").render(
        **_collect_common(report),
        style=_write_style(),
        warnings=_list_warnings(report),
        about=describe_dataset(report),
        worth=describe_worth(report.baselines) if report.baselines else [],
        left_out=left_out,
        wrong=int((~report.slices.right).sum()),
        matter=matter,
        many=MANY_ABOVE,
        charts=_draw_charts(report, matter),
    )


def write_model_card(report: RunReport) -> str:
    """Return the model card as one Markdown document."""
    sizes = {split: len(report.result.photo_numbers(split)) for split in SPLITS}
    recalls = report.evaluation.per_class.dropna(subset=["recall"]).sort_values("recall")
    return _TEMPLATES.get_template("model_card.md.jinja").render(
        **_collect_common(report),
        splits=[f"{split} {photos:,}" for split, photos in sizes.items() if photos],
        weakest=recalls.head(_WORST_CLASSES).to_dict("records"),
        doubts=list_doubts(report),
    )


def describe_dataset(report: RunReport) -> dict[str, str]:
    """Return the facts of the dataset, its splits and the run."""
    dataset, result, recipe = report.dataset, report.result, report.run.recipe
    drawn = f"drawn for this run with seed {recipe.split_seed}"
    facts = {
        "name": dataset.name,
        "version": f"{dataset.id} (edition {dataset.edition})",
        "source": report.source,
        "photos": f"{len(dataset):,}",
        "classes": f"{len(dataset.classes):,}",
        "splits": dataset.split_origin if recipe.split_seed is None else drawn,
        **{split: f"{len(result.photo_numbers(split)):,} photos" for split in SPLITS},
    }
    if recipe.has_model:
        name = "model" if recipe.is_added else "weights"
        facts[name] = f"{report.weights_label}, {recipe.weights_digest}"
        if not recipe.is_added:
            facts["trained on"] = f"{report.run.device}, {duration(sum(result.seconds.values()))}"
    return facts


def list_doubts(report: RunReport) -> list[str]:
    """Return the findings of the page Quality that weaken the figures: leaks and label suspects."""
    if report.quality is None:
        return ["Leaks and wrong labels are unknown: the page Quality was not run on this dataset."]
    splits, split = report.result.splits, report.split
    judged = "validation" if split == "train" else split
    leaks = len(list_leaking_photos(report.quality.pairs, splits, judged))
    suspect = report.quality.photos["suspect"].to_numpy(dtype=bool)
    return [
        f"Leaks: {leaks:,} of {count(int((splits == judged).sum()), f'{judged} photo')} are copies "
        f"or near-duplicates of training photos{', which inflates the figures' if leaks else ''}.",
        f"Label suspects: {int(suspect.sum()):,} of {count(len(suspect), 'photo')}, "
        f"{int(suspect[splits == split].sum()):,} of them in the {split} split.",
    ]


def _collect_common(report: RunReport) -> dict[str, Any]:
    again = (
        f"{COMMAND} {name} {report.run.id} --split {report.split}"
        for name in ("evaluate", "report")
    )
    return {
        "report": report,
        "tables": write_tables(report),
        "settings": list_settings(report.run.recipe),
        "commands": [_write_origin(report), *again],
        "conditions": _list_conditions(report),
        "versions": _list_versions(),
    }


def _write_origin(report: RunReport) -> str:
    """Return the command that makes the run again."""
    if report.run.recipe.is_added:
        added = "model" if report.run.recipe.has_model else "predictions"
        return f"{COMMAND} add-{added} FILE --dataset {report.dataset.id}"
    return write_command(report.run.recipe)


def _list_conditions(report: RunReport) -> list[str]:
    """Return the conditions under which training again gives the same result."""
    recipe = report.run.recipe
    said = [
        f"The dataset {report.dataset.id} ({report.source}). The id is a digest of its photos, "
        "classes and splits; the same import gives the same id."
    ]
    if recipe.is_added:
        file = f"file of predictions; the digest of its content is {recipe.predictions}"
        if recipe.has_model:
            file = f"model file; its SHA-256 is {recipe.weights_digest}"
        return [*said, f"The same {file}."]
    precision = report.backbone.precision if report.backbone else "unknown precision"
    said += [
        "Random weights, drawn from a fixed seed."
        if recipe.weights == "random"
        else f"The weights with SHA-256 {recipe.weights_digest} (in PETALSCOPE_WEIGHTS).",
        f"The recipe in runs/{report.run.id}/recipe.json. Its digest is the id of the run.",
        f"The same machine, for a curve that is the same bit for bit. Features were computed in "
        f"{precision}; the run trained on {report.run.device}.",
    ]
    if has_own_policy(recipe):
        said.append(
            "The augmentation is not a preset. Save it under a name first (page Augmentation, "
            "opened from this run) and use that name as POLICY."
        )
    return said


def _list_versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages that compute."""
    found = {"python": python_version()}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


_LINES = {"train_": "train", "val_": "validation", "": "train, running mean"}
"""Prefix of the numbers in a curve → name of their line."""


def draw_history(history: Sequence[Mapping[str, Any]], best_epoch: int, dark: bool = False) -> Any:
    """Return loss and accuracy per epoch for training and validation photos, best epoch marked.

    Args:
        history: For each epoch its number, and loss and accuracy with the prefixes of `_LINES`;
            None where a number was not measured.
    """
    colours = choose_palette(dark)
    line_colours = [*(colours.splits[name] for name in ("train", "validation")), colours.quiet]
    rows = pd.DataFrame(
        [
            {"epoch": epoch["epoch"], "split": line, "measure": measure, "value": value}
            for epoch in history
            for measure in ("loss", "accuracy")
            for prefix, line in _LINES.items()
            if (value := epoch.get(prefix + measure)) is not None
        ],
        columns=["epoch", "split", "measure", "value"],
    )
    epochs = alt.Scale(domain=[1, max(2, len(history))], nice=False, zero=False)
    split = alt.Scale(domain=list(_LINES.values()), range=line_colours)
    base = alt.Chart(rows).encode(
        x=alt.X("epoch:Q", scale=epochs, axis=alt.Axis(tickMinStep=1, format="d", grid=False)),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False, nice=True)),
        color=alt.Color("split:N", title=None, scale=split),
    )
    rule = alt.Chart(rows).mark_rule(color=colours.quiet, strokeDash=[3, 3])
    chart = alt.layer(
        rule.encode(x=alt.datum(best_epoch)),
        base.mark_line(strokeWidth=1.8),
        base.mark_point(filled=True, size=28, opacity=1),
    ).properties(width=330, height=220)
    panels = chart.facet(alt.Column("measure:N", title=None, sort="descending"))
    title = title_params(f"Epoch {best_epoch} of {len(history)} (dashed) is the best")
    apart = {"scale": {"y": "independent"}}
    return style_altair(panels, dark, title=title, resolve=apart)


def _draw_charts(report: RunReport, properties: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return each chart as two SVG pictures, for light and dark pages; properties by their name."""
    result, study, matrix = report.result, report.slices, report.matrix
    order = np.arange(len(matrix))
    if len(matrix) > MANY_ABOVE:
        order = order_classes(matrix, result.classes, "confusion")

    def draw_confusions(dark: bool) -> Any:
        look = Look(rows=order, columns=order, dark=dark)
        return draw_matrix(describe_matrix(matrix, result.classes, look))

    def draw_property(name: str, dark: bool) -> Any:
        title = f"Accuracy by {study.properties[name].label.lower()}"
        words = title, "Dashed: all photos. Bars: n. Lines: 95 % intervals"
        ends = study.accuracy, study.lowest_end
        drawn = draw_bins(study.bins[name], words, ends, dark=dark, height=260)
        return drawn.properties(width=520)

    bins = report.calibration.bins
    drawn: dict[str, Callable[[bool], Any]] = {
        "matrix": draw_confusions,
        "reliability": lambda dark: draw_reliability(bins, "Uncalibrated scores", dark),
        **{name: partial(draw_property, name) for name in properties},
    }
    if report.run.recipe.has_epochs:
        drawn["history"] = lambda dark: draw_history(result.curve, result.best_epoch, dark)
    return {name: _picture(draw) for name, draw in drawn.items()}


def _picture(draw: Callable[[bool], Any]) -> tuple[str, str]:
    light, dark = (
        data_uri(draw_svg(draw(is_dark), is_dark).encode(), "image/svg+xml")
        for is_dark in (False, True)
    )
    return light, dark


def _list_warnings(report: RunReport) -> list[str]:
    said = []
    if report.run.recipe.weights == "random":
        said.append(
            "Random weights: the backbone has never seen a photo. These figures do not show what "
            "transfer learning can do."
        )
    if report.split == "test":
        looks = report.openings
        said.append(
            f"Test photos of this run were opened {count(len(looks), 'time')}, first "
            f"{moment(looks[0].opened) if looks else '–'}. Choosing a model by its test photos "
            "invalidates the test."
        )
    if report.split == "train":
        said.append("Training photos: the run learned from them, so these figures are too good.")
    return said


def _write_style() -> str:
    light, dark = (
        " ".join(f"--{name}: {getattr(colours, name)};" for name in _COLOURS)
        for colours in (LIGHT, DARK)
    )
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    dark_page = f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    return f":root {{ {light} }}\n{dark_page}\n{style}"


def open_templates(folder: Path) -> jinja2.Environment:
    """Return the Jinja templates of a folder; HTML templates escape their values."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=lambda name: bool(name and name.endswith(".html.jinja")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


_TEMPLATES = open_templates(Path(__file__).parent)
_TEMPLATES.globals |= {"interval": interval, "say_rule": say_rule}
_TEMPLATES.filters |= {
    "count": count,
    "percent": percent,
    "moment": moment,
    "points": lambda share: f"{100 * share:.1f}",
    "ends": say_ends,
    "webp": data_uri,
    "say_shortcut": say_shortcut,
    "md": lambda text: _SPECIAL.sub(r"\\\1", " ".join(text.split())),
    "quote": lambda text: json.dumps(text, ensure_ascii=False),
}
