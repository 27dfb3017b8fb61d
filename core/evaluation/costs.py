"""What wrong answers cost, what asking a person costs, and the decision of least expected cost.

Costs are of no unit: cents, minutes or damage, all in the same one. A right answer costs nothing
unless a person says otherwise.
"""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.errors import RuleRefused
from core.evaluation.intervals import Estimate
from core.formats import cell_text

_WIDE = 200
"""Classes up to which a file of costs is a matrix; of more it lists the pairs that differ."""
_MOST_PAIRS = 20_000
_DRAWS = 1_000


@dataclass(frozen=True, kw_only=True)
class CostRule:
    """What a decision costs."""

    asking: float
    """Asking a person, once."""
    wrong: float
    """A wrong answer."""
    pairs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """True class → answered class → cost, where it is another."""


def expect_costs(rule: CostRule, scores: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Return what each answer is expected to cost, (n, k) float64, of calibrated scores (n, k).

    Source:
        C. K. Chow (1970), On Optimum Recognition Error and Reject Tradeoff, IEEE Trans. Inf. Theory
        16, 41-46: the answer of least expected cost, where asking does not cost less.
    """
    scores = scores.astype(np.float64)
    expected = rule.wrong * (scores.sum(axis=1, keepdims=True) - scores)
    numbers = {name: number for number, name in enumerate(classes)}
    for true, row in rule.pairs.items():
        for answered, cost in row.items():
            if true in numbers and answered in numbers:
                usual = 0.0 if true == answered else rule.wrong
                expected[:, numbers[answered]] += scores[:, numbers[true]] * (cost - usual)
    return np.asarray(expected)


def count_costs(
    rule: CostRule,
    labels: np.ndarray,
    answers: np.ndarray,
    answered: np.ndarray,
    classes: Sequence[str],
) -> np.ndarray:
    """Return what each photo cost, (n,) float: its answer, or asking where it was not answered.

    Args:
        answers: (n,) int, the class that is or would be answered.
    """
    costs = np.where(answers == labels, 0.0, rule.wrong)
    for place in np.flatnonzero(answered) if rule.pairs else ():
        row = rule.pairs.get(classes[labels[place]], {})
        costs[place] = row.get(classes[answers[place]], costs[place])
    return np.where(answered, costs, rule.asking)


def estimate_costs(costs: np.ndarray) -> Estimate:
    """Return the cost of 1,000 photos, of costs (or differences) for each (n,), bootstrapped.

    NaN ends where all photos cost the same: resamples of them say nothing of others.
    """
    n = len(costs)
    if not n:
        return Estimate(value=np.nan, n=0)
    value = 1000 * float(costs.mean())
    prices, times = np.unique(costs, return_counts=True)
    if len(prices) == 1:
        return Estimate(value=value, n=n)
    # Photos of one price are alike: how often each price is drawn is all that a resample is.
    means = np.random.default_rng(0).multinomial(n, times / n, _DRAWS) @ prices / n
    low, high = 1000 * np.quantile(means, [0.025, 0.975])
    return Estimate(value=value, low=float(low), high=float(high), n=n, method="resampling")


def say_cost(cost: float) -> str:
    """Return a cost as text, to about three digits and no unit."""
    return f"{cost:,.0f}" if abs(cost) >= 100 else f"{cost:.3g}"


def say_cost_ends(found: Estimate) -> str:
    """Return the ends of an interval of costs as text."""
    if np.isnan(found.low):
        return "all alike"
    return f"{say_cost(found.low)} to {say_cost(found.high)}"


def write_costs(rule: CostRule, classes: Sequence[str]) -> bytes:
    """Return the costs as CSV: a row for each true class, a column for each answer.

    Of more than 200 classes: rows of true, answered and cost, where it differs.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    if len(classes) > _WIDE:
        writer.writerow(["true", "answered", "cost"])
        for true, row in rule.pairs.items():
            writer.writerows([cell_text(true), cell_text(one), cost] for one, cost in row.items())
    else:
        writer.writerow(["true \\ answered", *map(cell_text, classes)])
        for true in classes:
            own = {name: 0.0 if name == true else rule.wrong for name in classes}
            own |= {name: cost for name, cost in rule.pairs.get(true, {}).items() if name in own}
            writer.writerow([cell_text(true), *own.values()])
    return text.getvalue().encode("utf-8-sig")


def read_costs(content: bytes, rule: CostRule, classes: Sequence[str]) -> CostRule:
    """Return the rule with the costs of a CSV file, in either form that `write_costs` writes.

    Of a matrix, the cost that most wrong answers share becomes that of a wrong answer.

    Raises:
        RuleRefused: It is no such file, or names a class or a cost that there is not.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))) if any(row)]
        known = {cell_text(name): name for name in classes}
        if rows and [cell.strip().lower() for cell in rows[0]] == ["true", "answered", "cost"]:
            costs = {(known[row[0]], known[row[1]]): float(row[2]) for row in rows[1:]}
            return replace_pairs(rule, costs)
        names = [known[cell] for cell in rows[0][1:]]
        costs = {
            (known[row[0]], name): float(cell)
            for row in rows[1:]
            for name, cell in zip(names, row[1:], strict=True)
        }
    except (ValueError, KeyError, IndexError, UnicodeDecodeError, csv.Error) as error:
        raise RuleRefused(
            f"The file is no matrix of costs of these classes ({error}).",
            "Begin with the template: a row for each true class, a column for each answer, UTF-8.",
        ) from error
    off = [cost for (true, answer), cost in costs.items() if true != answer]
    usual = Counter(off).most_common(1)[0][0] if off else rule.wrong
    return replace_pairs(CostRule(asking=rule.asking, wrong=usual), costs)


def replace_pairs(rule: CostRule, costs: Mapping[tuple[str, str], float]) -> CostRule:
    """Return the rule with these costs of (true, answered), as far as they differ from the usual.

    Raises:
        RuleRefused: A cost is negative or no number, or there are too many.
    """
    pairs: dict[str, dict[str, float]] = {}
    for (true, answer), cost in costs.items():
        if cost != (0.0 if true == answer else rule.wrong):
            pairs.setdefault(true, {})[answer] = float(cost)
    found = CostRule(asking=rule.asking, wrong=rule.wrong, pairs=pairs)
    check_costs(found)
    return found


def check_costs(rule: CostRule) -> None:
    """Pass where a rule of costs makes sense.

    Raises:
        RuleRefused: A cost is negative or no number, or there are too many pairs.
    """
    own = [cost for row in rule.pairs.values() for cost in row.values()]
    costs = [rule.asking, rule.wrong, *own]
    if not all(0 <= cost < float("inf") for cost in costs):
        raise RuleRefused("A cost is negative, or no number.", "Give costs of 0 and more.")
    if len(own) > _MOST_PAIRS:
        raise RuleRefused(
            f"{len(own):,} pairs of classes have a cost of their own; {_MOST_PAIRS:,} may.",
            "Give most wrong answers the same cost.",
        )
