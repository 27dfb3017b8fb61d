"""Models: registered versions, which one answers, which one challenges it, and the history."""

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.registry.page import show_models

open_page(
    "Models",
    "Registered versions: which one answers, which one challenges it, and how it came to that.",
)

with report_errors():
    show_models()
