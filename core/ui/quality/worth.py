"""What photos are worth: how many harm, are redundant or precious, which, and the proof."""

from functools import partial

import pandas as pd
import streamlit as st

from core.exact.store import WORTH_KIND, find_judged_source
from core.exact.worth import WorthResult, list_marked, tell_removal
from core.formats import count, percent
from core.instant.worth import MARKS
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.exact import make_by_head, open_exact_head, say_engine
from core.ui.parts.frame import link_page
from core.ui.parts.pickers import pick_one
from core.ui.parts.state import bind_choice, read_choice
from core.ui.photos.gallery import show_gallery
from core.ui.quality.charts import draw_removal
from core.ui.quality.reading import QualityPage

_METHOD = (
    "Each training photo is left out of the exact head, and the loss on validation photos measured "
    "without it. **Worth** is how much that loss rises; 1 is an average photo's share of what "
    "learning took off it. Beside it stands the KNN-Shapley value: how often a photo helps its "
    "neighbours to the right class, among all sets of photos that lack few.\n\n"
    "**Harmful**: without it the loss falls, its Shapley value is below 0, and of the validation "
    "photos near it, it hinders most (95 % interval). **Precious**: the whole 95 % interval of its "
    "worth and its Shapley value are above 0; of 100 photos that are worth nothing, 2 or 3 have "
    "such an interval by luck. **Redundant**: left out alone, no answer changes and the whole "
    "interval of its worth is within half an average share; at most half of a class.\n\n"
    "Each photo is judged alone: what many do together stands below. Test photos are not asked."
)


def show_worth(page: QualityPage) -> None:
    """Draw what is known of the worth of the photos, or the button that measures it."""
    found = open_exact_head(partial(find_judged_source, cache.workspace(), page.dataset))
    if found is None:
        return
    source, head = found
    worth = cache.worth(page.dataset.id)
    if worth is None or worth.id != source.identify(WORTH_KIND):
        ask = f"Measure {count(len(source.train), 'training photo')}"
        make_by_head(source, WORTH_KIND, "Measuring", button=ask)
        st.caption("From seconds to a few minutes, once; a process of its own does it.")
        return
    say_engine(source, head)
    _show_marks(page, worth, len(source.train))
    _show_proof(worth)


def _show_marks(page: QualityPage, worth: WorthResult, trained: int) -> None:
    """Draw how many photos have each mark, and those of the chosen one."""
    counts = worth.counts
    st.markdown(
        f"Of {count(trained, 'training photo')}, judged by {count(worth.n, 'validation photo')}. "
        "Under each photo: the 95 % interval of its worth.",
        help=_METHOD,
    )
    stated = read_choice("mark")
    mark = stated if stated in MARKS else MARKS[0]
    options = {name: f"{counts[name]:,} {name}" for name in MARKS}
    with st.container(horizontal=True, vertical_alignment="center"):
        mark = pick_one("Mark", options, bind_choice("mark", mark, key="quality.mark"))
        table = {"dataset": page.dataset.id, "view": "table", "q": mark, "sort": "worth"}
        link_page("dataset", "All in a table", "table", **table)
        drawn = {"dataset": page.dataset.id, "view": "map", "colours": "worth"}
        link_page("dataset", "On the map", "scatter_plot", **drawn)
    photos = list_marked(worth, mark)
    if not len(photos):
        st.success(f"None is {mark} by these numbers.", icon=":material/check_circle:")
        return
    rows, classes = worth.photos, page.dataset.manifest["class"].to_numpy()

    def describe(photo: int) -> str:
        ends = "worth_low", "worth_high"
        low, high = (f"{rows[end].iat[photo]:z.1f}".replace("-", "−") for end in ends)
        return f"{low} to {high}, {classes[photo]}"

    show_gallery(
        page.dataset,
        photos,
        key=f"quality_{mark}",
        captions=describe,
        badges=lambda photo: [
            f"helps {rows['helped'].iat[photo]:.0f}, hinders {rows['hindered'].iat[photo]:.0f}"
        ],
    )


def _show_proof(worth: WorthResult) -> None:
    """Draw what removal does: the worst by each measure beside as many at random, and marks."""
    st.subheader("The proof: without them", anchor=False)
    removal = worth.removal
    worst = removal[removal["what"].isin(["worth", "neighbours"])]
    if worst.empty:
        st.caption("Too few photos to try it.")
        return
    said = [_judge(rows, str(what)) for what, rows in worst.groupby("what", sort=False)]
    if not (worst["right"] > worst["random_high"]).any():
        said.append("It does not pay here to throw photos away by these numbers alone.")
    st.markdown(" ".join(said))
    show_kept_chart(draw_removal, worst, alt="Accuracy without the worst; see the table below.")
    headings = ("Left out", "Photos", "Accuracy", "Change (95 %)", "As many at random")
    told = [tell_removal(row) for row in removal.to_dict("records")]
    n, before = int(removal["n"].iat[0]), int(removal["before"].iat[0])
    shown = pd.DataFrame(told, columns=headings)
    st.dataframe(shown, hide_index=True, height="content", alt="What removal does")
    st.caption(
        f"Accuracy before: {percent(before / n, n)}, n = {n:,}. What one half of the validation "
        "photos calls worst is left out, the other half judges, and the other way round. At "
        "random: mean of 20 draws (lowest to highest)."
    )


def _judge(rows: pd.DataFrame, what: str) -> str:
    """Return in a sentence at which shares removal does better or worse than chance."""
    better = rows.loc[rows["right"] > rows["random_high"], "share"]
    worse = rows.loc[rows["right"] < rows["random_low"], "share"]
    parts = [
        f"{word} at {', '.join(f'{100 * share:.0f}' for share in shares)} %"
        for word, shares in (("better", better), ("worse", worse))
        if len(shares)
    ]
    said = " and ".join(parts) or "no different at any share"
    return f"Removing the worst by {what}, beside removing at random: **{said}**."
