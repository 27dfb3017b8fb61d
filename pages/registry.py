"""Models."""

from core.ui.frame import open_page

open_page(
    "Models",
    "Registered versions: which one answers, which one challenges it, and how it came to that.",
)
