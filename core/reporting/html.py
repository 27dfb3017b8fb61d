"""A report as one HTML file: no scripts, nothing fetched, light and dark, good on paper."""

from pathlib import Path

from core.charts.theme import DARK, LIGHT, Palette
from core.formats import moment
from core.reporting.contents import RunReport
from core.reporting.elements import facts, section
from core.reporting.markup import Markup, join, tag
from core.reporting.reproducing import list_commands, list_conditions, list_versions
from core.reporting.sections import (
    write_classes,
    write_curves,
    write_head,
    write_metrics,
    write_recipe,
)
from core.reporting.sections_errors import (
    write_calibration,
    write_confusion,
    write_worst,
)
from core.reporting.sections_slices import write_slices

_CONTENTS = {
    "recipe": "Recipe and data",
    "curves": "Learning curves",
    "metrics": "Metrics",
    "classes": "Each class",
    "confusion": "Confusions",
    "worst": "Worst photos",
    "calibration": "Calibration",
    "slices": "Slices",
    "reproduce": "How to reproduce",
}
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser lets the file do: show its own pictures and styles, nothing else."""


def write_html(report: RunReport) -> str:
    """Returns the report as one HTML document."""
    title = f"{report.run.name} · {report.dataset.name} · {report.split}"
    links = (tag("a", words, href=f"#{name}") for name, words in _CONTENTS.items())
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", _write_style()),
    )
    body = tag(
        "body",
        write_head(report),
        tag("nav", *links, aria_label="Contents"),
        tag(
            "main",
            write_recipe(report),
            write_curves(report),
            write_metrics(report),
            write_classes(report),
            write_confusion(report),
            write_worst(report),
            write_calibration(report),
            write_slices(report),
            _write_reproducing(report),
        ),
        tag("footer", f"Written by Petalscope, {moment(report.written)}."),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _write_reproducing(report: RunReport) -> Markup:
    conditions = (tag("li", words) for words in list_conditions(report))
    return section(
        "reproduce",
        _CONTENTS["reproduce"],
        tag("pre", "\n".join(list_commands(report))),
        tag("ul", *conditions),
        tag("h3", "Versions of this report's machine"),
        facts(list_versions()),
    )


def _write_style() -> Markup:
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    light, dark = _write_colours(LIGHT), _write_colours(DARK)
    dark_page = f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    return join(Markup(f":root {{ {light} }}\n{dark_page}\n{style}"))


def _write_colours(colours: Palette) -> str:
    names = ("paper", "ink", "quiet", "line", "empty", "accent", "right", "wrong")
    return " ".join(f"--{name}: {getattr(colours, name)};" for name in names)
