"""Models: registered versions: which one answers, and which one challenges it."""

from core.ui.models.page import show_models
from core.ui.parts.messages import open_page

with open_page(
    "Models",
    "Registered versions: the champion answers, a challenger may replace it.",
    "A version is a frozen copy of a finished run. The champion answers on Predict and in "
    "the API; a challenger is compared with it before it is promoted.",
):
    show_models()
