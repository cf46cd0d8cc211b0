"""Redis in front of the sessions: a copy that saves a query, never an authority, and never needed."""

import json
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog
from redis import Redis
from redis.exceptions import RedisError

from auth.sessions import Principal

KEPT_S: Final = 30
"""How long a copy lasts; also the longest that a revocation takes to reach who still sees a Redis that the one who
revoked could not reach."""
CHANGED_S: Final = 60
"""For how long after a change no copy is made: longer than anybody takes from reading a row to copying it."""
AVOIDED_S: Final = 5.0
"""For how long a Redis that failed is left alone, so that requests do not each wait for it."""
_CHANGED: Final = b"changed"
_PREFIX: Final = b"session:"

log = structlog.get_logger(__name__)


class SessionCache:
    """Principals by the hash of their token. Without a Redis, or while it is down, it holds nothing."""

    def __init__(self, client: "Redis | None" = None) -> None:
        self._client: Any = client
        self._avoided_until = 0.0

    def get(self, token_hash: bytes, *, now: datetime) -> Principal | None:
        """The copy of a session, if there is one."""
        copy = self._ask("get", _PREFIX + token_hash)
        if copy is None or copy == _CHANGED:
            return None
        user_id, public_key, roles, session_id, expires_at = json.loads(copy)
        principal = Principal(
            UUID(user_id), public_key, frozenset(roles), UUID(session_id), datetime.fromisoformat(expires_at)
        )
        return principal if principal.expires_at > now else None

    def put(self, token_hash: bytes, principal: Principal, *, now: datetime) -> None:
        """Keep a copy, unless there is one, or the session has just changed."""
        kept_s = min(KEPT_S, int((principal.expires_at - now).total_seconds()))
        if kept_s <= 0:
            return
        copy = json.dumps(
            [
                str(principal.user_id),
                principal.public_key,
                sorted(principal.roles),
                str(principal.session_id),
                principal.expires_at.isoformat(),
            ]
        )
        self._ask("set", _PREFIX + token_hash, copy, ex=kept_s, nx=True)

    def forget(self, token_hashes: Iterable[bytes]) -> None:
        """Have these sessions looked up anew, by everybody, from now on."""
        for token_hash in token_hashes:
            # Not deleted but overwritten: somebody may hold a row read before the change, about to copy it.
            self._ask("set", _PREFIX + token_hash, _CHANGED, ex=CHANGED_S)

    def _ask(self, command: str, *arguments: Any, **options: Any) -> Any:
        if self._client is None or time.monotonic() < self._avoided_until:
            return None
        try:
            return getattr(self._client, command)(*arguments, **options)
        except RedisError as fault:
            self._avoided_until = time.monotonic() + AVOIDED_S
            log.warning("sessions are read without their cache", error=str(fault))
            return None
