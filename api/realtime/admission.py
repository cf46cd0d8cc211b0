"""Authenticate sockets: a browser by its session cookie, a program by a session token or an app's access token."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import jwt
from flask import request

from api import guards, limits
from api.access import credentials, principal_of, provider
from api.realtime.seats import Seat
from api.refusals import CrossSiteRefused, InvalidToken, NotSignedIn, ScopeMissing
from api.request_context import container
from auth import sessions
from auth.oauth import tokens
from auth.sessions import Principal
from wiring.container import Container

FEED_SCOPES: Final = ("deposits:read", "withdrawals:read", "wallet:read")
"""The scopes of live events; an app needs at least one to connect, and receives what they cover."""


def admit(sid: str, auth: Any) -> Seat:
    """The seat for this handshake.

    Raises NotSignedIn, InvalidToken, ScopeMissing, CrossSiteRefused, InvalidDpopProof; and, for one address that is
    refused again and again, RateLimited.
    """
    try:
        return _admitted(sid, auth)
    except (NotSignedIn, InvalidToken):
        limits.spend("sign_in", address=limits.origin())
        raise


def look_again(parts: Container, seats: Sequence[Seat]) -> list[Seat]:
    """Which of these seats have lost their right to be connected; the others get their present rights."""
    checked, gone = time.monotonic(), []
    hashes = {seat.token_hash for seat in seats if seat.token_hash is not None}
    with parts.reading() as session:
        idle = timedelta(minutes=parts.settings.session_idle_minutes)
        now = parts.now()
        standing = sessions.standing(session, sorted(hashes), now=now, idle=idle) if hashes else {}
        for seat in seats:
            if seat.token_hash is not None:
                found = standing.get(seat.token_hash)
            else:
                found = tokens.bearer(session, provider(parts), seat.token or "", now=now)
            if found is None:
                gone.append(seat)
            else:
                seat.principal, seat.checked_at = found, checked
    return gone


def _admitted(sid: str, auth: Any) -> Seat:
    parts, token = container(), _token(auth)
    if token is None:
        token = request.cookies.get(guards.cookie_name())
        if not token:
            raise NotSignedIn
        _check_origin()
    elif tokens.looks_like_one(token):
        principal = principal_of(parts, token)
        if principal is None:
            raise InvalidToken
        return _app_seat(parts, sid, token, principal)
    if len(token) > guards.TOKEN_LENGTH_MAX:
        raise NotSignedIn
    token_hash = sessions.digest(token)
    idle = timedelta(minutes=parts.settings.session_idle_minutes)
    with parts.reading() as session:
        found = sessions.find(session, token, now=parts.now(), idle=idle)
    if found is None:
        raise NotSignedIn
    return Seat(sid, found, frozenset({token_hash.hex()}), token_hash, None)


def _app_seat(parts: Container, sid: str, token: str, principal: Principal) -> Seat:
    app = principal.delegation
    if app is None or f"{parts.settings.public_url}{guards.API}" not in app.audience:
        raise InvalidToken("This token is for another resource.")
    if not app.scopes.intersection(FEED_SCOPES):
        raise ScopeMissing(f"This needs one of the scopes {', '.join(FEED_SCOPES)}.")
    jti = jwt.decode(token, options={"verify_signature": False})["jti"]  # verified a moment ago
    names = frozenset({str(jti), str(principal.session_id), str(app.grant_id), app.client_id})
    return Seat(sid, principal, names, None, token)


def _token(auth: Any) -> str | None:
    """The token of the handshake's Authorization header, or of the client's connect packet: {"token": …}."""
    scheme, token = credentials() or ("", "")
    if scheme in {"bearer", "dpop"}:
        return token
    given = auth.get("token") if isinstance(auth, Mapping) else None
    return given if isinstance(given, str) and given else None


def _check_origin() -> None:
    """Browsers send cookies with requests of any site: only our own pages may use one."""
    origin = request.headers.get("Origin")
    if origin is not None:
        if not guards.is_our_origin(origin):
            raise CrossSiteRefused("Another site's page may not use your session.")
    elif request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        raise CrossSiteRefused("Another site's page may not use your session.")
