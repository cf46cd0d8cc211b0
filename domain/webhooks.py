"""Outgoing webhooks: which addresses are allowed, which events there are, and when delivery is retried."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar, Final
from urllib.parse import urlsplit

from domain.errors import StrongroomError
from domain.flows import FLOW_KINDS
from domain.public_addresses import is_public

URL_LENGTH_MAX: Final = 2048
EVERYTHING: Final = "*"
TEST: Final = "endpoint.test"
"""A test event that an owner sends to an endpoint; it is delivered whatever the endpoint subscribed to."""
KINDS: Final = (*FLOW_KINDS, "alert")
TYPES: Final = frozenset(
    {f"{kind}.{state}" for kind, table in FLOW_KINDS.items() for state in (*table.states, "updated")}
    | {"alert.raised", "alert.cleared"}
)
"""Every type of event."""

WAITS: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""How long after the attempt before each attempt is made (Standard Webhooks 1.0, "Deliverability and reliability")."""
ATTEMPTS_MAX: Final = len(WAITS)
GIVEN_UP_AFTER: Final = timedelta(days=3)
"""The last attempt is made no later than this after the first was due."""
JITTER: Final = 0.1
FAILING_MAX: Final = timedelta(days=5)
"""An endpoint that failed for this long, in at least `ATTEMPTS_MAX` attempts, is disabled."""


class InvalidWebhookUrl(StrongroomError):
    """This is not a valid webhook address: https, a public host, no user or password, at most 2048 characters."""

    code: ClassVar[str] = "invalid_webhook_url"


class InvalidWebhookKind(StrongroomError):
    """Unknown event type; docs/webhooks.md lists them."""

    code: ClassVar[str] = "invalid_webhook_kind"


def checked_url(text: str, *, allow_private: bool) -> str:
    """The address of an endpoint, validated. `allow_private` is for development: http, and hosts that are not public.

    What the name resolves to is checked at each call (adapters/http_out.py). Raises InvalidWebhookUrl.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as fault:
        raise _refused("is not an address") from fault
    if len(text) > URL_LENGTH_MAX or not text.isascii() or not text.isprintable() or " " in text or not host:
        raise _refused("is not an address")
    if parts.scheme not in ({"https", "http"} if allow_private else {"https"}):
        raise _refused("must begin with https://")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _refused("must hold no user, password or fragment")
    if not allow_private and _leads_inside(host):
        raise _refused("must be a public host")
    return text


def checked_kinds(kinds: Iterable[str]) -> list[str]:
    """The types of events that an endpoint wants: exact ones, `deposit.*`, or `*`. Raises InvalidWebhookKind."""
    wanted = sorted(set(kinds))
    known = TYPES | {EVERYTHING} | {f"{kind}.*" for kind in KINDS}
    if not wanted or not known.issuperset(wanted):
        missing = next((kind for kind in wanted if kind not in known), None)
        words = f"{missing} is not a type of event" if missing else "name one type of event at least"
        raise InvalidWebhookKind(f"kinds: {words}", fields={"kinds": [words]})
    return wanted


def wants(kinds: Iterable[str], event_type: str) -> bool:
    """Whether an endpoint with these subscriptions is sent an event of this type."""
    asked = set(kinds)
    return bool(asked & {EVERYTHING, event_type, f"{event_type.partition('.')[0]}.*"})


def next_attempt(first_due_at: datetime, *, attempts: int, now: datetime, jitter: float) -> datetime | None:
    """When to retry after this many failed attempts; None when there were enough.

    `jitter` from -1 to 1 moves the wait by up to a tenth, so that many retries do not come at once.
    """
    end = first_due_at + GIVEN_UP_AFTER
    if attempts >= ATTEMPTS_MAX or now >= end:
        return None
    return min(now + WAITS[attempts] * (1 + JITTER * jitter), end)


def _leads_inside(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return "." not in host.rstrip(".") or host.rstrip(".").endswith((".localhost", ".local", ".internal"))


def _refused(words: str) -> InvalidWebhookUrl:
    return InvalidWebhookUrl(f"url: {words}", fields={"url": [words]})
