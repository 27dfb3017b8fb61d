"""HTML that cannot be broken by a name: every text is escaped unless it was made here."""

import base64
from html import escape

_EMPTY = frozenset({"img", "source", "meta", "br", "hr"})


class Markup(str):
    """HTML that was put together by `tag`; any other string is text."""

    __slots__ = ()


def tag(element: str, /, *children: str, **attributes: str) -> Markup:
    """Returns an element; children that are no Markup are escaped, attributes always.

    Args:
        element: Its name.
        children: In their order.
        attributes: Their names; a closing underscore is dropped, others become hyphens.
    """
    written = "".join(
        f' {key.removesuffix("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
    )
    if element in _EMPTY:
        return Markup(f"<{element}{written}>")
    return Markup(f"<{element}{written}>{join(*children)}</{element}>")


def join(*children: str) -> Markup:
    """Returns the children one after another; those that are no Markup are escaped."""
    return Markup("".join(one if isinstance(one, Markup) else escape(one) for one in children))


def data_uri(content: bytes, kind: str) -> str:
    """Returns bytes as an address that needs no network, of a type such as image/webp."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
