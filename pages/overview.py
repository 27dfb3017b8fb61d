"""Overview: from a folder of photos to a model whose mistakes you can see."""

from core.ui.overview.page import show_overview
from core.ui.parts.messages import open_page

with open_page(
    "Petalscope",
    "From a folder of photos to a model whose mistakes you can see.",
    "The first card names the next step. Below it are the newest runs and all datasets.",
):
    show_overview()
