"""Workers: who trains or answers what, on which machine, and how fast."""

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.workers.page import show_workers

open_page("Workers", "Who is at which run or photos, on which machine, and how fast.")

with report_errors():
    show_workers()
