"""The first sections of a report: what was trained on what, how it learnt, and how good it is."""

import math

from core.charts.history import draw_history
from core.evaluation.baselines import NAMES, describe_worth
from core.evaluation.intervals import Estimate
from core.formats import count, duration, moment, percent
from core.reporting.contents import RunReport
from core.reporting.elements import chart, facts, note, number, paragraph, section, table
from core.reporting.markup import Markup, tag
from core.runs.recipe.words import list_settings
from data.manifest import SPLITS

SHARES = {
    "accuracy": "Accuracy",
    "top_k_accuracy": "Top-{k} accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
    "macro_f1": "Macro F1",
    "weighted_precision": "Weighted precision",
    "weighted_recall": "Weighted recall",
    "weighted_f1": "Weighted F1",
}
"""Figures that are shares, in the order in which they are listed."""
OTHERS = {"loss": "Loss", "cohen_kappa": "Cohen's kappa", "matthews": "Matthews coefficient"}


def write_head(report: RunReport) -> Markup:
    """Returns title, where the numbers come from, and the most important of them."""
    run, n = report.run, report.evaluation.n
    figures = report.estimates
    shown = [
        _number("Accuracy", figures["accuracy"]),
        _number(f"Top-{report.evaluation.top_k}", figures["top_k_accuracy"]),
        _number("Balanced accuracy", figures["balanced_accuracy"]),
        _number("Macro F1", figures["macro_f1"]),
    ]
    return tag(
        "header",
        tag("p", "Petalscope report", class_="note"),
        tag("h1", run.name),
        paragraph(
            f"Run {run.number} ({run.id}) on {report.dataset.name} ({report.dataset.id}), judged "
            f"by {count(n, f'{report.split} photo')}. Written {moment(report.written)}."
        ),
        *_warn(report),
        tag("div", *shown, class_="numbers"),
        note(f"Below each figure its 95 % interval; n = {n:,}."),
    )


def write_recipe(report: RunReport) -> Markup:
    """Returns the recipe, the dataset version and its splits."""
    dataset, result = report.dataset, report.result
    about = {
        "name": dataset.name,
        "version": f"{dataset.id} (edition {dataset.edition})",
        "source": report.source,
        "photos": f"{len(dataset):,}",
        "classes": f"{len(dataset.classes):,}",
        "splits": f"{dataset.split_origin}"
        if report.run.recipe.split_seed is None
        else f"drawn for this run with seed {report.run.recipe.split_seed}",
    }
    for split in SPLITS:
        about[split] = f"{len(result.photo_numbers(split)):,} photos"
    about["weights"] = f"{report.weights_label}, {report.run.recipe.weights_digest}"
    about["trained on"] = f"{report.run.device}, {duration(sum(result.seconds.values()))}"
    return section(
        "recipe",
        "Recipe and data",
        tag(
            "div",
            tag("div", tag("h3", "Recipe"), facts(list_settings(report.run.recipe))),
            tag("div", tag("h3", "Dataset and run"), facts(about)),
            class_="columns",
        ),
    )


def write_curves(report: RunReport) -> Markup:
    """Returns how loss and accuracy went, epoch by epoch."""
    history, best = report.result.history, report.result.best_epoch
    rows = [
        [
            f"{epoch['epoch']}{' (best)' if epoch['epoch'] == best else ''}",
            _plain(epoch.get("loss")),
            _share(epoch.get("accuracy")),
            _plain(epoch.get("val_loss")),
            _share(epoch.get("val_accuracy")),
        ]
        for epoch in history
    ]
    headings = ("Epoch", "Train loss", "Train accuracy", "Validation loss", "Validation accuracy")
    return section(
        "curves",
        "Learning curves",
        chart(
            lambda dark: draw_history(history, best, dark),
            "Loss and accuracy of train and validation photos by epoch; the table below says "
            "the same.",
        ),
        tag("details", tag("summary", "The numbers behind the curves"), table(headings, rows)),
    )


def write_metrics(report: RunReport) -> Markup:
    """Returns every figure over all classes with its interval, and the baselines."""
    rows = []
    for name, words in (SHARES | OTHERS).items():
        one = report.estimates[name]
        say = _percent if name in SHARES else _decimal
        rows.append(
            [
                words.format(k=report.evaluation.top_k),
                say(one.value, one.n),
                _ends(one, name in SHARES),
                one.method or "–",
            ]
        )
    return section(
        "metrics",
        "Metrics",
        table(("Figure", "Value", "95 % interval", "Interval by"), rows),
        note(
            f"n = {report.evaluation.n:,} {report.split} photos. Bootstrap: photos drawn anew "
            "within each class. Macro counts every class alike, weighted every photo. Loss is the "
            "mean categorical cross-entropy."
        ),
        *_write_baselines(report),
    )


def write_classes(report: RunReport) -> Markup:
    """Returns precision, recall and F1 of each class with intervals."""
    rows = []
    for row in report.evaluation.per_class.to_dict("records"):
        cells = [row["class"], f"{row['support']:,}", f"{row['predicted']:,}"]
        for name, n in (("precision", "predicted"), ("recall", "support"), ("f1", "support")):
            cells.append(percent(row[name], row[n]))
            ends = (row[f"{name}_low"], row[f"{name}_high"])
            cells.append("–" if math.isnan(ends[0]) else f"{100 * ends[0]:.0f}–{100 * ends[1]:.0f}")
        rows.append(cells)
    headings = ("Class", "Photos", "Predicted", "Precision", "95 %", "Recall", "95 %", "F1", "95 %")
    return section(
        "classes",
        "Each class",
        table(headings, rows),
        note(
            "Photos: how many are of the class. Predicted: how many were taken for it. Precision: "
            "of those taken for it, the share that is. Recall: of its photos, the share that was "
            "found. 95 %: ends of the interval, in percent."
        ),
    )


def _write_baselines(report: RunReport) -> list[Markup]:
    if not report.baselines:
        return []
    rows = [
        [
            NAMES[one.name],
            percent(one.accuracy.value, one.accuracy.n),
            _ends(one.accuracy, True),
            f"{100 * one.compared.difference:+.1f} points".replace("-", "−"),
            f"{one.p_value:.3f}" if one.p_value >= 0.001 else "<0.001",
        ]
        for one in report.baselines
    ]
    headings = ("Baseline", "Accuracy", "95 % interval", "The run, against it", "p")
    verdicts = [
        paragraph(tag("strong", one.verdict), " ", one.facts)
        for one in describe_worth(report.baselines)
    ]
    return [
        tag("h3", "Is ResNet-50 worth it?"),
        *verdicts,
        table(headings, rows),
        note(f"The same {report.evaluation.n:,} photos; p of McNemar's exact test, adjusted."),
    ]


def _warn(report: RunReport) -> list[Markup]:
    said = []
    if report.run.recipe.weights == "random":
        said.append(
            "Random weights: the backbone has never seen a photo. These figures show the way, not "
            "what transfer learning can do."
        )
    if report.split == "test":
        looks = len(report.openings)
        said.append(
            f"Test photos of this run were opened {count(looks, 'time')}, first "
            f"{moment(report.openings[0].opened) if looks else '–'}. A model chosen by its test "
            "photos has no test left."
        )
    if report.split == "train":
        said.append("Training photos: the run learnt from them. These figures flatter it.")
    if report.split == "validation":
        return [
            *(tag("p", words, class_="warning") for words in said),
            note(
                "Validation photos chose the best epoch, and perhaps this run among others: on new "
                "photos expect a little less."
            ),
        ]
    return [tag("p", words, class_="warning") for words in said]


def _number(label: str, one: Estimate) -> Markup:
    return number(label, percent(one.value, one.n), _ends(one, True))


def _ends(one: Estimate, is_share: bool) -> str:
    if math.isnan(one.low):
        return "–"
    say = _percent if is_share else _decimal
    return f"{say(one.low, one.n)} to {say(one.high, one.n)}"


def _percent(value: float, n: int) -> str:
    return percent(value, n)


def _decimal(value: float, _n: int) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
