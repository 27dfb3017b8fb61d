"""Pages as tests open, read and use them without a browser."""

from collections.abc import Mapping

from streamlit.testing.v1 import AppTest

from core.workspace import PROJECT_ROOT

PAGES = sorted(path.stem for path in (PROJECT_ROOT / "pages").glob("*.py"))


def open_page(page: str, state: Mapping[str, object] | None = None, /, **query: str) -> AppTest:
    """Return a page as a cold deep link opens it, in the workspace that the settings point to.

    Args:
        page: The name of its file.
        state: What the session holds already.
        query: What the address says.
    """
    app = AppTest.from_file(str(PROJECT_ROOT / "pages" / f"{page}.py"), default_timeout=120)
    for name, value in (state or {}).items():
        app.session_state[name] = value
    for name, text in query.items():
        app.query_params[name] = text
    return run(app)


def run(app: AppTest) -> AppTest:
    """Run a page, which must not raise anything."""
    app.run()
    assert not app.exception, app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    """Press the button of a label, or else the first whose label holds it."""
    found = [one for one in app.button if one.label == label]
    found = found or [one for one in app.button if label in one.label]
    assert found and not found[0].disabled, label
    found[0].click()
    return run(app)


def labels(app: AppTest) -> list[str]:
    """Return what stands on the buttons."""
    return [button.label for button in app.button]


def text_of(app: AppTest) -> str:
    """Return everything that a person reads on the page, in one string."""
    kinds = (app.title, app.subheader, app.markdown, app.caption)
    kinds = (*kinds, app.error, app.info, app.warning, app.success)
    return "\n".join(element.value for kind in kinds for element in kind)


def captions(app: AppTest) -> str:
    """Return what stands in small print."""
    return "\n".join(caption.value for caption in app.caption)
