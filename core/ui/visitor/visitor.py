"""Who looks at this page: the owner, one who is logged in, or who has signed in to the class.

The floor of pages: `find_person` is asked with everything that a page reads or does. Nobody is
believed anything but a token that this workspace signed, or an e-mail that Streamlit checked. Who
came by a link is its guest in that tab, whoever they are elsewhere.
"""

import os
from functools import cache, lru_cache
from typing import Any

import streamlit as st

from core.classroom import is_in, make_token, read_token, sign_in
from core.config import read_settings
from core.errors import PetalscopeError
from core.links import find_guest
from core.people import OWNER, Person, Role
from core.workspace import Workspace, open_workspace

COOKIE, DESK_KEY, LINK = "petalscope_person", "desk", "link"
_TOKEN, _LINK = "person.token", "person.link"
_STRANGER = Person(id="stranger", role="guest")
_KEEP_S = 12 * 3600


def find_person() -> Person:
    """Return who looks at the page: with neither class nor log-in the owner of this computer."""
    if not has_people():
        return OWNER
    if (link := st.session_state.get(_LINK)) and (guest := _read_link(link)):
        return guest
    if class_id := find_class():
        return _read_member(class_id)
    email = str(st.user.get("email") or "") if st.user.get("is_logged_in") else ""
    return Person(id=email, name=email, role=_find_role(email)) if email else _STRANGER


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
    if person.role == "guest" and person is not _STRANGER:
        st.query_params[LINK] = st.session_state[_LINK]  # a reload of any page knows it, too
        return True
    if class_id and person.role == "student" and not is_in(open_workspace(), class_id, person.id):
        return False  # the class was closed
    if person is not _STRANGER and (token := st.session_state.get(_TOKEN)):
        _write_cookie(token)
    return person is not _STRANGER


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
            return person
    return _STRANGER


def _read_link(token: str) -> Person | None:
    return find_guest(_open_workspace(os.environ.get("PETALSCOPE_WORKSPACE", "")), token)


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
