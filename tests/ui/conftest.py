"""What tests of pages share."""

from collections.abc import Callable, Iterator
from functools import cache

import pytest


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
    """Each test begins as a page server does: what another test's workspace gave is forgotten."""
    import streamlit as st

    st.cache_resource.clear()
    st.cache_data.clear()


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
