"""Review: review feedback, correct labels, and retrain."""

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.review.page import show_review

open_page(
    "Review",
    "Review feedback, correct labels, and retrain.",
    "Feedback on answers becomes training photos only after you have reviewed it. Each "
    "retrained model is a challenger that is compared with the champion.",
)

with report_errors():
    show_review()
