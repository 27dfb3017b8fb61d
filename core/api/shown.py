"""What `import petalscope` returns: text in a terminal, tables and pictures in a notebook.

Names of files and classes are data: every one is escaped.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Self

import numpy as np
import pandas as pd

from core.evaluation.comparison import compare_predictions, describe_verdict
from core.formats import count, data_uri, percent, points
from data.dataset import Dataset
from data.images import encode_jpeg
from data.importing import Progress

_MOST, _MOST_ROWS = 12, 60
"""Photos of a gallery, rows of a table."""


class Bars:
    """A bar for each phase of long work, in a notebook or a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._phase: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, phase: str, done: int, total: int, rest: str = "") -> None:
        """Show how much of a phase is done."""
        self._begin(phase, desc=phase)
        if total and total != self._bar.total:
            self._bar.reset(total)
        self._bar.set_postfix_str(rest, refresh=False)
        self._bar.update(done - self._bar.n)

    def report(self, step: Progress) -> None:
        """Show the progress of an import."""
        self.advance(step.phase, step.done, step.total)

    def note(self, text: str) -> None:
        """Show a line, which the next one replaces."""
        self._begin("", bar_format="{desc}")
        self._bar.set_description_str(text)

    def _begin(self, phase: str, **how: Any) -> None:
        if phase != self._phase:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # without ipywidgets it draws text
                from tqdm.auto import tqdm
            self.__exit__()
            self._phase, self._bar = phase, tqdm(**how)


class Shown(ABC):
    """Lines of text; in a notebook also tables and pictures."""

    @abstractmethod
    def _say(self) -> Iterator[str]:
        """Yield the lines; empty ones are left out."""

    def _draw(self) -> Iterator[str]:
        """Yield the HTML below the lines."""
        yield from ()

    def __repr__(self) -> str:
        return "\n".join(filter(None, self._say()))

    def _repr_html_(self) -> str:
        lines = (f"<p>{escape(line)}</p>" for line in self._say() if line)
        return "".join((*lines, *self._draw()))


def draw_table(table: pd.DataFrame) -> str:
    """Return a table as HTML."""
    return str(table.to_html(max_rows=_MOST_ROWS, float_format="{:.3g}".format))


def draw_pictures(pictures: Mapping[str, str]) -> str:
    """Return pictures (caption → data URI) in a row as HTML."""
    drawn = (
        f'<figure style="margin:0;width:128px"><img width=128 src="{uri}" alt="{escape(caption)}">'
        f'<figcaption style="overflow-wrap:anywhere">{escape(caption)}</figcaption></figure>'
        for caption, uri in pictures.items()
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{"".join(drawn)}</div>'


@dataclass(frozen=True, eq=False, repr=False)
class Photos(Shown):
    """Photos of a dataset: a table with a row for each, and a gallery."""

    dataset: Dataset
    title: str
    table: pd.DataFrame
    """The index is the number of the photo in the dataset."""

    def __iter__(self) -> Iterator[int]:
        return iter(self.table.index.tolist())

    def __len__(self) -> int:
        return len(self.table)

    def _say(self) -> Iterator[str]:
        yield f"{self.title}: {count(len(self), 'photo')}"
        yield str(self.table) if len(self) else ""

    def _repr_html_(self) -> str:
        more = f", the first {_MOST} here" if len(self) > _MOST else ""
        title = f"<p>{escape(self.title)}: {count(len(self), 'photo')}{more}</p>"
        rows = self.table.head(_MOST).round(2).astype(str)
        return title + draw_pictures(
            {
                " · ".join((str(photo), *row)): data_uri(self.dataset.thumbnail(photo))
                for photo, *row in rows.itertuples(name=None)
            }
        )


@dataclass(frozen=True, eq=False, repr=False)
class Found(Shown):
    """An answer: sentences, a table or a chart, pictures, and groups of photos."""

    words: Sequence[str]
    table: pd.DataFrame
    photos: Mapping[str, Photos] = field(default_factory=dict)
    """Group → its photos; `found["gained"]` is short for it."""
    facts: Any = None
    """The figures; `found.accuracy` is short for `found.facts.accuracy`."""
    chart: Any = None
    """An Altair chart, drawn instead of the table."""
    pictures: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Caption → (h, w, 3) uint8 RGB."""

    def __getitem__(self, group: str) -> Photos:
        return self.photos[group]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.facts, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *dir(self.facts)]

    def _say(self) -> Iterator[str]:
        yield from self.words
        yield from (f"{name}: {count(len(one), 'photo')}" for name, one in self.photos.items())
        yield "" if self.table.empty else str(self.table)

    def _repr_html_(self) -> str:
        words = (f"<p>{escape(line)}</p>" for line in self.words if line)
        jpegs = {name: encode_jpeg(one, 90) for name, one in self.pictures.items()}
        pictures = draw_pictures({name: data_uri(one, "image/jpeg") for name, one in jpegs.items()})
        figure = "" if self.table.empty else draw_table(self.table)
        if self.chart is not None:
            from core.charts.theme import draw_png  # Altair: imported only when it is needed

            png = draw_png(self.chart)
            figure = f'<img width=500 src="{data_uri(png, "image/png")}" alt="{escape(str(self))}">'
        groups = (one._repr_html_() for one in self.photos.values() if len(one))
        return "".join((*words, pictures, figure, *groups))


def show_change(
    dataset: Dataset,
    photos: np.ndarray,
    answers: tuple[np.ndarray, np.ndarray, np.ndarray, Sequence[str]],
    *words: str,
) -> Found:
    """Return a comparison of two answers to each photo, with the gained and lost photos.

    Args:
        photos: (m,) int64, numbers in the dataset.
        answers: Labels, predictions before and after, (m,) int64 each; the names of the classes.
        words: More sentences.
    """
    labels, before, after, classes = answers
    compared, names, n = compare_predictions(*answers), np.array(classes, dtype=object), len(labels)
    rows = {"class": names[labels], "before": names[before], "after": names[after]}
    table = pd.DataFrame(rows, index=photos)
    right, now = before == labels, after == labels
    change = f"{percent(compared.accuracy_a, n)} → {percent(compared.accuracy_b, n)}"
    headline = f"Accuracy {change} ({points(compared.difference, n)})." if n else ""
    groups = {"gained": table[now & ~right], "lost": table[right & ~now]}
    found = {name: Photos(dataset, name.capitalize(), one) for name, one in groups.items()}
    said = (headline, describe_verdict(compared), *words)
    return Found(said, compared.per_class.set_index("class"), found, compared)
