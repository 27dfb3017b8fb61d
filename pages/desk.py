"""Class: the desk of who teaches: the way in, who is how far, and where all are led."""

from core.ui.desk.page import show_desk
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors

open_page("Class", "Who is how far, what they answered, and where you lead them.", presentable=True)

with report_errors():
    show_desk()
