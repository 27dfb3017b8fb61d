"""Lesson: transfer learning in steps, each with a picture that follows one control."""

from core.ui.lesson.page import show_lesson
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors

open_page(
    "Lesson", "Transfer learning, one question at a time, on your own photos.", presentable=True
)

with report_errors():
    show_lesson()
