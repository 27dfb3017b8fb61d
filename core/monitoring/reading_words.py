"""Readings and rules in words: one line for banners, messages, tables and the command line."""

from core.formats import count, percent
from core.monitoring.readings import Reading
from core.monitoring.rules import Measure, Rule

_SPANS = ((24 * 7, "week"), (24, "day"), (1, "hour"))


def describe_reading(reading: Reading) -> str:
    """Returns what a rule measured: "41 % of 120 photos unknown (95 % interval 33 % to 50 %)…"."""
    rule, estimate = reading.rule, reading.estimate
    span = describe_span(rule.hours)
    if reading.problem:
        return reading.problem
    if reading.state == "off":
        return "not watched"
    if reading.state == "few":
        needed = rule.measure.fewest
        what = "with feedback" if rule.name == "accuracy" else "in the log"
        if estimate.n >= needed:
            return f"cannot be told: nothing to compare with, {span}"
        return f"too few photos {what} to tell: {estimate.n:,} of {needed}, {span}"
    value = format_value(rule.measure, estimate.value, estimate.n)
    low = format_value(rule.measure, estimate.low, estimate.n)
    high = format_value(rule.measure, estimate.high, estimate.n)
    if rule.name in ("volume_low", "volume_high"):
        return f"{count(estimate.n, 'photo')} answered, {span}"
    if rule.name == "latency":
        ends = f"from {low} on" if high == "–" else f"{low} to {high}"
        return f"95 % of {estimate.n:,} answers within {value} (95 % interval {ends}), {span}"
    if rule.name in ("unknown", "accuracy"):
        what = "not answered" if rule.name == "unknown" else "below the validation accuracy"
        return f"{value} {what} (95 % interval {low} to {high}, n = {estimate.n:,}), {span}"
    if not estimate.value:
        return f"no change proven, n = {estimate.n:,}, {span}"
    return f"{reading.detail}: {_NOUNS[rule.name]} {value}, n = {estimate.n:,}, {span}"


_NOUNS = {"features": "distance", "properties": "distance", "mix": "index beyond chance"}


def describe_levels(rule: Rule) -> str:
    """Returns from when on a rule is an alarm: "warning from 30 %, critical from 50 %"."""
    word = "below" if rule.measure.is_low else "from"
    told = [
        f"{name} {word} {_format_limit(rule.measure, limit)}"
        for name, limit in (("warning", rule.warning), ("critical", rule.critical))
        if limit is not None
    ]
    return ", ".join(told) or "not watched"


def _format_limit(measure: Measure, limit: float) -> str:
    """Returns a level as it was typed: 12.5 % is not 12 %."""
    typed = f"{100 * limit:g}"
    if measure.unit == "share":
        return f"{typed} %"
    if measure.unit == "points":
        return f"{typed} point" + "s" * (typed != "1")
    return format_value(measure, limit)


def describe_span(hours: int) -> str:
    """Returns the time a rule looks over: "the last day", "the last 3 weeks"."""
    size, name = next((size, name) for size, name in _SPANS if hours % size == 0)
    number = hours // size
    return f"the last {name}" if number == 1 else f"the last {number} {name}s"


def format_value(measure: Measure, value: float | None, n: int = 0) -> str:
    """Returns a value in the unit of a measure; a dash where there is none."""
    if value is None or value != value:
        return "–"
    if measure.unit == "share":
        return percent(value, n)
    if measure.unit == "points":
        return count(round(100 * value), "point")
    if measure.unit == "photos":
        return f"{value:,.0f} photos"
    if measure.unit == "ms":
        return f"{value:,.0f} ms"
    return f"{value:.2f}"
