"""The frame around every page: what it leaves behind for the next click."""

import gc
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.ui.parts import frame

APP = Path(__file__).resolve().parents[3] / "streamlit_app.py"


@pytest.fixture
def unfrozen() -> Iterator[None]:
    gc.unfreeze()
    frame.pass_over_modules.cache_clear()
    yield
    gc.unfreeze()
    frame.pass_over_modules.cache_clear()


@pytest.mark.usefixtures("unfrozen", "workspace")
def test_the_search_for_garbage_passes_over_what_was_imported() -> None:
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not app.run().exception
    searched = {id(one) for one in gc.get_objects()}  # without what is passed over
    names = ("streamlit", "pandas", "altair", "core.ui.parts.frame")
    assert not searched & {id(vars(sys.modules[name])) for name in names}
    passed_over = gc.get_freeze_count()
    assert passed_over > len(searched)
    assert not app.run().exception
    assert gc.get_freeze_count() <= passed_over, "once for the same modules: no session is kept"


class _Session:
    """What holds itself, as sessions do."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.usefixtures("unfrozen")
def test_a_session_that_was_passed_over_is_let_go_once_more_is_imported() -> None:
    session = _Session()
    gone = weakref.ref(session)
    frame.pass_over_modules(-1)
    del session
    gc.collect()
    assert gone() is not None
    frame.pass_over_modules(-2)
    assert gone() is None
    gc.unfreeze()
