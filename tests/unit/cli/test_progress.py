"""Progress is one line that rewrites itself on a terminal and a few plain lines in a log."""

import io

from core.cli.outcome import ProgressLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_the_first_and_the_last_line_of_quick_work():
    log = io.StringIO()
    with ProgressLine(log) as progress:
        for done in range(2001):
            progress.advance("reading photos", done, 2000)
    assert log.getvalue().splitlines() == [
        "reading photos: 0 of 2,000 (0 %)",
        "reading photos: 2,000 of 2,000 (100 %)",
    ]


def test_a_new_phase_is_shown_at_once():
    log = io.StringIO()
    with ProgressLine(log) as progress:
        progress.advance("reading photos", 3, 9)
        progress.advance("computing features", 1, 9, "80 photos/s")
        progress.note("done")
    assert log.getvalue().splitlines() == [
        "reading photos: 3 of 9 (33 %)",
        "computing features: 1 of 9 (11 %), 80 photos/s",
        "done",
    ]


def test_a_terminal_line_is_rewritten_and_closed():
    terminal = Terminal()
    with ProgressLine(terminal) as progress:
        progress.advance("reading photos", 0, 2)
        progress.advance("reading photos", 2, 2)
        progress.note("done")
    written = terminal.getvalue()
    assert written.count("\r\x1b[K") == 2
    assert written.endswith("reading photos: 2 of 2 (100 %)\ndone\n")


def test_a_terminal_line_never_wraps(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    with ProgressLine(terminal) as progress:
        progress.advance("a phase with a very long name indeed", 1, 2)
    assert len(terminal.getvalue().removeprefix("\r\x1b[K").rstrip("\n")) == 19


def test_an_unknown_total_is_not_shown():
    log = io.StringIO()
    with ProgressLine(log) as progress:
        progress.advance("downloading", 5, 0)
    assert log.getvalue() == "downloading: 5\n"
