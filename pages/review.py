"""Review."""

from core.ui.frame import open_page

open_page(
    "Review",
    "What people said of the answers: accept it, put it right, and train a better model with it.",
)
