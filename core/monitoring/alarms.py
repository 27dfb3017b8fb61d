"""Alarms: their rows, and the address that is told what began and ended, each once.

It is written down after the address took it: a process that dies in between tells it twice.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, select, update

from core.config import read_settings
from core.errors import PetalscopeError, WebhookFailed, WebhookRefused
from core.monitoring.rules import MEASURES, Level
from core.monitoring.tables import alarms_table
from core.runs.database import read_database, write_database
from core.runs.locks import try_lock
from core.workspace import Workspace

_ROW = alarms_table.c
_MOST_LISTED = 200


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A level that a rule has reached."""

    number: int
    rule: str
    level: Level
    raised: datetime
    ended: datetime | None
    version: int | None
    facts: dict[str, Any]
    """text: what was measured, in words; value, sure, n; end_text and ended_by: how it ended;
    replaced: by an alarm of another level; told: the last event (begin, end) that the webhook was
    told; tries, tried and trouble: how often that failed since, when last, and why."""

    @property
    def title(self) -> str:
        """The rule in words; its name where a newer program had another."""
        return MEASURES[self.rule].title if self.rule in MEASURES else self.rule

    @property
    def text(self) -> str:
        """What was measured while it stood, in words."""
        return str(self.facts.get("text", ""))


def list_alarms(workspace: Workspace, *, standing: bool = False) -> list[Alarm]:
    """Return alarms: those that stand first, of these the critical ones; else newest first."""
    query = select(alarms_table).order_by(_ROW.number.desc()).limit(_MOST_LISTED)
    with read_database(workspace) as connection:
        rows = connection.execute(query.where(_ROW.ended.is_(None)) if standing else query).all()
    alarms = map(read_row, rows)
    return sorted(
        alarms, key=lambda one: (one.ended is not None, not one.ended and one.level != "critical")
    )


def find_worst(alarms: Sequence[Alarm]) -> Level | None:
    """Return the highest level of the alarms, None of none."""
    levels = {alarm.level for alarm in alarms}
    return "critical" if "critical" in levels else "warning" if levels else None


def end_alarm(workspace: Workspace, number: int, who: str = "") -> bool:
    """Return whether the alarm was standing; it has ended now, by a person.

    It begins anew at the next check when its cause is still there.
    """
    with write_database(workspace) as connection:
        query = select(alarms_table).where(_ROW.number == number, _ROW.ended.is_(None))
        row = connection.execute(query).first()
        if row is not None:
            write_end(connection, read_row(row), datetime.now(UTC), ended_by=who or "a person")
    return row is not None


def keep_facts(workspace: Workspace, number: int, facts: dict[str, Any]) -> None:
    """Add facts to those of an alarm."""
    with write_database(workspace) as connection:
        row = connection.execute(select(alarms_table).where(_ROW.number == number)).first()
        if row is not None:
            write_facts(connection, read_row(row), facts)


def write_end(connection: Connection, alarm: Alarm, now: datetime, **facts: Any) -> None:
    """End an alarm and add facts to its own."""
    write_facts(connection, alarm, {**facts, "tries": 0}, ended=now)


def write_facts(connection: Connection, alarm: Alarm, facts: dict[str, Any], **own: Any) -> None:
    """Add facts to those of an alarm; `own` are values of its row."""
    values = {"facts": json.dumps(alarm.facts | facts, allow_nan=False), **own}
    connection.execute(update(alarms_table).where(_ROW.number == alarm.number).values(**values))


def read_row(row: Any) -> Alarm:
    """Return the alarm of a row of the table."""
    values = dict(row._mapping)
    return Alarm(**values | {"facts": json.loads(values["facts"])})


_log = logging.getLogger(__name__)

Event = Literal["begin", "end"]

LONGEST = timedelta(days=1)
"""What happened longer ago is no news, and told no more."""
TIMEOUT_S, ATTEMPTS, PAUSE_S = 5.0, 3, 0.5
"""Of one call of the address: for connecting and for each read; tries, and the pause after one."""
_LONGEST_PAUSE = timedelta(hours=1)
"""Between two calls of an address that fails; the first pauses are 1, 2, 4 … minutes."""


def find_alarm_url() -> str | None:
    """Return the address for alarms, which may hold a secret; None: nobody is told."""
    url = read_settings().alarm_url
    return url.get_secret_value() if url else None


def tell_alarms(workspace: Workspace, now: datetime | None = None) -> list[str]:
    """Return what was told, in words; nothing without an address, or while another tells.

    An address that fails is logged and tried again, more and more seldom, for a day.
    """
    url, now = find_alarm_url(), now or datetime.now(UTC)
    if url is None or not find_untold(workspace, now):
        return []
    with try_lock(workspace.alarms_lock.with_suffix(".telling")) as is_held:
        return _tell(workspace, url, now) if is_held else []


def find_untold(workspace: Workspace, now: datetime | None = None) -> list[tuple[Alarm, Event]]:
    """Return what is to be told now, oldest first: begins, and ends of what was told before."""
    now = now or datetime.now(UTC)
    oldest = now - LONGEST
    found: list[tuple[Alarm, Event]] = []
    for alarm in sorted(list_alarms(workspace), key=lambda alarm: alarm.number):
        told = alarm.facts.get("told", "")
        if alarm.facts.get("replaced") or now < _find_next_try(alarm):
            continue  # of a change of level only the new one is told
        if alarm.ended is None and told == "" and alarm.raised >= oldest:
            found.append((alarm, "begin"))
        elif alarm.ended is not None and told == "begin" and alarm.ended >= oldest:
            found.append((alarm, "end"))
    return found


def write_message(alarm: Alarm, event: Event) -> dict[str, Any]:
    """Return what is sent: `text` for chats, the rest for programs."""
    version = f" v{alarm.version}" if alarm.version else ""
    is_over = event == "end"
    what = "the alarm is over" if is_over else alarm.level
    text = alarm.facts.get("end_text") or alarm.facts.get("ended_by") if is_over else alarm.text
    return {
        "text": f"Petalscope{version}, {alarm.title}, {what}: {text}",
        "event": event,
        "rule": alarm.rule,
        "level": alarm.level,
        "alarm": alarm.number,
        "version": alarm.version,
        "raised": alarm.raised.isoformat(timespec="seconds"),
        "ended": alarm.ended.isoformat(timespec="seconds") if alarm.ended else None,
        **{name: alarm.facts.get(name) for name in ("value", "sure", "n", "ended_by")},
    }


def send_test() -> bool:
    """Return whether a message for trial was sent; not without an address.

    Raises:
        WebhookRefused: The address is not https.
        WebhookFailed: It did not take the message.
    """
    url = find_alarm_url()
    if url is None:
        return False
    text = "Petalscope: this is a trial. Alarms will come here."
    send_message(url, {"text": text, "event": "test"})
    return True


def _find_next_try(alarm: Alarm) -> datetime:
    """Return when an address that failed is called again for an alarm."""
    tries = int(alarm.facts.get("tries", 0))
    if not tries:
        return alarm.raised
    pause = min(timedelta(minutes=2 ** min(tries - 1, 10)), _LONGEST_PAUSE)
    return datetime.fromisoformat(alarm.facts["tried"]) + pause


def _tell(workspace: Workspace, url: str, now: datetime) -> list[str]:
    told = []
    for alarm, event in find_untold(workspace, now):
        message = write_message(alarm, event)
        try:
            send_message(url, message)
        except PetalscopeError as error:
            _log.warning("nobody was told of alarm %d: %s", alarm.number, error)
            tries = int(alarm.facts.get("tries", 0)) + 1
            facts = {"tries": tries, "tried": now.isoformat(), "trouble": error.problem}
            keep_facts(workspace, alarm.number, facts)
            break  # the others would fail alike
        keep_facts(workspace, alarm.number, {"told": event, "tries": 0, "trouble": ""})
        told.append(str(message["text"]))
    return told


def send_message(url: str, message: Mapping[str, Any]) -> None:
    """Post a message as JSON; return once the receiver has accepted it.

    What may pass soon (no answer, a fault of the server, too many requests) is tried again.

    Raises:
        WebhookRefused: The address is not https.
        WebhookFailed: It does not answer, answers with an error, or redirects.
    """
    import tenacity  # here: every page reads alarms, hardly one sends them

    host = _check_address(url)
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_exponential(PAUSE_S),
        retry=tenacity.retry_if_result(bool),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else "",
    )
    content = json.dumps(message, allow_nan=False)
    problem = retrying(lambda: asyncio.run(_post(url, content, host)))
    if problem:
        raise _fail(host, problem)


def _check_address(url: str) -> str:
    """Return the host of the address, which can be called."""
    import httpx

    remedy = "Set PETALSCOPE_ALARM_URL to an https address, as your chat or alarm service gives it."
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise WebhookRefused("The address for alarms is no address.", remedy) from error
    if address.scheme != "https" or not address.host or address.userinfo:
        raise WebhookRefused(
            "The address for alarms is not https, or carries a name and password.", remedy
        )
    return address.host


async def _post(url: str, content: str, host: str) -> str:
    """Post once; return what went wrong where another try may help, else ""."""
    import httpx

    tls = ssl.create_default_context()  # the certificates that this machine trusts
    headers = {"Content-Type": "application/json", "User-Agent": "Petalscope"}
    try:
        # Also in all: a receiver that drips keeps within the time of each read.
        async with (
            asyncio.timeout(2 * TIMEOUT_S),
            httpx.AsyncClient(verify=tls, timeout=TIMEOUT_S, trust_env=False) as client,
            client.stream("POST", url, content=content, headers=headers) as answer,
        ):
            status = answer.status_code
    except (TimeoutError, httpx.TimeoutException):
        return "cannot be reached (no answer in time)"
    except httpx.TransportError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise _fail(host, "cannot be reached (its certificate is not valid)") from error
        return f"cannot be reached ({type(error).__name__})"
    if 300 <= status < 400:
        raise _fail(host, f"sends us elsewhere (status {status}), where we do not go")
    problem = f"did not take the message (status {status})"
    if 400 <= status < 500 and status != 429:
        raise _fail(host, problem)
    return "" if status < 300 else problem


def _fail(host: str, what: str) -> WebhookFailed:
    return WebhookFailed(
        f"The host for alarms, {host}, {what}.",
        "Check PETALSCOPE_ALARM_URL and the service behind it; alarms are tried again.",
        host=host,
    )
