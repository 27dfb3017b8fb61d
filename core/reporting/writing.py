"""A report as one HTML file, and the model card of a run: templates and what they are filled with.

The HTML stands alone: no scripts, nothing fetched, light and dark. Every text is escaped for where
it is put, so that no name can become markup; the card has the front matter that model hubs read.
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from core.charts.calibration import draw_reliability
from core.charts.matrix import draw_matrix
from core.charts.matrix_cells import MANY_ABOVE, Look, describe_matrix
from core.charts.slices import draw_bins, draw_found
from core.charts.theme import DARK, LIGHT, Palette, draw_svg
from core.errors import COMMAND
from core.evaluation.baselines import describe_worth
from core.evaluation.comparison import ALPHA
from core.evaluation.confusion import order_classes
from core.evaluation.shortcuts import say_shortcut
from core.evaluation.slices import say_rule
from core.formats import count, data_uri, interval, moment, percent
from core.reporting.contents import RunReport
from core.reporting.figures import (
    describe_dataset,
    draw_history,
    list_figures,
    say_ends,
    say_figure,
    write_tables,
)
from core.runs.recipe.words import has_own_policy, list_settings, write_command
from data.splits import SPLITS

_MOST_PROPERTIES = 4
_WORST_CLASSES = 5
_PACKAGES = ("keras", "tensorflow-cpu", "tensorflow", "torch", "jax", "openvino", "numpy")
_AGAIN = ("evaluate", "report")
"""Commands that look at the same run, once it is trained."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#!|<>~])")


def write_html(report: RunReport) -> str:
    """Return the report as one HTML document."""
    matter = report.slices.ranking.query(f"p_value < {ALPHA}")["name"].head(_MOST_PROPERTIES)
    return _TEMPLATES.get_template("report.html.jinja").render(
        **_collect_common(report),
        style=_write_style(),
        warnings=_list_warnings(report),
        about=describe_dataset(report),
        worth=describe_worth(report.baselines) if report.baselines else [],
        wrong=int((~report.slices.right).sum()),
        matter=list(matter),
        many=MANY_ABOVE,
        draw=_Charts(report),
        tables=write_tables(report),
    )


def write_model_card(report: RunReport) -> str:
    """Return the model card as one Markdown document."""
    sizes = {split: len(report.result.photo_numbers(split)) for split in SPLITS}
    recalls = report.evaluation.per_class.dropna(subset=["recall"]).sort_values("recall")
    return _TEMPLATES.get_template("model_card.md.jinja").render(
        **_collect_common(report),
        splits=[f"{split} {photos:,}" for split, photos in sizes.items() if photos],
        weakest=recalls.head(_WORST_CLASSES).to_dict("records"),
        figures=[
            (words, say_figure(name, one.value, one.n), say_ends(one, name), one.reason)
            for name, words, one in list_figures(report)
        ],
        doubts=list_doubts(report),
    )


def list_doubts(report: RunReport) -> list[str]:
    """Return what the page Quality knows against the figures: leaks and doubtful labels."""
    if report.quality is None:
        return [
            "Not looked for: copies of photos in other splits, and wrong labels. The page Quality "
            "was not run on this dataset."
        ]
    splits, split, pairs = report.result.splits, report.split, report.quality.pairs
    ends = pairs[["a", "b"]].to_numpy(dtype=np.int64)
    crosses = ends[splits[ends[:, 0]] != splits[ends[:, 1]]]
    leaked = np.unique(crosses[(splits[crosses] == "train").any(axis=1)])
    judged = splits != "train" if split == "train" else splits == split
    where = "validation and test" if split == "train" else split
    copies, n = int(judged[leaked].sum()), int(judged.sum())
    suspect = report.quality.photos["suspect"].to_numpy(dtype=bool)
    return [
        f"Leaks: {copies:,} of {count(n, f'{where} photo')} are copies, or nearly, of photos in "
        f"train{'; they flatter the figures' if copies else ''}.",
        f"Suspects: {int(suspect.sum()):,} of {count(len(suspect), 'photo')} may be labelled "
        f"wrongly, {int(suspect[splits == split].sum()):,} of them in {split}.",
    ]


def _collect_common(report: RunReport) -> dict[str, Any]:
    again = (f"{COMMAND} {name} {report.run.id} --split {report.split}" for name in _AGAIN)
    return {
        "report": report,
        "settings": list_settings(report.run.recipe),
        "commands": [write_command(report.run.recipe), *again],
        "conditions": _list_conditions(report),
        "versions": _list_versions(),
    }


def _list_conditions(report: RunReport) -> list[str]:
    """Return what must be the same for the same result."""
    recipe = report.run.recipe
    precision = report.backbone.precision if report.backbone else "unknown precision"
    said = [
        f"The dataset {report.dataset.id} ({report.source}): the id is the digest of its "
        "photos, classes and splits. The same import gives the same id.",
        "Random weights: they are drawn from a fixed seed."
        if recipe.weights == "random"
        else f"The weights with SHA-256 {recipe.weights_digest} (in PETALSCOPE_WEIGHTS).",
        f"The recipe: its digest is the id of the run, {report.run.id}. It lies in "
        f"runs/{report.run.id}/recipe.json.",
        f"The same machine gives the same curve bit for bit; features were computed in "
        f"{precision}, trained on {report.run.device}.",
    ]
    if has_own_policy(recipe):
        said.append(
            "The augmentation is no preset: save it under a name first (page augmentation, opened "
            "from this run) and give that name as POLICY."
        )
    return said


def _list_versions() -> dict[str, str]:
    """Return the versions of what computes here; packages that are not installed are left out."""
    found = {"python": python_version()}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


class _Charts:
    """The charts of a report, each as two addresses of SVG pictures: for light and dark pages."""

    def __init__(self, report: RunReport) -> None:
        self._result, self._matrix = report.result, report.matrix
        self._study, self._bins = report.slices, report.calibration.bins

    def history(self) -> tuple[str, str]:
        curve, best = self._result.curve, self._result.best_epoch
        return _picture(lambda dark: draw_history(curve, best, dark))

    def matrix(self) -> tuple[str, str]:
        names, matrix = self._result.classes, self._matrix
        many = len(names) > MANY_ABOVE
        order = order_classes(matrix, names, "confusion") if many else np.arange(len(names))

        def draw(dark: bool) -> Any:
            look = Look(rows=order, columns=order, dark=dark)
            return draw_matrix(describe_matrix(matrix, names, look))

        return _picture(draw)

    def reliability(self) -> tuple[str, str]:
        return _picture(lambda dark: draw_reliability(self._bins, "As the run gives them", dark))

    def found(self) -> tuple[str, str]:
        study = self._study
        columns = ("n", "accuracy", "low", "high", "rest_accuracy", "is_confirmed")
        rows = pd.DataFrame(
            [
                {"rule": say_rule(one.rule, study.properties)}
                | {name: getattr(one, name) for name in columns}
                for one in study.search.slices
            ]
        ).rename(columns={"rest_accuracy": "rest", "is_confirmed": "confirmed"})
        return _picture(lambda dark: draw_found(rows, dark))

    def property(self, name: str) -> tuple[str, str]:
        study = self._study
        title = f"Accuracy by {study.properties[name].label.lower()}"

        def draw(dark: bool) -> Any:
            return draw_bins(
                study.bins[name],
                title,
                study.accuracy,
                lowest=study.lowest_end,
                subtitle="Dashed: all photos. Bars: n. Lines: 95 % intervals",
                dark=dark,
                height=260,
            ).properties(width=520)

        return _picture(draw)


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
            "Random weights: the backbone has never seen a photo. These figures show the way, not "
            "what transfer learning can do."
        )
    if report.split == "test":
        looks = report.openings
        said.append(
            f"Test photos of this run were opened {count(len(looks), 'time')}, first "
            f"{moment(looks[0].opened) if looks else '–'}. A model chosen by its test "
            "photos has no test left."
        )
    if report.split == "train":
        said.append("Training photos: the run learnt from them. These figures flatter it.")
    return said


def _escape_markdown(text: str) -> str:
    """Return a text that Markdown shows as it is; no line of it begins anything."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _write_style() -> str:
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    light, dark = _write_colours(LIGHT), _write_colours(DARK)
    dark_page = f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    return f":root {{ {light} }}\n{dark_page}\n{style}"


def _write_colours(colours: Palette) -> str:
    names = ("paper", "ink", "quiet", "line", "empty", "accent", "right", "wrong")
    return " ".join(f"--{name}: {getattr(colours, name)};" for name in names)


def open_templates(folder: Path) -> jinja2.Environment:
    """Return the Jinja templates of a folder; those of HTML escape what is put into them."""
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
    "md": _escape_markdown,
    "quote": lambda text: json.dumps(text, ensure_ascii=False),
}
