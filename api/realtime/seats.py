"""The sockets of this process: a seat for each, indexed by whatever its rights depend on."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from adapters.buckets import LocalBucket
from auth.sessions import Principal


@dataclass(slots=True)
class Seat:
    """One socket and its user, or the app of a user.

    `names` are what its rights depend on: the hash of a session's token, or an access token, its authorization, grant
    and app. `token` is kept for access tokens only, which are verified again at each check.
    """

    sid: str
    principal: Principal
    names: frozenset[str]
    token_hash: bytes | None
    token: str | None
    checked_at: float = field(default_factory=time.monotonic)
    buckets: dict[str, LocalBucket] = field(default_factory=dict)

    @property
    def user_id(self) -> UUID:
        """The id of the socket's user."""
        return self.principal.user_id

    @property
    def user(self) -> str:
        """The public key by which others know the user."""
        return self.principal.public_key

    @property
    def is_person(self) -> bool:
        """Whether this is the user's own session, not an app."""
        return self.principal.delegation is None


class Seats:
    """The seats of one process. gevent runs one greenlet at a time, and nothing here waits: no lock is needed."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Seat] = {}
        self._by_name: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._by_sid)

    def take(self, seat: Seat) -> None:
        """Add a seat."""
        self._by_sid[seat.sid] = seat
        for name in self._names(seat):
            self._by_name.setdefault(name, set()).add(seat.sid)

    def leave(self, sid: str) -> Seat | None:
        """Remove a seat; None if there was none."""
        seat = self._by_sid.pop(sid, None)
        if seat is not None:
            for name in self._names(seat):
                held = self._by_name.get(name, set())
                held.discard(sid)
                if not held:
                    self._by_name.pop(name, None)
        return seat

    def find(self, sid: str) -> Seat | None:
        """The seat of a socket."""
        return self._by_sid.get(sid)

    def of_user(self, user_id: UUID) -> int:
        """How many sockets a user has here."""
        return len(self._by_name.get(f"user:{user_id}", ()))

    def standing_on(self, names: Iterable[str]) -> list[Seat]:
        """The seats whose rights depend on one of these names."""
        sids = {sid for name in names for sid in self._by_name.get(name, ())}
        return [self._by_sid[sid] for sid in sids]

    def every(self) -> list[Seat]:
        """A snapshot of all seats."""
        return list(self._by_sid.values())

    @staticmethod
    def _names(seat: Seat) -> tuple[str, ...]:
        return (*seat.names, f"user:{seat.user_id}")
