"""What `import petalscope` returns: text in a terminal, tables and pictures in a notebook.

Names of files and classes are data: every one is escaped.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from core.evaluation.comparison import describe_verdict
from core.exact.whatif import WhatIf
from core.formats import count, data_uri, percent, points
from data.dataset import Dataset
from data.images import encode_jpeg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # without ipywidgets it draws text
    from tqdm.auto import tqdm

_JPEG = "image/jpeg"
_MOST, _MOST_ROWS = 12, 60
"""Photos of a gallery, rows of a table."""


class Bars(tqdm):  # type: ignore[misc]
    """A bar with the phase of long work, in a notebook or a terminal."""

    _of: tuple[str, int] | None = None
    bar_format: str | None

    def advance(self, phase: str, done: int, total: int, rest: str = "") -> None:
        """Show how much of a phase is done."""
        if self._of != (phase, total):
            self._of, self.bar_format = (phase, total), None
            self.set_description_str(phase, refresh=False)
            self.reset(total or None)
        self.set_postfix_str(rest, refresh=False)
        self.update(done - self.n)
        if done == total:
            self.refresh()

    def note(self, text: str) -> None:
        """Show a line, which the next one replaces."""
        self.bar_format = "{desc}"
        self.set_description_str(text)


class Shown(ABC):
    """Lines of text and a table; in a notebook also pictures."""

    table = pd.DataFrame()

    @abstractmethod
    def _say(self) -> Iterator[str]:
        """Yield the lines; empty ones are left out."""

    def _draw(self) -> Iterator[str]:
        """Yield the HTML below the lines."""
        yield "" if self.table.empty else draw_table(self.table)

    def __repr__(self) -> str:
        lines = (*self._say(), "" if self.table.empty else str(self.table))
        return "\n".join(filter(None, lines))

    def _repr_html_(self) -> str:
        lines = (f"<p>{escape(line)}</p>" for line in self._say() if line)
        return "".join((*lines, *self._draw()))


def draw_table(table: pd.DataFrame) -> str:
    """Return a table as HTML."""
    return str(table.to_html(max_rows=_MOST_ROWS, float_format="{:.3g}".format))


def _draw_pictures(pictures: Mapping[str, Any]) -> str:
    """Return captioned pictures in a row as HTML."""
    drawn = ""
    for caption, one in pictures.items():
        uri = data_uri(one) if isinstance(one, bytes) else data_uri(encode_jpeg(one, 90), _JPEG)
        drawn += (
            f'<figure style="margin:0;width:128px"><img width=128 src="{uri}" alt="">'
            f'<figcaption style="overflow-wrap:anywhere">{escape(caption)}</figcaption></figure>'
        )
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{drawn}</div>'


@dataclass(frozen=True, eq=False, repr=False)
class Found(Shown):
    """An answer: sentences, a table or a chart, pictures, and groups of photos."""

    words: Sequence[str]
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    photos: Mapping[str, "Photos"] = field(default_factory=dict)
    """Group → its photos; `found["gained"]` is short for it."""
    facts: Any = None
    """The figures; `found.accuracy` is short for `found.facts.accuracy`."""
    chart: Any = None
    """An Altair chart, drawn instead of the table."""
    pictures: Mapping[str, Any] = field(default_factory=dict)
    """Caption → (h, w, 3) uint8 RGB, or the bytes of a WebP."""

    def __getitem__(self, group: str) -> "Photos":
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

    def _draw(self) -> Iterator[str]:
        yield _draw_pictures(self.pictures)
        if self.chart is None:
            yield from super()._draw()
        else:
            from core.charts.theme import draw_png  # Altair: imported only when it is needed

            uri = data_uri(draw_png(self.chart), "image/png")
            yield f'<img width=500 src="{uri}" alt="{escape(str(self))}">'
        yield from (one._repr_html_() for one in self.photos.values() if len(one))


class Photos(Found):
    """Photos of a dataset: a gallery, and a table with their numbers as its index."""

    def __iter__(self) -> Iterator[int]:
        return iter(self.table.index.tolist())

    def __len__(self) -> int:
        return len(self.table)

    def _draw(self) -> Iterator[str]:
        yield f"<p>The first {_MOST}:</p>" if len(self) > _MOST else ""
        yield _draw_pictures(self.pictures)


def show_photos(dataset: Dataset, title: str, table: pd.DataFrame) -> Photos:
    """Return photos, with pictures of the first ones; the index of the table has their numbers."""
    rows = table.head(_MOST).round(2).astype(str).itertuples(name=None)
    captions = {photo: " · ".join((str(photo), *row)) for photo, *row in rows}
    pictures = {words: dataset.thumbnail(photo) for photo, words in captions.items()}
    return Photos((f"{title}: {count(len(table), 'photo')}",), table, pictures=pictures)


def show_change(dataset: Dataset, change: WhatIf, *words: str) -> Found:
    """Return a comparison of two answers to each photo, with the gained and lost photos.

    Args:
        words: More sentences.
    """
    compared, n = change.comparison, len(change.photos)
    names = np.array(change.classes, dtype=object)
    rows = {"class": change.labels, "before": change.before, "after": change.after}
    table = pd.DataFrame({head: names[of] for head, of in rows.items()}, index=change.photos)
    difference = f"{percent(compared.accuracy_a, n)} → {percent(compared.accuracy_b, n)}"
    headline = f"Accuracy {difference} ({points(compared.difference, n)})." if n else ""
    found = {
        kind: show_photos(dataset, kind.capitalize(), table[change.find_photos(kind)])
        for kind in ("gained", "lost")
    }
    said = (headline, describe_verdict(compared), *words)
    return Found(said, compared.per_class.set_index("class"), found, compared)
