"""Who is connected to this process: one seat for each socket, found by whatever its right to sit there stands on."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from adapters.buckets import LocalBucket
from auth.sessions import Principal


@dataclass(slots=True)
class Seat:
    """One socket and the person, or the app of a person, who holds it.

    `names` are what its right stands on: the hash of a session's token, or an access token, its authorization, grant
    and app. `token` is kept for access tokens only, which are read anew to be checked.
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
        """Whose socket it is."""
        return self.principal.user_id

    @property
    def user(self) -> str:
        """The public key by which others know its holder."""
        return self.principal.public_key

    @property
    def is_person(self) -> bool:
        """Whether somebody sits here themselves, rather than an app for them."""
        return self.principal.delegation is None


class Seats:
    """The seats of one process. gevent runs one greenlet at a time, and nothing here waits: no lock is needed."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Seat] = {}
        self._by_name: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._by_sid)

    def take(self, seat: Seat) -> None:
        """Somebody sits down."""
        self._by_sid[seat.sid] = seat
        for name in self._names(seat):
            self._by_name.setdefault(name, set()).add(seat.sid)

    def leave(self, sid: str) -> Seat | None:
        """Somebody is gone; None when they never sat."""
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
        """The seats whose right stands on one of these."""
        sids = {sid for name in names for sid in self._by_name.get(name, ())}
        return [self._by_sid[sid] for sid in sids]

    def every(self) -> list[Seat]:
        """All of them, as they are now."""
        return list(self._by_sid.values())

    @staticmethod
    def _names(seat: Seat) -> tuple[str, ...]:
        return (*seat.names, f"user:{seat.user_id}")
