"""Predict: show it a photo; it says what it sees, and where it looked."""

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors, show_alarm_note
from core.ui.predict.page import show_predicting

open_page(
    "Predict",
    "Show the model a photo: it says what it sees and where it looked.",
    "Upload a photo or take one with the camera. If the model is not sure enough, or the "
    "photo is unlike all training photos, it answers “I don’t know”.",
)

with report_errors():
    show_alarm_note()
    show_predicting()
