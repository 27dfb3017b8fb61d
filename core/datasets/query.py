"""Queries of photos: `score < 0.6 and not (predicted is rose or blurred)`.

Conditions on the columns of a table with one row a photo, joined by and, or, not. A missing value
(a sealed answer, say) meets neither a condition nor its opposite.
"""

import difflib
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import QueryRefused

LONGEST = 2_000
"""Characters of a query."""
_DEEPEST = 40
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|“[^”]*”|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<sign><=|>=|!=|==|[<>=(),])|(?P<word>[^\s()<>=!,"“”]+)|(?P<rest>\S))""",
    re.DOTALL,
)
_WORD = re.compile(r"""[^\s()<>=!,"“”'][^\s()<>=!,"“”]*""")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_JOINING = ("and", "or", "not", "is", "in", "contains")
_COMPARED: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "is": operator.eq,
    "is not": operator.ne,
}
_SAME = {"=": "is", "==": "is", "!=": "is not"}
Judged = tuple[np.ndarray, np.ndarray]
"""(n,) bool each: the photos that match, and the photos that do not; missing values do neither."""


@dataclass(frozen=True)
class _Condition:
    """A column, a comparison and its values; without values: a column of yes and no."""

    name: str
    by: str = "is"
    values: tuple[str, ...] = ()

    def judge(self, table: pd.DataFrame, absent: Mapping[str, str]) -> Judged:
        if self.name not in table:
            raise _say_unknown(self.name, table, absent)
        column = table[self.name]
        known = column.notna().to_numpy(dtype=bool)
        met = np.zeros(len(column), dtype=bool)
        met[known] = self._meets(column[known])
        return met, known & ~met

    def _meets(self, column: pd.Series) -> np.ndarray:
        """Return which values meet it, (m,) bool; none is missing."""
        if column.dtype == object:
            return self._meets_several(column)
        if pd.api.types.is_bool_dtype(column):
            return self._meets_flag(column.to_numpy(dtype=bool))
        if not self.values:
            raise QueryRefused(
                f"“{self.name}” needs a comparison.", f"Write it like {self._suggest()}."
            )
        if pd.api.types.is_numeric_dtype(column):
            return self._meets_number(column.to_numpy(dtype=np.float64))
        if self.by not in ("is", "is not", "in", "contains"):
            raise self._refuse_order()
        if self.by == "contains":
            part = self.values[0].casefold()
            return _map_words(column, lambda word: part in word.casefold())
        wanted = {name for value in self.values for name in _find_values(column, self.name, value)}
        found = _map_words(column, wanted.__contains__)
        return ~found if self.by == "is not" else found

    def _meets_several(self, column: pd.Series) -> np.ndarray:
        """Return which groups of words have a wanted word; without values: any word."""
        if not self.values:
            return np.array([bool(words) for words in column], dtype=bool)
        if self.by not in ("is", "is not", "in", "contains"):
            raise self._refuse_order()
        wanted = [value.casefold() for value in self.values]

        def holds(word: str) -> bool:
            return wanted[0] in word if self.by == "contains" else word in wanted

        held = {words: any(holds(word.casefold()) for word in words) for words in set(column)}
        return np.array([held[words] != (self.by == "is not") for words in column], dtype=bool)

    def _meets_flag(self, flags: np.ndarray) -> np.ndarray:
        answers = {"": True, "yes": True, "true": True, "no": False, "false": False}
        stated = "".join(self.values).casefold()
        if stated not in answers or self.by not in ("is", "is not"):
            remedy = f"Write “{self.name}” or “not {self.name}”."
            raise QueryRefused(f"“{self.name}” is yes or no.", remedy)
        return np.asarray(flags == (answers[stated] == (self.by == "is")))

    def _meets_number(self, numbers: np.ndarray) -> np.ndarray:
        by = "is" if self.by == "in" else self.by
        if by not in _COMPARED or not all(_NUMBER.fullmatch(value) for value in self.values):
            raise QueryRefused(
                f"“{self.name}” is a number; compare it with a number.",
                f"Write it like {self._suggest()}.",
            )
        met = np.zeros(len(numbers), dtype=bool)
        for value in self.values:
            met |= _COMPARED[by](numbers, float(value))
        return met

    def _refuse_order(self) -> QueryRefused:
        return QueryRefused(
            f"“{self.name}” is text and cannot be ordered.",
            f"Use is, is not, in (…) or contains: {self._suggest()}.",
        )

    def _suggest(self) -> str:
        return f"{self.name} < 0.5, or {self.name} is rose"


@dataclass(frozen=True)
class _Joined:
    """Parts of a query joined by “and” or “or”; or one part after “not”."""

    by: str
    parts: "tuple[_Condition | _Joined, ...]"

    def judge(self, table: pd.DataFrame, absent: Mapping[str, str]) -> Judged:
        yes, no = zip(*(part.judge(table, absent) for part in self.parts), strict=True)
        if self.by == "not":
            return no[0], yes[0]
        if self.by == "and":
            return np.logical_and.reduce(yes), np.logical_or.reduce(no)
        return np.logical_or.reduce(yes), np.logical_and.reduce(no)


@dataclass(frozen=True)
class Query:
    """A query; `names` are its columns."""

    root: _Condition | _Joined
    names: frozenset[str]

    def find(self, table: pd.DataFrame, absent: Mapping[str, str] | None = None) -> np.ndarray:
        """Return which rows match, (n,) bool.

        Args:
            table: One row a photo. Columns are numbers, bool (also pandas' own with NA),
                categories, text, or tuples of words (dtype object).
            absent: Names of columns that are not there yet → a sentence on how to get them.

        Raises:
            QueryRefused: A column, category or comparison is not possible.
        """
        return self.root.judge(table, absent or {})[0]


def parse_query(text: str) -> Query:
    """Return the query of a text.

    Raises:
        QueryRefused: It has a syntax error.
    """
    if len(text) > LONGEST:
        raise QueryRefused(
            f"This query has {len(text):,} characters.", f"The limit is {LONGEST:,}."
        )
    parser = _Parser(text)
    root = parser.read_any(0)
    if parser.kind:
        raise parser.refuse("and, or")
    return Query(root, frozenset(parser.names))


def write_value(value: str) -> str:
    """Return a value for a query, in quotes if it is more than a plain word."""
    if _WORD.fullmatch(value) and value.casefold() not in _JOINING:
        return value
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def add_condition(text: str, by: str, condition: str) -> str:
    """Return a query with one more condition, joined by “and”, “or”, “and not” or “or not”.

    The query gets brackets where it needs them.
    """
    joining, _, negated = by.partition(" ")
    condition = f"{negated} {condition}".strip()
    if not text.strip():
        return condition
    root = parse_query(text).root
    whole = isinstance(root, _Condition) or root.by in (joining, "not")
    return f"{text.strip() if whole else f'({text.strip()})'} {joining} {condition}"


class _Parser:
    """Reads a query from left to right; `kind` and `token` describe the next token."""

    def __init__(self, text: str) -> None:
        self._found = list(_TOKEN.finditer(text))
        self._place = 0
        self.names: set[str] = set()

    @property
    def kind(self) -> str:
        return str(self._found[self._place].lastgroup) if self._place < len(self._found) else ""

    @property
    def token(self) -> str:
        return str(self._found[self._place][self.kind]) if self.kind else ""

    def refuse(self, expected: str) -> QueryRefused:
        place = f"“{self.token[:40]}”" if self.kind else "the end"
        return QueryRefused(
            f"Syntax error at {place}: expected {expected}.",
            'Example: score < 0.6 and not (class is "oxeye daisy" or blurred)',
        )

    def take(self, *tokens: str) -> str:
        """Return the next token in lower case and skip it; "" if it is another one."""
        token = self.token.casefold()
        if self.kind not in ("word", "sign") or token not in tokens:
            return ""
        self._place += 1
        return token

    def read_any(self, depth: int) -> _Condition | _Joined:
        return self._read_joined("or", lambda: self._read_joined("and", lambda: self._one(depth)))

    def _read_joined(
        self, by: str, read: Callable[[], _Condition | _Joined]
    ) -> _Condition | _Joined:
        parts = [read()]
        while self.take(by):
            parts.append(read())
        return parts[0] if len(parts) == 1 else _Joined(by, tuple(parts))

    def _one(self, depth: int) -> _Condition | _Joined:
        if depth > _DEEPEST:
            raise QueryRefused("This query is nested too deeply.", "Remove some brackets.")
        if self.take("not"):
            return _Joined("not", (self._one(depth + 1),))
        if not self.take("("):
            return self._read_condition()
        inner = self.read_any(depth + 1)
        if not self.take(")"):
            raise self.refuse("a closing bracket")
        return inner

    def _read_condition(self) -> _Condition | _Joined:
        if self.kind != "word" or self.token.casefold() in _JOINING:
            raise self.refuse("the name of a measure")
        name = self.token.casefold()
        self._place += 1
        self.names.add(name)
        opposite = bool(self.take("not"))
        known = ("in", "contains") if opposite else (*_JOINING[3:], *_COMPARED, *_SAME)
        by = self.take(*known)
        by = _SAME.get(by, by)
        if not by and not opposite:
            return _Condition(name)
        if not by:
            raise self.refuse("in, contains")
        if by == "is" and self.take("not"):
            by = "is not"
        found = _Condition(name, by, self._read_values() if by == "in" else (self._read_value(),))
        return _Joined("not", (found,)) if opposite else found

    def _read_values(self) -> tuple[str, ...]:
        if not self.take("("):
            raise self.refuse("an opening bracket")
        values = [self._read_value()]
        while self.take(","):
            values.append(self._read_value())
        if not self.take(")"):
            raise self.refuse("a comma or a closing bracket")
        return tuple(values)

    def _read_value(self) -> str:
        quoted = self.kind == "quoted"
        if not quoted and (self.kind != "word" or self.token.casefold() in _JOINING):
            raise self.refuse("a value")
        token = self.token
        self._place += 1
        if not quoted:
            return token
        return token[1:-1] if token[0] == "“" else re.sub(r"\\(.)", r"\1", token[1:-1])


def _map_words(column: pd.Series, holds: Callable[[str], bool]) -> np.ndarray:
    """Return for which words of a column `holds` is true; called once for each different word."""
    codes, words = pd.factorize(column)
    held = np.array([holds(str(word)) for word in words], dtype=bool)
    return held[codes] if len(held) else np.zeros(len(column), dtype=bool)


def _find_values(column: pd.Series, name: str, value: str) -> list[str]:
    """Return the values with this spelling, else the ones that differ only in case.

    Raises:
        QueryRefused: There is no such category.
    """
    has_categories = isinstance(column.dtype, pd.CategoricalDtype)
    known = list(column.cat.categories) if has_categories else column.unique().tolist()
    found = [one for one in known if one == value] or [
        one for one in known if one.casefold() == value.casefold()
    ]
    if not found and has_categories:
        near = difflib.get_close_matches(value, known, 3, 0.5) or known[:6]
        raise QueryRefused(
            f"Unknown {name} “{value[:80]}”.",
            f"Did you mean {', '.join(write_value(str(one)) for one in near)}?",
        )
    return found


def _say_unknown(name: str, table: pd.DataFrame, absent: Mapping[str, str]) -> QueryRefused:
    if name in absent:
        return QueryRefused(f"“{name}” is not available yet.", absent[name])
    near = difflib.get_close_matches(name, [*table, *absent], 1)
    every = ", ".join([*table, *absent])
    remedy = f"Did you mean “{near[0]}”?" if near else f"Use one of: {every}."
    return QueryRefused(f"Unknown column “{name[:80]}”.", remedy)
