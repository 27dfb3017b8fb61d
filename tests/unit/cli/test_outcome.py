"""Results become JSON of JSON's own types, and tables with aligned columns."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from core.cli.outcome import Outcome, describe_error, format_table, print_outcome, to_plain
from core.errors import DatasetMissing


def test_undefined_numbers_become_null_and_arrays_become_lists():
    document = {
        "f1": float("nan"),
        "precision": np.float32(0.5),
        "matrix": np.array([[1, 2], [3, 4]]),
        "classes": ("daisy", np.str_("rose")),
        "file": Path("photos/a.jpg"),
        "created": datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC),
        3: None,
    }
    assert json.loads(json.dumps(to_plain(document), allow_nan=False)) == {
        "f1": None,
        "precision": 0.5,
        "matrix": [[1, 2], [3, 4]],
        "classes": ["daisy", "rose"],
        "file": "photos/a.jpg",
        "created": "2026-11-21T03:04:05+00:00",
        "3": None,
    }


def test_an_error_is_said_on_stderr_and_as_json_on_stdout(capsys):
    outcome = describe_error(DatasetMissing("There is none.", "Import one."))
    print_outcome(outcome, as_json=True)
    out, err = capsys.readouterr()
    assert outcome.exit_code == 1
    assert err == "There is none.\nImport one.\n"
    error = {"code": "dataset_missing", "problem": "There is none.", "remedy": "Import one."}
    assert json.loads(out) == {"error": error}


def test_an_error_leaves_stdout_empty_without_json(capsys):
    print_outcome(describe_error(DatasetMissing("There is none.", "Import one.")), as_json=False)
    assert capsys.readouterr().out == ""


def test_names_are_printed_as_they_are(capsys):
    print_outcome(Outcome(text="", document={"class": "Gänseblümchen"}), as_json=True)
    assert "Gänseblümchen" in capsys.readouterr().out


def test_figures_stand_to_the_right_and_words_to_the_left():
    table = format_table(
        ("class", "photos", "recall"), [("daisy", "1,200", "–"), ("ox-eye", "9", "50 %")]
    )
    assert table.splitlines() == [
        "class   photos  recall",
        "daisy    1,200       –",
        "ox-eye       9    50 %",
    ]


def test_a_table_without_rows_is_its_headings():
    assert format_table(("id", "name"), []) == "id  name"
