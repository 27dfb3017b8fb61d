"""Predict: photos in, answers in words, and what the answers looked at."""

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors, show_alarm_note
from core.ui.predict.page import show_predicting

open_page("Predict", "Show it a photo; it says what it sees, and what it looked at.")

with report_errors():
    show_alarm_note()
    show_predicting()
