"""What the photos of a dataset are worth: measured by a job, and kept.

Beside it the proof: the photos that one half of the validation photos calls worst are left out of
the exact head, and the other half judges it; so no photo judges what it chose.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.datasets.photo_table import WORTH
from core.datasets.quality.results import has_result, list_results, read_table
from core.evaluation.comparison import count_changes, difference_interval
from core.exact.store import WORTH_KIND, HeadSource, prepare_head
from core.formats import percent, points
from core.instant.head import ExactHead
from core.instant.worth import (
    MARKS,
    Worth,
    average_share,
    mark_photos,
    measure_worth,
    rank_worst,
    remove_in_order,
)
from core.runs.jobs import Tell
from core.workspace import Workspace
from models.weights import WeightsKind

SHARES = (0.05, 0.1, 0.2, 0.3)
"""Parts of the training photos that are removed."""
REPEATS = 20
"""How often as many are drawn at random."""
_MOST_OUT = 4_000
"""Photos that are removed at once; the matrix of their weights is factorised."""
_MOST_STEPS = 10_000_000_000
"""Training photos × validation photos × classes; of more, validation photos are drawn."""
_Found = tuple[np.ndarray, Worth]
"""Validation photos, and what training photos are worth to them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WorthResult:
    """What the photos of a dataset are worth.

    `photos`, a row a photo of the dataset, known of training photos only: WORTH of the photo
    table, and helped and hindered (validation photos near it). `removal`: what is removed (worth,
    neighbours: the worst by them; or a mark), share, removed (photos, mean of both halves), n,
    before and right (answers without removal and with), gained, lost, random, random_low and
    random_high (right answers with as many removed at random: mean, least and most of REPEATS).
    """

    id: str
    weights: WeightsKind
    label: str
    """What to call the weights of the features on screen."""
    photos: pd.DataFrame
    removal: pd.DataFrame
    n: int
    """Validation photos that judged."""
    share: float
    """The unit of `worth`, in nats of the mean log loss of validation photos."""

    @property
    def counts(self) -> dict[str, int]:
        """How many training photos have each mark."""
        return {mark: int(self.photos[mark].sum()) for mark in MARKS}


def read_worth(workspace: Workspace, dataset_id: str) -> WorthResult | None:
    """Return what the photos of a dataset are worth; None while it is not measured."""
    for facts in list_results(workspace, dataset_id, WORTH_KIND):
        return WorthResult(
            id=facts.id,
            weights=facts.weights,
            label=facts.label,
            photos=read_table(facts, "photos"),
            removal=read_table(facts, "removal"),
            **facts.rest,
        )
    return None


def describe_worth(worth: WorthResult | None, photos: int) -> pd.DataFrame:
    """Return the columns that the table of photos shows, (photos) rows; none without a result."""
    return pd.DataFrame(index=range(photos)) if worth is None else worth.photos[list(WORTH)]


def list_marked(worth: WorthResult, mark: str) -> np.ndarray:
    """Return the photos with a mark, (m,) int64: harmful ones the worst first, else the best."""
    photos = np.flatnonzero(worth.photos[mark].fillna(False))
    values = worth.photos["worth"].to_numpy()[photos]
    if mark == "redundant":
        values = np.abs(values)
    return np.asarray(photos[np.argsort(-values if mark == "precious" else values, kind="stable")])


def tell_removal(row: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    """Return a row of `removal` in words: what, photos, accuracy, its change, and at random."""
    n, before = int(row["n"]), row["before"]
    measure = {"worth": "by worth", "neighbours": "by neighbours"}.get(row["what"])
    what = (
        f"worst {100 * row['share']:.0f} % {measure}" if measure else f"those called {row['what']}"
    )
    low, high = difference_interval(row["gained"], row["lost"], n)
    changes = [(row["right"] - before) / n, low, high]
    changes += [(row[name] - before) / n for name in ("random", "random_low", "random_high")]
    said = [points(one, n).split()[0] for one in changes]
    change = f"{said[0]} points"
    if row["gained"] + row["lost"]:
        change += f" ({said[1]} to {said[2]})"
    drawn = f"{said[3]} ({said[4]} to {said[5]})"
    return what, f"{row['removed']:,.0f}", percent(row["right"] / n, n), change, drawn


def make_worth(workspace: Workspace, source: HeadSource, tell: Tell) -> None:
    """Measure what the photos are worth and keep it, unless it is kept."""
    if has_result(workspace, source.identify(WORTH_KIND)):
        return
    tell("preparing the exact head", 0, 0)
    head, dataset = prepare_head(workspace, source), source.dataset
    rng = np.random.default_rng(0)
    judges = rng.permutation(dataset.photo_numbers("validation"))
    judges = judges[: max(1, _MOST_STEPS // (len(head.train) * head.n_classes))]
    judges = judges[np.argsort(dataset.labels[judges], kind="stable")]  # halves share each class
    halves: list[_Found] = []
    for photos in (judges[::2], judges[1::2]):
        tell("leaving each photo out", len(halves), 2)
        if len(photos):
            halves.append((photos, measure_worth(head, photos)))
    worth = halves[0][1] if len(halves) == 1 else halves[0][1].join(halves[1][1])
    share = average_share(head, judges)
    removal = prove_removal(head, halves, tell) if len(halves) == 2 else []
    tables = {
        "photos": _describe_photos(head, worth, mark_photos(head, judges, worth), share),
        "removal": pd.DataFrame(removal, columns=_REMOVAL),
    }
    source.keep(workspace, WORTH_KIND, tables=tables, n=len(judges), share=share)


def _describe_photos(
    head: ExactHead, worth: Worth, marks: Mapping[str, np.ndarray], share: float
) -> pd.DataFrame:
    rises, errors = worth.rises / share, worth.errors / share
    known = {
        "worth": rises,
        "worth_low": rises - errors,
        "worth_high": rises + errors,
        "earned": worth.lost,
        "neighbour_worth": worth.shares * len(head.train),
        "helped": worth.helped,
        "hindered": worth.hindered,
    }
    table = pd.DataFrame(known, index=head.train, dtype=np.float64).reindex(range(len(head.rows)))
    for mark, flags in marks.items():
        table[mark] = pd.Series(flags, index=head.train, dtype="boolean")
    return table


_REMOVAL = ["what", "share", "removed", "n", "before", "right", "gained", "lost"]
_REMOVAL += ["random", "random_low", "random_high"]


def prove_removal(head: ExactHead, halves: list[_Found], tell: Tell) -> list[dict[str, Any]]:
    """Return the rows of WorthResult.removal; each half judges what the other one calls worst."""
    cases = [dict(_list_removals(head, *half)) for half in reversed(halves)]
    judges = [photos for photos, _ in halves]
    everybody = np.concatenate(judges)
    sizes = sorted({len(out) for removals in cases for out in removals.values()})
    rights = [head.outputs[photos].argmax(axis=1) == head.labels[photos] for photos in judges]
    before = np.concatenate(rights)
    random = np.empty((REPEATS, len(sizes), len(everybody)), dtype=bool)
    for repeat in range(REPEATS if sizes else 0):
        tell("removing photos", repeat, REPEATS)
        drawn = np.random.default_rng(repeat).permutation(len(head.train))[: sizes[-1]]
        random[repeat] = remove_in_order(head, drawn, sizes, everybody)
    rows = []
    for what, share in cases[0]:
        outs = [removals.get((what, share), np.empty(0, np.int64)) for removals in cases]
        found = [remove_in_order(head, out, [len(out)], judges[n])[0] for n, out in enumerate(outs)]
        right = np.concatenate(found)
        places = np.repeat([sizes.index(len(out)) for out in outs], [len(one) for one in judges])
        drawn = random[:, places, np.arange(len(everybody))].sum(axis=1)
        removed = float(np.mean([len(out) for out in outs]))
        rows.append(
            {
                "what": what,
                "share": share or removed / len(head.train),
                "removed": removed,
                "right": int(right.sum()),
                **count_changes(before, right),
                "random": float(drawn.mean()),
                "random_low": int(drawn.min()),
                "random_high": int(drawn.max()),
            }
        )
    return rows


def _list_removals(
    head: ExactHead, photos: np.ndarray, worth: Worth
) -> Iterator[tuple[tuple[str, float], np.ndarray]]:
    """Yield what is removed and its share (0 for a mark), and the places of these photos."""
    m = len(head.train)
    for what, order in rank_worst(head, photos, worth).items():
        for share in SHARES:
            if 0 < round(share * m) <= _MOST_OUT:
                yield (what, share), order[: round(share * m)]
    for mark, flags in mark_photos(head, photos, worth).items():
        yield (mark, 0.0), np.flatnonzero(flags)[:_MOST_OUT]
