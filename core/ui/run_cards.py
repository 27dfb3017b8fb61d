"""What pages show of a finished run: where its numbers come from, and the numbers with their n."""

from typing import Any

import pandas as pd
import streamlit as st

from core.charts.bars import Metric, draw_class_bars
from core.evaluation.metrics import Evaluation
from core.formats import count, duration, interval, percent, percent_format, plain
from core.runs.recipe import Recipe
from core.runs.store import RunRecord
from core.ui import cache
from core.ui.frame import is_dark
from core.ui.messages import show_random_banner
from data.policy import describe_policy

_METRICS: tuple[Metric, ...] = ("recall", "precision", "f1")
_SCROLL_ABOVE = 20
"""Number of classes above which their bars scroll inside their card."""
_HELP = {
    "recall": "Of the photos that are this class, the share that was found.",
    "precision": "Of the photos taken for this class, the share that is.",
    "f1": "Harmonic mean of precision and recall.",
}


def show_run_facts(run: RunRecord) -> None:
    """Draws where the numbers come from, and the banner of random weights."""
    result = cache.result(run.id)
    dataset = cache.dataset(run.recipe.dataset)
    spent = sum(result.seconds.values())
    with st.container(horizontal=True, vertical_alignment="center"):
        stopped = " · stopped by hand" if run.stopped else ""
        st.caption(
            f"Dataset {plain(dataset.name)} ({dataset.id}) · best epoch {result.best_epoch} of "
            f"{run.epochs_done}{stopped} · {plain(run.device)} · {duration(spent)}"
        )
        with st.popover("Recipe", icon=":material/receipt_long:", type="tertiary"):
            show_recipe(run)
    if run.recipe.weights == "random":
        show_random_banner()


def show_recipe(run: RunRecord) -> None:
    """Draws everything that decided what the run learnt; what it did not use is left out."""
    rows = {"run": run.id, **_list_settings(run.recipe)}
    table = pd.DataFrame({"setting": rows.keys(), "value": rows.values()})
    st.dataframe(table, hide_index=True, width=420, alt="Recipe of this run")


def _list_settings(recipe: Recipe) -> dict[str, str]:
    """Returns the settings that are used, in words."""
    own = recipe.split_seed is None
    rows = {
        "dataset": recipe.dataset,
        "splits": "the dataset's own" if own else f"seed {recipe.split_seed}",
        "weights": f"{recipe.weights} ({recipe.weights_digest[:12]})",
        "preprocessing": recipe.preprocessing,
        "strategy": recipe.strategy.replace("_", " "),
        "augmentation": describe_policy(recipe.augmentation),
    }
    if recipe.keeps_views and not recipe.augmentation.does_nothing:
        rows["views of each photo"] = str(recipe.views)
    rows |= {
        "hidden layers": " → ".join(map(str, recipe.hidden)) or "none (linear head)",
        "dropout": f"{recipe.dropout:g}",
        "standardised features": _yes(recipe.standardise),
    }
    return rows | _list_steps(recipe) | {"seed": str(recipe.seed)}


def _list_steps(recipe: Recipe) -> dict[str, str]:
    """Returns the settings of the steps that are used, in words."""
    rows = {"optimiser": recipe.optimizer, "loss": "categorical cross-entropy"}
    if recipe.optimizer == "sgd":
        rows["momentum"] = f"{recipe.momentum:g}"
    if recipe.optimizer != "adam":
        rows["weight decay"] = f"{recipe.weight_decay:g}"
    rows["learning rate"] = f"{recipe.learning_rate:g}, {recipe.schedule}"
    if recipe.schedule == "cosine" and recipe.warmup_epochs:
        rows["warm-up"] = count(recipe.warmup_epochs, "epoch")
    rows |= {"batch size": str(recipe.batch_size), "epochs": str(recipe.epochs)}
    if recipe.strategy == "two_phases":
        rows |= {
            "of these, head only": str(recipe.head_epochs),
            "stages trained then": str(recipe.unfrozen),
            "their learning rate": f"{recipe.fine_learning_rate:g}",
        }
    if recipe.trained_stages:
        rows["precision"] = recipe.precision
    if recipe.patience is not None:
        rows["stops early"] = f"after {count(recipe.patience, 'epoch')} without a better one"
    return rows | {
        "rare classes count more": _yes(recipe.class_weights),
        "label smoothing": f"{recipe.label_smoothing:g}",
        "mixup": f"{recipe.mixup:g}",
    }


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def show_headline(evaluation: Evaluation) -> None:
    """Draws accuracy with its interval, top-k, balanced accuracy and loss."""
    n = evaluation.n
    top = f"Top-{evaluation.top_k}"
    with st.container(horizontal=True, gap="large"):
        st.metric("Accuracy", percent(evaluation.accuracy, n), width="content")
        if evaluation.top_k > 1:  # of two classes it would be the accuracy once more
            st.metric(top, percent(evaluation.top_k_accuracy, n), width="content")
        st.metric("Balanced", percent(evaluation.balanced_accuracy, n), width="content")
        st.metric("Macro F1", percent(_average(evaluation, "macro", "f1"), n), width="content")
        st.metric("Loss", f"{evaluation.loss:.3f}", width="content")
    st.caption(
        f"Accuracy: {interval(evaluation.accuracy_low, evaluation.accuracy_high, n)}. "
        f"{top}: the true class is among the {evaluation.top_k} highest scores"
        f"{'' if evaluation.top_k == 5 else ' (of so few classes top-5 is always right)'}. "
        "Balanced: mean recall of the classes. Loss: mean categorical cross-entropy."
    )


def show_class_bars(evaluation: Evaluation) -> None:
    """Draws one metric for every class, chosen above the chart."""
    metric = st.segmented_control(
        "Metric",
        _METRICS,
        default="recall",
        format_func=str.capitalize,
        key="metrics.metric",
        bind="query-params",
        required=True,
    )
    st.caption(_HELP[metric])
    many = len(evaluation.per_class) > _SCROLL_ABOVE
    with st.container(height=560 if many else "content", border=False):
        st.altair_chart(
            draw_class_bars(evaluation.per_class, metric, is_dark()),
            theme=None,
            alt=f"{metric} of each class; the same numbers stand in the table below.",
        )


def show_averages(evaluation: Evaluation) -> None:
    """Draws macro and weighted averages, and what they mean."""
    st.markdown("**Averages over the classes**")
    table = evaluation.averages.copy()
    table[list(_METRICS)] *= 100
    config: dict[str, Any] = {"average": "Average"}
    for name in _METRICS:
        config[name] = st.column_config.NumberColumn(
            name.capitalize(), format=percent_format(evaluation.n)
        )
    st.dataframe(
        table,
        hide_index=True,
        column_config=config,
        alt="Macro and weighted averages of precision, recall and F1",
    )
    st.caption(
        "Macro counts every class alike, so a small class weighs as much as a large one. Weighted "
        f"counts every photo alike. n = {evaluation.n:,}."
    )


def show_class_table(evaluation: Evaluation) -> None:
    """Draws precision, recall and F1 of every class with intervals and support, sortable."""
    measured = evaluation.per_class
    table = measured[["class", "support", "predicted"]].copy()
    n = int(measured["support"].max())
    config: dict[str, Any] = {
        "class": st.column_config.TextColumn("Class", pinned=True),
        "support": st.column_config.NumberColumn("Support", help="Photos that are this class (n)."),
        "predicted": st.column_config.NumberColumn("Predicted", help="Photos taken for it."),
    }
    for name in _METRICS:
        table[name] = 100 * measured[name]
        config[name] = st.column_config.ProgressColumn(
            name.capitalize(),
            help=_HELP[name],
            format=percent_format(n),
            min_value=0,
            max_value=100,
        )
        if f"{name}_low" in measured:
            table[f"{name}_interval"] = _write_intervals(measured, name)
            config[f"{name}_interval"] = st.column_config.TextColumn(
                "95 % interval", help="Wilson interval, in percent."
            )
    st.dataframe(
        table,
        hide_index=True,
        column_config=config,
        alt="Support, precision, recall and F1 of each class",
    )


def _write_intervals(measured: pd.DataFrame, name: str) -> list[str]:
    ends = zip(measured[f"{name}_low"], measured[f"{name}_high"], strict=True)
    return ["" if pd.isna(low) else f"{100 * low:.0f} to {100 * high:.0f}" for low, high in ends]


def _average(evaluation: Evaluation, kind: str, metric: str) -> float:
    averages = evaluation.averages.set_index("average")
    return float(averages.loc[kind, metric])
