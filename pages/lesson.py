"""Lesson: transfer learning, one question at a time, on your own photos."""

from core.ui.lesson.page import show_lesson
from core.ui.parts.messages import open_page

with open_page(
    "Lesson",
    "Transfer learning, one question at a time, on your own photos.",
    "Each step asks one question and has one control. Everything you see is computed from "
    "your own photos.",
    presentable=True,
):
    show_lesson()
