"""Tables in plain text: numbers to the right, words to the left."""

from collections.abc import Sequence

_NUMBERS = set("0123456789.,%+-–× ")


def format_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns the table with aligned columns; a column of figures only is set to the right."""
    columns = list(zip(headings, *rows, strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    to_right = [bool(rows) and all(set(cell) <= _NUMBERS for cell in c[1:]) for c in columns]

    def line(cells: Sequence[str]) -> str:
        parts = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, to_right, strict=True)
        ]
        return "  ".join(parts).rstrip()

    return "\n".join([line(headings), *(line(row) for row in rows)])
