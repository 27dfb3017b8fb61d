"""Predict: show it a photo; it says what it sees, and where it looked."""

from core.ui.parts.messages import open_page, show_alarm_note
from core.ui.predict.page import show_predicting

with open_page(
    "Predict",
    "Show the model a photo: it says what it sees and where it looked.",
    "Upload a photo or take one with the camera. If the model is not sure enough, or the "
    "photo is unlike all training photos, it answers “I don’t know”.",
):
    show_alarm_note()
    show_predicting()
