"""The section of a report on slices: the worst ones, properties that matter, shortcuts."""

import pandas as pd

from core.charts.slices import draw_bins, draw_found
from core.evaluation.comparison import ALPHA
from core.evaluation.shortcuts import say_shortcut
from core.evaluation.slice_search import say_points
from core.evaluation.slices import say_rule
from core.formats import count, interval, percent
from core.reporting.contents import RunReport
from core.reporting.elements import Draw, chart, note, paragraph, section, table
from core.reporting.markup import Markup, tag

_MOST_PROPERTIES = 4


def write_slices(report: RunReport) -> Markup:
    """Returns where the run is weak: worst slices, properties that matter, shortcuts."""
    study = report.slices
    children = [tag("h3", "Worst slices"), *_write_found(report)]
    matter = study.ranking[study.ranking["p_value"] < ALPHA]
    children.append(tag("h3", "By property"))
    if matter.empty:
        children.append(paragraph("Accuracy depends on no property beyond chance."))
    for name in matter["name"].head(_MOST_PROPERTIES):
        label = study.properties[name].label
        children.append(chart(_draw_property(report, name), f"Accuracy by {label.lower()}."))
    rows = [
        [
            study.properties[row["name"]].label,
            f"± {100 * row['spread']:.1f} points",
            "<0.001" if row["p_value"] < 0.001 else f"{row['p_value']:.3f}",
        ]
        for row in study.ranking.dropna().to_dict("records")
    ]
    children += [
        table(("Property", "Accuracy varies by", "p"), rows),
        note("Beyond what chance moves; p of a permutation test, adjusted for all properties."),
        tag("h3", "Shortcuts"),
        *_write_shortcuts(report),
    ]
    return section("slices", "Slices", *children)


def _write_found(report: RunReport) -> list[Markup]:
    search = report.slices.search
    if search.too_few:
        return [paragraph("Too few photos or errors to search in.")]
    confirmed = [one for one in search.slices if one.is_confirmed]
    words = (
        f"A shallow tree tried {count(search.looked_at, 'cut')}; "
        f"{count(len(search.slices), 'slice')} came out and were measured on photos they were not "
        f"found on. {len(confirmed)} are worse than the rest beyond chance."
    )
    if not search.slices:
        return [paragraph(words)]
    found = _list_found(report)
    return [
        paragraph(words),
        chart(lambda dark: draw_found(found, dark), "Accuracy of the slices beside the rest."),
        _tabulate_found(report),
        note("By class: the accuracy that the classes of these photos alone would give."),
    ]


def _list_found(report: RunReport) -> pd.DataFrame:
    study, search = report.slices, report.slices.search
    return pd.DataFrame(
        {
            "rule": [say_rule(one.rule, study.properties) for one in search.slices],
            "n": [one.n for one in search.slices],
            "accuracy": [one.accuracy for one in search.slices],
            "low": [one.low for one in search.slices],
            "high": [one.high for one in search.slices],
            "rest": [one.rest_accuracy for one in search.slices],
            "confirmed": [one.is_confirmed for one in search.slices],
        }
    )


def _tabulate_found(report: RunReport) -> Markup:
    study, search = report.slices, report.slices.search
    rows = [
        [
            say_rule(one.rule, study.properties),
            f"{one.n:,}",
            percent(one.accuracy, one.n),
            f"{percent(one.low, one.n)} to {percent(one.high, one.n)}",
            f"{say_points(one.difference)} points",
            percent(one.expected, one.n),
            "<0.001" if one.p_value < 0.001 else f"{one.p_value:.3f}",
        ]
        for one in search.slices
    ]
    headings = (
        "Photos with",
        "n",
        "Accuracy",
        "95 % interval",
        "Against the rest",
        "By class",
        "p",
    )
    return table(headings, rows)


def _draw_property(report: RunReport, name: str) -> Draw:
    study = report.slices
    bins = study.bins[name]

    def draw(dark: bool) -> object:
        return draw_bins(
            bins,
            f"Accuracy by {study.properties[name].label.lower()}",
            study.accuracy,
            lowest=study.lowest_end,
            subtitle="Dashed: all photos. Bars: n. Lines: 95 % intervals",
            dark=dark,
            height=260,
        ).properties(width=520)

    return draw


def _write_shortcuts(report: RunReport) -> list[Markup]:
    warned = [one for one in report.slices.shortcuts if one.is_warned]
    if not warned:
        return [paragraph("No property says the class well enough to be a shortcut.")]
    said = []
    for one in warned:
        label = report.slices.properties[one.name].label
        apart = f" It tells apart: {', '.join(one.told_apart[:8])}." if one.told_apart else ""
        said.append(
            tag(
                "p",
                tag("b", f"{say_shortcut(one, label)}."),
                f" Alone, it finds the class of {percent(one.accuracy, one.n)} of the photos "
                f"({interval(one.low, one.high, one.n)}), always saying the most frequent class "
                f"{percent(one.majority, one.n)}.{apart} Where it points to the right class the "
                f"run is right on {percent(one.agrees.accuracy, one.agrees.n)} "
                f"(n = {one.agrees.n:,}), elsewhere on "
                f"{percent(one.contradicts.accuracy, one.contradicts.n)} "
                f"(n = {one.contradicts.n:,}).",
                class_="warning",
            )
        )
    return said
