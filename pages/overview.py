"""Overview: where things stand, and the next step."""

from core.ui.overview.page import show_overview
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors

open_page("Petalscope", "From a folder of photos to a model whose mistakes you can see.")

with report_errors():
    show_overview()
