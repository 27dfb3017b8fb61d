"""Lesson: transfer learning, one question at a time, on your own photos."""

from core.ui.lesson.page import show_lesson
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors

open_page(
    "Lesson",
    "Transfer learning, one question at a time, on your own photos.",
    "Each step asks one question and has one control. Everything you see is computed from "
    "your own photos.",
    presentable=True,
)

with report_errors():
    show_lesson()
