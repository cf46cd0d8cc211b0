"""The handling of every event: count it, validate it, execute it and acknowledge it, with or without an error."""

import math
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import marshmallow as ma
import structlog
from flask import request
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from adapters.buckets import Allowance, LocalBucket
from api.blueprint import flat_messages
from api.conversing import MESSAGES
from api.errors import error_body, refusal_body
from api.realtime.seats import Seat, Seats
from api.realtime.tracing import span
from api.refusals import InvalidRequest, RateLimited, ScopeMissing
from api.request_context import container
from api.statuses import HTTP_ERRORS, status_of
from domain.errors import StrongroomError

Answer = Mapping[str, Any]
Act = Callable[[Seat, dict[str, Any]], Answer]

# The burst, and the rate per second. The candidates of a call come in a burst.
ALLOWANCES: Final[Mapping[str, Allowance]] = MappingProxyType(
    {
        "message": MESSAGES,
        "rtc:offer": Allowance(10, 0.2),
        "rtc:answer": Allowance(10, 0.2),
        "rtc:ice": Allowance(120, 20),
        "rtc:hangup": Allowance(20, 1),
    }
)
ANYTHING: Final = Allowance(240, 40)
"""The same for all events of one socket, valid or not; beyond, it is closed."""

log = structlog.get_logger(__name__)


class Flooded(Exception):
    """This socket sends too much and is to be closed."""


def handle(seats: Seats, event: str, schema: type[ma.Schema], act: Act) -> Callable[..., Answer]:
    """The handler of an event. The client's acknowledgement gets its result: `ok`, or the error."""
    reader = schema()

    def handler(*arguments: Any) -> Answer:
        seat = seats.find(request.sid)  # type: ignore[attr-defined]  # Flask-SocketIO puts it there
        if seat is None:
            return error_body("not_signed_in", "This socket is closed.")
        try:
            with span(event):
                count(seat, event)
                return {"ok": True, **act(seat, _read(reader, arguments))}
        except StrongroomError as refusal:
            if status_of(type(refusal)) == HTTPStatus.INTERNAL_SERVER_ERROR:
                return _bug(event, refusal)
            return refusal_body(refusal)
        except (OperationalError, InterfaceError, PoolTimeout) as fault:
            log.exception("database unavailable", socket_event=event, exc_info=fault)
            return error_body("database_unavailable", HTTP_ERRORS["database_unavailable"][1])
        except Flooded:
            raise
        except Exception as bug:  # noqa: BLE001 - the outermost edge of an event, as api/errors.py is of a request
            return _bug(event, bug)

    return handler


def count(seat: Seat, event: str) -> None:
    """Count an event for its socket, and for its user across sockets.

    Raises RateLimited and Flooded; and ScopeMissing for an app, which may not send events.
    """
    count_unknown(seat)
    if not seat.is_person:
        raise ScopeMissing("This is not open to apps.")
    allowance = ALLOWANCES[event]
    wait_s = _bucket(seat, event, allowance).take()
    wait_s = wait_s or container().buckets.take(f"{event}:{seat.user_id}", allowance)
    if wait_s:
        raise RateLimited(math.ceil(wait_s))


def count_unknown(seat: Seat) -> None:
    """Count an unknown event. Raises Flooded."""
    if _bucket(seat, "", ANYTHING).take():
        raise Flooded


def _bucket(seat: Seat, name: str, allowance: Allowance) -> LocalBucket:
    return seat.buckets.setdefault(name, LocalBucket(allowance))


def _read(reader: ma.Schema, arguments: tuple[Any, ...]) -> dict[str, Any]:
    if len(arguments) != 1 or not isinstance(arguments[0], dict):
        raise InvalidRequest("An event takes one object.")
    try:
        read: dict[str, Any] = reader.load(arguments[0])
    except ma.ValidationError as fault:
        fields = flat_messages(fault.messages)
        words = "; ".join(f"{name}: {' '.join(faults)}" for name, faults in sorted(fields.items()))
        raise InvalidRequest(words, fields=fields) from fault
    return read


def _bug(event: str, bug: Exception) -> Answer:
    log.error("bug", socket_event=event, exc_info=bug)
    return error_body("internal_error", HTTP_ERRORS["internal_error"][1])
