"""Review: what people said of the answers, decided on, and made into better datasets."""

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.review.page import show_review

open_page(
    "Review",
    "What people said of the answers: accept it, put it right, and train a better model with it.",
)

with report_errors():
    show_review()
