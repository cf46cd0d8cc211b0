"""Rate limits by address, user and app, counted in Redis for all processes together.

Requests count against a user or app only once they are authenticated: otherwise a stranger could use up anybody's
attempts and lock them out.

`limits`, the library under Flask-Limiter, is used directly: what happens while Redis is down depends on the kind of
request here, and Flask-Limiter has one rule for all.
"""

import math
import time
from collections.abc import Callable, Mapping
from functools import wraps
from ipaddress import IPv6Address, IPv6Network
from typing import Any, Final, Literal, NamedTuple, TypeVar, cast

import structlog
from flask import Flask, current_app, g, request
from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from adapters.rate_limit_counters import RateLimitCounters
from api.refusals import LimitsUnavailable, RateLimited
from api.request_context import container
from wiring.container import CACHE, CACHE_WAIT_S

Kind = Literal["sign_in", "read", "ask"]
Ask = Callable[..., bool]
View = TypeVar("View", bound=Callable[..., Any])
_COUNTER: Final = "strongroom.limits"
_HOST_BITS: Final = 64

log = structlog.get_logger(__name__)


class _Rule(NamedTuple):
    by_address: int
    by_name: int
    fails_open: bool


def limited(kind: Kind) -> Callable[[View], View]:
    """Count each request to this view against its address, and against its user if there is one.

    To be placed inside the guard. Over the limit it raises RateLimited; while Redis is down, LimitsUnavailable, unless
    settings let this kind pass.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def counted(*args: Any, **kwargs: Any) -> Any:
            spend(kind, **_names())
            return view(*args, **kwargs)

        return cast("View", counted)

    return decorate


def spend(kind: Kind, **names: str) -> None:
    """Count an attempt against these names (`address=`, `user=`, `app=`). Raises as `limited` says."""
    _each(kind, names, FixedWindowRateLimiter.hit)


def look(kind: Kind, **names: str) -> None:
    """Check that these names, not yet authenticated, have an attempt left. Raises as `limited` says."""
    _each(kind, names, FixedWindowRateLimiter.test)


def note(kind: Kind, **names: str) -> None:
    """Count an attempt that has been made, against authenticated names. Refuses nothing."""
    try:
        spend(kind, **names)
    except (RateLimited, LimitsUnavailable) as refusal:
        log.info("the next attempt will be refused", kind=kind, code=refusal.code)


def origin() -> str:
    """The address that this request counts against: the IPv4 address, or the /64 of an IPv6 address.

    nginx counts by the same (nginx/includes/http.conf).
    """
    address = request.remote_addr or "unknown"
    if ":" not in address:
        return address
    try:
        read = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(read.ipv4_mapped or IPv6Network((int(read) >> _HOST_BITS << _HOST_BITS, 128 - _HOST_BITS)))


def _each(kind: Kind, names: Mapping[str, str], ask: Ask) -> None:
    rule = _rules()[kind]
    for sort, name in names.items():
        allowed = RateLimitItemPerMinute(rule.by_address if sort == "address" else rule.by_name)
        _ask(ask, allowed, rule, kind, sort, name)


def _ask(ask: Ask, allowed: RateLimitItemPerMinute, rule: _Rule, *names: str) -> None:
    try:
        counter = _counter(current_app)
        if ask(counter, allowed, *names):
            return
        reset_at = counter.get_window_stats(allowed, *names).reset_time
    except RedisError as fault:
        log.warning("attempts cannot be counted", kind=names[0], allowed=rule.fails_open, error=str(fault))
        if rule.fails_open:
            return
        raise LimitsUnavailable from fault
    raise RateLimited(max(1, math.ceil(reset_at - time.time())))


def _names() -> dict[str, str]:
    """The names that this request counts against."""
    names = {"address": origin()}
    principal = g.get("principal")
    if principal is not None:
        names["user"] = str(principal.user_id)
    return names


def _rules() -> Mapping[Kind, _Rule]:
    settings = container().settings
    return {
        "sign_in": _Rule(settings.sign_in_limit, settings.user_limit, settings.sign_in_fails_open),
        # Polling is cheap, and pages do it every two seconds: a user has the same limit as an address.
        "read": _Rule(settings.read_limit, settings.read_limit, settings.reads_fail_open),
        # What one app asks of one user: as often as that user may try to sign in, and no less while Redis is down
        # than they may look.
        "ask": _Rule(settings.read_limit, settings.user_limit, settings.reads_fail_open),
    }


def _counter(app: Flask) -> FixedWindowRateLimiter:
    """This process's counter, made at the first request."""
    if _COUNTER not in app.extensions:
        address = container().settings.redis_database(CACHE).reveal()
        storage = RateLimitCounters(
            address, key_prefix="limits", socket_timeout=CACHE_WAIT_S, socket_connect_timeout=CACHE_WAIT_S
        )
        app.extensions[_COUNTER] = FixedWindowRateLimiter(storage)
    return cast("FixedWindowRateLimiter", app.extensions[_COUNTER])
