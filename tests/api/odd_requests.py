"""Requests that are odd HTTP, as hypothesis draws them.

A sound request to one of the addresses is changed in one to three places: method, target, version,
fields of its head, its body or how the body is framed. What is inside photos: malformed.py. Wrong
values of documented parameters: test_spec.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from tests.api.malformed import FORM, write_part

_HOST = b"Host: 127.0.0.1"
_FORM = b"Content-Type: " + FORM.encode()
_FEEDBACK = b'{"prediction_id": "0123abc", "class_name": "rose", "note": "\xc3\xbc"}'
_END = b"--petal--\r\n"


@dataclass(frozen=True)
class OddRequest:
    """One request, in the parts that are changed."""

    method: bytes
    target: bytes
    fields: list[bytes] = field(default_factory=list)
    body: bytes = b""
    version: bytes = b"HTTP/1.1"
    framing: str = "length"
    """How the body is sent: one of `_FRAMINGS`."""

    def write(self) -> bytes:
        """Write the bytes to send; the server is asked to hang up after its answer."""
        head = [b"%s %s %s" % (self.method, self.target, self.version), *self.fields]
        return b"\r\n".join([*head, b"Connection: close", _FRAMINGS[self.framing](self.body)])

    @property
    def is_cut_short(self) -> bool:
        """Whether the server waits for more than is sent."""
        return self.framing in _CUT_SHORT


_METHODS = [*b"HEAD OPTIONS PUT DELETE PATCH TRACE CONNECT get BREW PRI GET POST".split()]
_METHODS += [b"X" * 300, b"P\x00ST", b"", b"(POST)"]
_TARGETS = [
    *b"/ // * /%00 /%ff%fe /v1/models/%2e%2e /v1/models/..%2fx /v1/predict%2Fbatch".split(),
    *b"/v1/%70redict /health/../v1/models /v1/models;a=b http://127.0.0.1/v1/models".split(),
    *b"127.0.0.1:80 /v1/models/v99999999999999999999 /v1/models/%F0%9F%8C%B7 /%".split(),
    *b"/v1/models/{alias} /v1/models/champion%0d%0aX:y /openapi.json/.. \\v1 #x ?".split(),
    b"/v1/models/" + b"9" * 64,
    b"/" + b"a/" * 9000,
    b"/v1/models/\xff",
    b"/a b",
]
_QUERIES = [
    *b"top= top=%00 top=%D9%A3 top[]=3 top=1&top=x top=5;x %%% &=&=& =5 top=%ff Top=3".split(),
    b"top=" + b"9" * 5000,
    b"a=b&" * 4000,
    b"x=" + b"y" * 40_000,
]
_VERSIONS = [*b"HTTP/1.0 HTTP/0.9 HTTP/2.0 HTTP/9.9 HTTP/1 http/1.1 HTP".split(), b""]
_FIELDS = [
    *(b"Content-Type: " + kind for kind in b"image/ / * text/plain multipart/mixed".split()),
    *(_FORM + b"; charset=" + name for name in b"utf-16 x rot13".split()),
    *(b"Transfer-Encoding: " + name for name in b"gzip identity chunked,chunked x".split()),
    *(b"Content-Encoding: " + name for name in b"gzip br x".split()),
    *(b"Expect: " + what for what in b"100-continue 200-ok".split()),
    *(b"Host: " + name for name in b"evil.example [::1 :80 127.0.0.1:x \xff a,b".split()),
    *(b"Origin: " + name for name in b"null http://[ http://a:99999999 \xff ://".split()),
    *(b"Authorization: " + text for text in (b"Bearer", b"Bearer \xff", b"Basic " + b"x" * 9000)),
    *(b"X-Request-ID: " + text for text in (b"", b"\xe2\x82\xac", b"a\tb", b"y" * 5000)),
    b"Content-Type: multipart/form-data",
    b"Content-Type: multipart/form-data; boundary=" + b"x" * 300,
    b"Content-Type: multipart/form-data; boundary=; boundary=petal",
    b"Content-Type: \xff\xfe",
    b"Content-Length: 5",
    b"Content-Length: -1",
    b"Content-Length: 1_0",
    b"Content-Length: " + b"9" * 18,
    b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13",
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk",
    b"Forwarded: for=1.2.3.4\r\nX-Forwarded-For: 1.2.3.4, x\r\nX-Forwarded-Proto: gopher",
    b"X-HTTP-Method-Override: DELETE\r\nRange: bytes=0-,x\r\nIf-None-Match: *",
    b"Accept: text/html;q=x, */*\r\nAccept-Charset: none\r\nAccept-Encoding: br, x",
    b"Cookie: " + b"a=b; " * 3000,
    b"X-Folded: a\r\n b",
    b"X-Control: a\x00b",
    b"X X: space in its name",
    b": no name",
    b"no colon",
    b"X-Large: " + b"z" * 70_000,
    b"\r\n".join(b"X-%d: many" % number for number in range(900)),
]
_BODIES = [
    b"",
    b"null",
    b"[" * 5000,
    b'{"prediction_id": "a", "prediction_id": "b", "class_name": "\\ud800"}',
    b'{"prediction_id": 1e999, "class_name": NaN}',
    b'{"prediction_id": "a", "class_name": "\\u0000"}',
    b'\xef\xbb\xbf{"prediction_id": "a", "class_name": "b"}',
    _FEEDBACK.decode().encode("utf-16"),
    b'{"prediction_id": "a", "class_name": "b", "photo_base64": "====", "x": {}}',
    write_part(b'; name="photo[]"; filename="a"', b"x") * 3 + _END,
    write_part(b"; name=photo; name=photos; filename*=utf-8''%ff%00", b"x") + _END,
    write_part(b'; name=""; filename=""', b"") + _END,
    write_part(b'; filename="a.jpg"', b"x") + _END,
    write_part(b'; name="photo"', b"x") * 40 + _END,
    write_part(b'; name="photos"; filename="a"', b"x") * 70 + _END,
    write_part(
        b'; name="photo"; filename="\xff\xfe"\r\nContent-Transfer-Encoding: base64', b"/9j/"
    ),
    write_part(
        b'; name="photo"; filename="a"\r\nContent-Type: multipart/mixed; boundary=b', b"--b"
    ),
    b"--petal\r\n" * 300 + _END,
    _END + b"epilogue " * 200,
]


def _write_chunks(body: bytes) -> bytes:
    half = len(body) // 2
    parts = [part for part in (body[:half], body[half:]) if part]
    return b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in parts
    )


def _write_length(body: bytes, more: int = 0) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body) + more, body)


_FRAMINGS: dict[str, Callable[[bytes], bytes]] = {
    "length": _write_length,
    "chunked": lambda body: _write_chunks(body) + b"0\r\n\r\n",
    "trailers": lambda body: _write_chunks(body) + b"0\r\nX-After: y\r\n\r\n",
    "neither": lambda body: b"\r\n" + body,
    "both": lambda body: b"Content-Length: 3\r\n" + _write_chunks(body) + b"0\r\n\r\n",
    "two lengths": lambda body: b"Content-Length: 1\r\n" + _write_length(body),
    "announced less": lambda body: _write_length(body, -min(5, len(body))),
    "announced more": lambda body: _write_length(body, 50),
    "announced far too much": lambda body: _write_length(body, 10**12),
    "chunk cut short": lambda body: _write_chunks(body)[:-3],
    "never ended": _write_chunks,
    "no chunk": lambda body: b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body,
    "huge chunk": lambda body: b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n" + body,
    "no end of the head": lambda _: b"X-Next: ",
    "another behind it": lambda body: _write_length(body) + b"GET /health/live HTTP/1.1\r\n\r\n",
}

_CUT_SHORT = ("announced more", "chunk cut short", "never ended", "no end of the head")


def _draw_sound(photo: bytes) -> list[OddRequest]:
    form = write_part(b'; name="photo"; filename="a.jpg"', photo) + _END
    batch = form.replace(b'"photo"', b'"photos"')
    paths = b"/v1/models /v1/models/champion /health/ready /metrics /openapi.json".split()
    json = b"Content-Type: application/json"
    return [
        OddRequest(b"POST", b"/v1/predict?top=3", [_HOST, b"Content-Type: image/jpeg"], photo),
        OddRequest(b"POST", b"/v1/predict", [_HOST, _FORM], form),
        OddRequest(b"POST", b"/v1/predict/batch", [_HOST, _FORM], batch),
        OddRequest(b"POST", b"/v1/feedback", [_HOST, json], _FEEDBACK),
        *(OddRequest(b"GET", path, [_HOST]) for path in paths),
    ]


def _add_field(fields: list[bytes], added: bytes, place: int) -> list[bytes]:
    """Add a field: first, in place of one of its name (1), or last (2)."""
    name = added.partition(b":")[0]
    others = [one for one in fields if one.partition(b":")[0] != name]
    return [[added, *fields], [*others, added], [*fields, added]][place]


@st.composite
def draw_requests(draw: st.DrawFn, photo: bytes) -> OddRequest:
    """Draw a request with one to three changes; `photo` is one that is answered."""
    request = draw(st.sampled_from(_draw_sound(photo)))
    for change in draw(st.lists(st.sampled_from(_PARTS), min_size=1, max_size=3, unique=True)):
        if change == "query":
            path = request.target.partition(b"?")[0]
            request = replace(request, target=path + b"?" + draw(st.sampled_from(_QUERIES)))
        elif change == "host":
            request = replace(request, fields=request.fields[1:])
        elif change == "fields":
            added, place = draw(st.sampled_from(_FIELDS)), draw(st.integers(0, 2))
            request = replace(request, fields=_add_field(request.fields, added, place))
        else:
            request = replace(request, **{change: draw(st.sampled_from(_CHOICES[change]))})
    return request


_CHOICES = {
    "method": _METHODS,
    "target": _TARGETS,
    "version": _VERSIONS,
    "body": _BODIES,
    "framing": list(_FRAMINGS),
}
_PARTS = [*_CHOICES, "query", "fields", "host"]
