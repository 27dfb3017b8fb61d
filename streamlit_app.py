from core.ui.frame import run_app

run_app()
