"""A cache of sessions in Redis: it saves a query and is never needed."""

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
"""How long a copy lasts: also how long a revocation can go unseen, if whoever revoked could not reach Redis."""
CHANGED_S: Final = 60
"""How long no copy is made after a change: longer than anybody takes from reading a row to copying it."""
AVOIDED_S: Final = 5.0
"""How long a Redis that failed is not used, so that requests do not each wait for it."""
_CHANGED: Final = b"changed"
_PREFIX: Final = b"session:"

log = structlog.get_logger(__name__)


class SessionCache:
    """Principals by the hash of their token. Without a Redis, or while it is down, it holds nothing."""

    def __init__(self, client: "Redis | None" = None) -> None:
        self._client: Any = client
        self._avoided_until = 0.0

    def get(self, token_hash: bytes, *, now: datetime) -> Principal | None:
        """The cached session, if there is one."""
        copy = self._ask("get", _PREFIX + token_hash)
        if copy is None or copy == _CHANGED:
            return None
        user_id, public_key, roles, session_id, expires_at = json.loads(copy)
        principal = Principal(
            UUID(user_id), public_key, frozenset(roles), UUID(session_id), datetime.fromisoformat(expires_at)
        )
        return principal if principal.expires_at > now else None

    def put(self, token_hash: bytes, principal: Principal, *, now: datetime) -> None:
        """Cache a session, unless it is cached or has just changed."""
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
        """Drop these sessions, so that every process reads them from the database again."""
        for token_hash in token_hashes:
            # Overwritten, not deleted: another process may be about to cache a row that it read before the change.
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
