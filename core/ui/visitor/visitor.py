"""Who looks at this page: the owner, one who is logged in, or who has signed in to the class.

The floor of pages: `find_person` is asked with everything that a page reads or does. Nobody is
believed anything but a token that this workspace signed, or an e-mail that Streamlit checked. Who
came by a link is its guest in that tab, whoever they are elsewhere.
"""

import os
import secrets
from contextlib import suppress
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any

import streamlit as st

from core.classroom import Lead, is_in, make_token, read_lead, read_token, sign_in
from core.config import read_settings
from core.errors import PetalscopeError
from core.links import find_guest
from core.people import OWNER, Person, Role, may
from core.workspace import Workspace, open_workspace

COOKIE, DESK_KEY, LINK = "petalscope_person", "desk", "link"
_TOKEN, _LINK = "person.token", "person.link"
_BROWSERS, _MARK = "_streamlit_xsrf", "visitor.mark"
"""A cookie that Streamlit gives to each browser until it is closed; without one, of the session."""
STRANGER = Person(id="stranger", role="guest")
"""Who was not let in, or is no more."""
_KEEP_S = 12 * 3600
LED, _LOOK_EVERY = "visitor.led", "2s"
"""Session key of where the desk led when last looked at."""


def find_person() -> Person:
    """Return who looks at the page: with neither class nor log-in the owner of this computer."""
    if not has_people():
        return OWNER
    if (link := st.session_state.get(_LINK)) and (guest := _read_link(link)):
        return guest
    if class_id := find_class():
        return _read_member(class_id)
    email = str(st.user.get("email") or "") if st.user.get("is_logged_in") else ""
    return Person(id=email, name=email, role=_find_role(email)) if email else STRANGER


def read_own_lead() -> Lead:
    """Return where the desk of the class leads this student; nowhere who is none."""
    class_id = find_class()
    is_led = class_id and find_person().role == "student"
    return read_lead(_open_here(), class_id) if is_led else Lead()


def follow_desk(on_lesson: bool) -> bool:
    """Return whether a student has to go to the lesson now; look again and again."""
    if not find_class() or find_person().role != "student":
        return False
    led, known = read_own_lead(), st.session_state.get(LED)
    st.fragment(run_every=_LOOK_EVERY)(_look_again)(led)
    if on_lesson:
        return False
    st.session_state[LED] = led
    return bool(led.step) and (led.frozen or known != led)


def _look_again(led: Lead) -> None:
    if read_own_lead() != led:
        st.rerun()


def may_make(kind: str) -> bool:
    """Return whether who looks may make things of a kind; else what makes them is not drawn."""
    return may(find_person(), "make", kind, "", {})


def find_class() -> str:
    """Return the id of the class that this server is for, or nothing."""
    return os.environ.get("PETALSCOPE_CLASS_ID", "")  # at once: it is asked hundreds of times a run


def has_people() -> bool:
    """Return whether people are told apart here: by a class or by log-in."""
    return bool(find_class()) or is_log_in_configured()


@cache
def is_log_in_configured() -> bool:
    """Return whether people log in here ([auth] in .streamlit/secrets.toml)."""
    return bool(st.secrets.load_if_toml_exists()) and "auth" in st.secrets


def let_in() -> bool:
    """Return whether who looks at the page is let in, and have their browser remember it."""
    class_id = find_class()
    if class_id:
        _take_key(class_id)
    if link := st.query_params.get(LINK):
        st.session_state[_LINK] = link
    person = find_person()
    if person.role == "guest" and person is not STRANGER:
        st.query_params[LINK] = st.session_state[_LINK]  # a reload of any page knows it, too
        return True
    if person is not STRANGER and (token := st.session_state.get(_TOKEN)):
        _write_cookie(token)
    return person is not STRANGER


def show_door() -> None:
    """Draw what lets a person in, and end the page."""
    with st.columns([1, 2, 1])[1].container(border=True):
        if st.session_state.get(_LINK):
            st.info("This link shows nothing any more.", icon=":material/link_off:")
        if class_id := find_class():
            _ask_code(class_id)
        else:
            st.subheader("Log in", anchor=False)
            st.write("This workbench is for people that its owner knows.")
            st.button("Log in", type="primary", icon=":material/login:", on_click=st.login)
    st.stop()


def _read_member(class_id: str) -> Person:
    """Return who has signed in to the class, in this session or, by the cookie, before."""
    for token in (st.session_state.get(_TOKEN), st.context.cookies.get(COOKIE)):
        if isinstance(token, str) and (person := _read_token(class_id, token)):
            st.session_state[_TOKEN] = token
            is_over = person.role == "student" and not is_in(_open_here(), class_id, person.id)
            return STRANGER if is_over else person
    return STRANGER


def _read_link(token: str) -> Person | None:
    return find_guest(_open_here(), token)


def _open_here() -> Workspace:
    return _open_workspace(os.environ.get("PETALSCOPE_WORKSPACE", ""))


@lru_cache(maxsize=8)
def _open_workspace(named: str) -> Workspace:  # noqa: ARG001 (tests name one after another)
    return open_workspace()


@lru_cache(maxsize=512)
def _read_token(class_id: str, token: str) -> Person | None:
    return read_token(open_workspace(), class_id, token)


def _find_role(email: str) -> Role:
    settings = read_settings()
    named: dict[Role, str] = {"owner": settings.owners, "instructor": settings.instructors}
    for role, emails in named.items():
        if email.casefold() in (one.strip().casefold() for one in emails.split(",")):
            return role
    return "student"


def _take_key(class_id: str) -> None:
    """Let in who came by the address of the desk, and take the key out of it."""
    key = st.query_params.pop(DESK_KEY, None)
    if key and _read_token(class_id, key):
        st.session_state[_TOKEN] = key


def _ask_code(class_id: str) -> None:
    """Draw the form of a student: the code of the class and a name in it."""
    st.subheader("Join the class", anchor=False)
    with st.form("visitor.join", border=False):
        code = st.text_input("Code of the class", max_chars=12)
        name = st.text_input(
            "Your name here",
            max_chars=24,
            help="Who teaches reads it. No e-mail, no password; it goes when the class is closed.",
        )
        joined = st.form_submit_button("Join", type="primary", icon=":material/login:")
    if joined:
        workspace = open_workspace()
        try:
            person = sign_in(workspace, class_id, code, name)
        except PetalscopeError as error:
            st.error(f"{error.problem} {error.remedy}")
            return
        st.session_state[_TOKEN] = make_token(workspace, class_id, person)
        st.rerun()


def _write_cookie(token: str) -> None:
    """Have the browser keep who it is, so that a reload does not ask again."""
    if st.context.cookies.get(COOKIE) != token:
        said = f"{COOKIE}={token}; path=/; SameSite=Strict; max-age={_KEEP_S}"
        _load_writer()(key="visitor.cookie", data=said)


@cache
def _load_writer() -> Any:
    return st.components.v2.component(
        "petalscope_cookie", js="export default ({ data }) => { document.cookie = data; };"
    )


def name_visitor() -> str:
    """Return the name of who is logged in or in the class, else the browser's address and its mark.

    People behind one address take turns, too. It opens nothing.
    """
    person = find_person()
    return person.name or f"{st.context.ip_address or 'this computer'} · {_read_mark()}"


def name_browser() -> str:
    """Return the id of who is logged in or in the class, else the mark of the browser.

    For the prediction log: it holds no address, and the same phone in another network is still
    the one whose answers are to be deleted.
    """
    person = find_person()
    return person.id if person.name else f"browser {_read_mark()}"


def _read_mark() -> str:
    """Return the browser's own mark, also after a reload; without a cookie one for the session."""
    cookie = st.context.cookies.get(_BROWSERS)
    drawn: str = st.session_state.setdefault(_MARK, secrets.token_hex(4))
    return mark_cookie(cookie) if isinstance(cookie, str) else drawn


def mark_cookie(cookie: str) -> str:
    """Return a mark of the token in the cookie.

    Streamlit masks it anew at each load ("2|mask|masked token|time"): the mark stays the same.
    """
    token = cookie.encode()
    match cookie.split("|"):
        case ["2", mask, masked, _]:
            with suppress(ValueError, ZeroDivisionError):  # another form is taken as it is
                keys, hidden = bytes.fromhex(mask), bytes.fromhex(masked)
                token = bytes(one ^ keys[n % len(keys)] for n, one in enumerate(hidden))
    return sha256(token).hexdigest()[:8]
