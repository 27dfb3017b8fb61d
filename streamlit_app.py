from core.ui.parts.frame import run_app

run_app()
