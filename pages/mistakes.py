"""Mistakes: the photos that go wrong, and why: look, compare, relabel or set aside."""

from core.ui.mistakes.page import show_mistakes
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors

open_page("Mistakes", "The photos that go wrong, and why: look, compare, relabel or set aside.")

with report_errors():
    show_mistakes()
