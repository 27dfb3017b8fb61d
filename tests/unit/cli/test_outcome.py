"""Results become JSON in JSON's own types, or text with aligned columns; progress is one line."""

import io
import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from core.cli.outcome import (
    Outcome,
    ProgressLine,
    describe_error,
    print_outcome,
    tabulate,
    to_plain,
)
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
    assert outcome.exit_code == 1
    for as_json in (True, False):
        print_outcome(outcome, as_json=as_json)
        out, err = capsys.readouterr()
        assert err == "There is none.\nImport one.\n"
        error = {"code": "dataset_missing", "problem": "There is none.", "remedy": "Import one."}
        assert out == "" if not as_json else json.loads(out) == {"error": error}


def test_a_document_without_parts_is_printed_as_text(capsys):
    rows = [{"class": "daisy", "photos": 1200}, {"class": "ox-eye", "photos": 9}]
    document = {"file": Path("a.zip"), "is_new": True, "rule": {"limit": None}, "classes": rows}
    print_outcome(Outcome(document), as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "file         a.zip",
        "is new       yes",
        "rule: limit  –",
        "",
        "classes",
        "class   photos",
        "daisy    1,200",
        "ox-eye       9",
    ]
    print_outcome(Outcome(document, ("Gänseblümchen", "")), as_json=False)
    assert capsys.readouterr().out == "Gänseblümchen\n"
    print_outcome(Outcome(document, ("Gänseblümchen", "")), as_json=True)
    assert json.loads(capsys.readouterr().out)["classes"] == rows


def test_a_table_without_rows_is_its_headings():
    assert tabulate([], "id recipe.epochs", best_epoch="best") == "id  epochs  best epoch"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_the_first_and_last_line_of_each_phase():
    log = io.StringIO()
    with closing(ProgressLine(log)) as progress:
        for done in range(2001):
            progress.advance("reading photos", done, 2000)
        progress.advance("computing features", 1, 9, "80 photos/s")
        progress.note("done")
        progress.advance("downloading", 5, 0)  # the total is not known
    assert log.getvalue().splitlines() == [
        "reading photos: 0 of 2,000 (0 %)",
        "reading photos: 2,000 of 2,000 (100 %)",
        "computing features: 1 of 9 (11 %), 80 photos/s",
        "done",
        "downloading: 5",
    ]


def test_a_terminal_line_is_rewritten_and_closed_and_never_wraps(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    with closing(ProgressLine(terminal)) as progress:
        progress.advance("reading photos", 0, 2)
        progress.advance("reading photos", 2, 2)
        progress.note("done")
    start = "\r\x1b[K"
    assert terminal.getvalue() == f"{start}reading photos: 0 o{start}reading photos: 2 o\ndone\n"
