"""The comparison of two or more runs: which, on which photos, and whether the difference is real.

The runs live in the URL as `compare`, the baseline first. Each of the others is compared with it on
the photos that both were judged by.
"""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.errors import PetalscopeError
from core.evaluation.comparison import (
    Comparison,
    adjust_holm,
    compare_predictions,
    describe_verdict,
)
from core.formats import count, percent, plain
from core.runs.common_photos import CommonPhotos, describe_left_out, find_common, match_results
from core.runs.repeats import Repeats, fold_repeats
from core.runs.result import FACTS_FILE
from core.runs.store import RunRecord, list_runs
from core.ui import cache
from core.ui.pickers import ask_before_test, title_run
from core.ui.runs_compared import show_class_changes, show_curves, show_photos, show_recipes
from core.ui.state import keep_choice, read_choice
from data.splits import SPLITS

MOST_RUNS = 24
"""Runs that are compared at once: more could not be told apart by eye."""


def show_comparison() -> None:
    """Draws the comparison of the runs that the URL names; nothing when it names fewer than two."""
    runs = _read_runs()
    if len(runs) < 2:
        return
    st.subheader(f"{count(len(runs), 'run')} compared", anchor=False)
    done = [run for run in runs if run.state == "done"]
    split = _show_choices(runs, done)
    left, right = st.columns([2, 3], gap="medium")
    with left.container(border=True):
        show_recipes(runs)
    with right.container(border=True):
        show_curves(runs)
    if split is None or runs[0] not in done:
        st.info(
            "Photos are compared once the baseline and another run are done.",
            icon=":material/hourglass_top:",
        )
        return
    if split == "test":
        ask_before_test(*done)
    _show_answers(runs[0], done[1:], split)


def _read_runs() -> list[RunRecord]:
    """Returns the runs of the URL, the baseline first; says which are not there any more."""
    stated = list(dict.fromkeys((read_choice("compare") or "").split(",")))
    known = {run.id: run for run in list_runs(cache.workspace())}
    runs = [known[one] for one in stated if one in known]
    gone = [one for one in stated if one and one not in known]
    if gone:
        st.caption(f":orange[{count(len(gone), 'run')} of the link cannot be found here.]")
    if len(runs) > MOST_RUNS:
        st.caption(f":orange[Only the first {MOST_RUNS} of {len(runs)} runs are compared.]")
    return runs[:MOST_RUNS]


def _show_choices(runs: Sequence[RunRecord], done: Sequence[RunRecord]) -> str | None:
    """Draws baseline, split and the end of the comparison; returns the split, None without one."""
    names = {run.id: title_run(run) for run in runs}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = "runs.baseline"
        st.session_state[key] = runs[0].id
        st.selectbox(
            "Baseline",
            list(names),
            key=key,
            format_func=names.__getitem__,
            on_change=lambda: _choose_baseline(st.session_state[key], list(names)),
            help="The run that all others are compared with.",
            width=320,
        )
        split = _pick_split(done) if len(done) > 1 else None
        st.button(
            "Close",
            icon=":material/close:",
            key="runs.close",
            type="tertiary",
            on_click=lambda: keep_choice("compare", None),
        )
    return split


def _choose_baseline(baseline: str, ids: list[str]) -> None:
    keep_choice("compare", ",".join([baseline, *(one for one in ids if one != baseline)]))


def _pick_split(done: Sequence[RunRecord]) -> str:
    splits = cache.result(done[0].id).splits
    present = [split for split in SPLITS if (splits == split).any()]
    stated = read_choice("split")
    default = "validation" if "validation" in present else present[0]
    key = "runs.split"
    st.session_state[key] = stated if stated in present else default
    return str(
        st.segmented_control(
            "Split",
            present,
            key=key,
            on_change=lambda: keep_choice("split", st.session_state[key]),
            help="Only photos that both runs have in this split are compared. Validation photos "
            "chose each run's best epoch. Test photos chose nothing: open them last.",
            required=True,
        )
    )


def _show_answers(baseline: RunRecord, others: Sequence[RunRecord], split: str) -> None:
    compared: dict[str, tuple[RunRecord, CommonPhotos, Comparison]] = {}
    for run in others:
        try:
            compared[run.id] = (run, *compare_runs(baseline.id, run.id, split))
        except PetalscopeError as error:  # one whose files are gone must not hide the others
            st.caption(f":orange[{plain(title_run(run))}: {plain(error.problem)}]")
    if not compared:
        return
    if len(compared) > 1:
        _show_table(baseline, list(compared.values()))
    run, common, comparison = compared[
        _pick_other(baseline, {k: v[0] for k, v in compared.items()})
    ]
    _show_headline(baseline, run, common, comparison)
    if comparison.gained + comparison.lost + comparison.both_wrong == 0:
        return
    with st.container(border=True):
        show_class_changes(baseline, run, comparison)
    show_photos(run, common)


def _show_table(
    baseline: RunRecord, compared: Sequence[tuple[RunRecord, CommonPhotos, Comparison]]
) -> None:
    """Draws each run beside the baseline, with p-values that stay right for several tests."""
    p_values = adjust_holm([comparison.p_value for _, _, comparison in compared])
    words = {"better": "better", "worse": "worse", "open": "not told apart", "same": "the same"}
    rows = []
    for (run, common, one), p_value in zip(compared, p_values, strict=True):
        real = p_value < 0.05 or one.verdict == "same"
        rows.append(
            {
                "Run": title_run(run),
                "Accuracy": percent(one.accuracy_b, one.n),
                "Baseline": percent(one.accuracy_a, one.n),
                "Difference": _points(one.difference, one.n),
                "95 % interval": _say_interval(one),
                "Gained": one.gained,
                "Lost": one.lost,
                "n": len(common),
                "p": f"{p_value:.3f}" if p_value >= 0.001 else "< 0.001",
                "Verdict": words[one.verdict] if real else words["open"],
            }
        )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={
            "Run": st.column_config.TextColumn(pinned=True),
            "Baseline": st.column_config.TextColumn(help=f"{title_run(baseline)}, same photos."),
            "p": st.column_config.TextColumn(
                help=f"McNemar's exact test, adjusted for {len(rows)} comparisons (Holm)."
            ),
        },
        alt="Each run beside the baseline: accuracy, difference, interval, gained, lost, p-value",
    )
    st.caption(
        "The best of many runs looks better than it is: it was picked for its luck, too. Judge "
        "the one you choose by its test photos, once."
    )


def _pick_other(baseline: RunRecord, others: dict[str, RunRecord]) -> str:
    """Returns which run is looked at beside the baseline; asks only where there are several."""
    ids = list(others)
    if len(ids) == 1:
        return ids[0]
    key = "runs.beside"
    stated = read_choice("beside")
    st.session_state[key] = stated if stated in ids else ids[0]
    return str(
        st.selectbox(
            f"Look closer at, beside {title_run(baseline)}",
            ids,
            key=key,
            format_func=lambda one: title_run(others[one]),
            on_change=lambda: keep_choice("beside", st.session_state[key]),
            width=420,
        )
    )


def _show_headline(
    baseline: RunRecord, run: RunRecord, common: CommonPhotos, compared: Comparison
) -> None:
    n = compared.n
    with st.container(horizontal=True, gap="large"):
        for label, value in (
            (_short(baseline), percent(compared.accuracy_a, n)),
            (_short(run), percent(compared.accuracy_b, n)),
            ("Difference", _points(compared.difference, n)),
            ("Gained", f"{compared.gained:,}"),
            ("Lost", f"{compared.lost:,}"),
            ("Photos", f"{n:,}"),
        ):
            st.metric(label, value, width="content")
    verdict = describe_verdict(compared)
    first, _, rest = verdict.partition(". ")
    st.markdown(f"**{first}.** {rest}")
    details = f"McNemar's exact test: p = {compared.p_value:.2g}. "
    if compared.gained + compared.lost:
        details += f"Difference: 95 % interval {_say_interval(compared)} (paired bootstrap). "
    st.caption(f"{details}{describe_left_out(common)}{_say_repeats(baseline, run)}")


def _say_repeats(baseline: RunRecord, run: RunRecord) -> str:
    """Returns what the seed alone does, where a recipe was trained with several; else ""."""
    folded = [one for one in fold_repeats(list_runs(cache.workspace())) if len(one.measured) > 1]
    parts = [
        _say_seeds(each, one) for each in (baseline, run) for one in folded if each in one.runs
    ]
    if not parts:
        return " These are two trained runs: other seeds of the same recipes may differ by chance."
    return f" Over seeds, best validation accuracy (mean ± sd): {'; '.join(dict.fromkeys(parts))}."


def _say_seeds(run: RunRecord, one: Repeats) -> str:
    mean = percent(one.mean_accuracy or 0.0, run.val_photos or 0)
    return f"recipe of {_short(run)} {mean} ± {100 * one.spread:.1f} ({len(one.measured)} seeds)"


def _short(run: RunRecord) -> str:
    return f"Run {run.number}"


def _points(difference: float, n: int) -> str:
    """Returns a difference in percentage points, rounded to what n supports."""
    return f"{100 * difference:+.{0 if n < 200 else 1}f} points".replace("-", "−")


def _say_interval(compared: Comparison) -> str:
    if compared.gained + compared.lost == 0:
        return "–"
    low, high = (_points(end, compared.n).removesuffix(" points") for end in compared.interval)
    return f"{low} to {high} points"


def compare_runs(baseline: str, run: str, split: str) -> tuple[CommonPhotos, Comparison]:
    """Returns the photos that both runs can be judged by, and how they compare on them."""
    return _compare(baseline, run, split, _written(baseline), _written(run))


@st.cache_resource(max_entries=64, show_spinner="Comparing …")
def _compare(
    baseline: str,
    run: str,
    split: str,
    *when: float,  # noqa: ARG001 (part of the key)
) -> tuple[CommonPhotos, Comparison]:
    a, b = cache.result(baseline), cache.result(run)
    same = a.dataset_id == b.dataset_id
    datasets = (None, None) if same else (cache.dataset(a.dataset_id), cache.dataset(b.dataset_id))
    common = find_common(a, b, match_results(a, b, *datasets), split)
    answers = (common.labels, common.predictions_a, common.predictions_b)
    return common, compare_predictions(*answers, common.classes)


def _written(run_id: str) -> float:
    file = cache.workspace().run_folder(run_id) / FACTS_FILE
    return file.stat().st_mtime if file.exists() else 0.0
