"""Dataset: what is in the photos, before anything is trained on them."""

from core.ui.dataset.page import show_dataset
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors

open_page("Dataset", "What is in the photos, before anything is trained on them.")

with report_errors():
    show_dataset()
