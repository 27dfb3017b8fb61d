"""The card of what a class costs: its words, and its tree."""

import pandas as pd

from core.ui.confusion.costs import describe_merges, draw_merges, lay_out_tree, say_change

MERGES = pd.DataFrame(
    {
        "one": ["0", "1", "0 3"],
        "other": ["3", "2", "4"],
        "left": [5, 4, 3],
        "n": [100, 100, 100],
        "before": [80, 86, 88],
        "gained": [6, 2, 1],
        "lost": [0, 0, 1],
    }
)
CLASSES = ["a", "b", 'c "quoted"', "d", "e", "f"]


def test_merges_are_said_with_their_photos_and_interval() -> None:
    table = describe_merges(MERGES, CLASSES)
    assert table["words"].tolist() == ["a with d", 'b with c "quoted"', "a + d with e"]
    assert table["right"].tolist() == ["86 %", "88 %", "88 %"]
    assert table["change"][0].startswith("+6") and " to " in table["change"][0]
    assert " to " not in say_change(pd.Series({"n": 10, "gained": 0, "lost": 0}))


def test_groups_that_join_stand_side_by_side() -> None:
    table = describe_merges(MERGES, CLASSES)
    names, lines, joints = lay_out_tree(table)
    assert names == ["a", "d", "e", "b", 'c "quoted"']
    assert joints["y"].tolist() == [0.5, 3.5, 1.25]
    assert len(lines) == 9
    draw_merges(table, dark=True).to_dict()
