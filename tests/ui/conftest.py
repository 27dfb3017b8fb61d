"""What tests of pages share."""

import gc
import sys
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from streamlit.runtime.caching.cache_utils import CachedFunc

from core.ui.parts import charts


@pytest.fixture(scope="session", autouse=True)
def _scanned_once() -> Iterator[None]:
    """Streamlit looks for components in all that is installed, anew for each page that a test
    opens: four fifths of the time of a small page. What is installed stays the same.
    """
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        scan = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    """Each test begins as a page server does: what another test's workspace gave is forgotten.

    Charts stay: equal data give equal charts. Streamlit searches for garbage after each run of a
    page, which passes over what earlier tests left: beside that of Keras it takes a second.
    """
    import streamlit as st

    st.cache_resource.clear()
    for name in [name for name in sys.modules if name.startswith("core.ui.")]:
        kept = [one for one in vars(sys.modules[name]).values() if isinstance(one, CachedFunc)]
        for function in kept if name != charts.__name__ else ():
            function.clear()
    gc.collect()
    gc.freeze()


@pytest.fixture
def address() -> Iterator[Callable[..., None]]:
    """A function that writes a link for `reading.py` to read, without a page; nothing is kept."""
    import streamlit as st

    def write(**query: str) -> None:
        st.session_state.clear()
        st.query_params.from_dict(query)

    write()
    yield write
    write()
