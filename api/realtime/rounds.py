"""The periodic work of a realtime process: renew presence, notice dead processes, recheck rights, watch the bus."""

import os
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from adapters.bus import OPERATORS, PEOPLE, Bus
from adapters.presence import REFRESH_S
from api.realtime import memory
from api.realtime.admission import look_again
from api.realtime.seats import Seat, Seats
from api.realtime.transport import Pings
from wiring.container import Container

PING_ROUND_S: Final = 1.0
REAP_EVERY_S: Final = 3.0
RECHECK_EVERY_S: Final = 5.0
CHECKED_S_MAX: Final = 60.0
"""The age at which a socket's rights are checked again, which bounds the effect of a revocation that the bus lost."""
RECHECK_BATCH: Final = 500
BEAT_EVERY_S: Final = 2.0
DEAF_AFTER_S: Final = 10.0
SLOW_EVERY_S: Final = 3.0
UNHEARD_MAX: Final = 2_000
"""The most packets that may be queued for a connection in two successive rounds; a slower client is disconnected."""
HANDSHAKE_S_MAX: Final = 10.0
"""How soon a connection must authenticate."""
GIVE_BACK_EVERY_S: Final = 20.0
"""A round takes 14 to 18 ms with 5,000 connections: rare enough not to be noticed."""
LEAVING_S: Final = 0.05
"""How long departures are gathered before they are announced."""
SHOWN_MAX: Final = 500
"""Presence is announced to everybody up to this many users; beyond, clients ask for it (`/api/v1/conversations`)."""

log = structlog.get_logger(__name__)


class Rounds:
    """The rounds of one process over its seats."""

    def __init__(self, parts: Container, seats: Seats, server: Any, pings: Pings) -> None:
        self._parts, self._seats, self._server, self._pings = parts, seats, server, pings
        self._strangers: dict[str, float] = {}
        self._leaving: list[tuple[str, str]] = []
        self._slow: frozenset[str] = frozenset()

    def start(self) -> None:
        """Start all rounds, each in a greenlet of its own, and start listening."""
        # By default the library would listen only from its first client on, and seem deaf until then.
        self._server.manager_initialized = True
        self._server.manager.initialize()
        for every_s, work in (
            (PING_ROUND_S, self._pings.send_due),
            (REFRESH_S, self.vouch),
            (REAP_EVERY_S, self.reap),
            (RECHECK_EVERY_S, self.recheck_old),
            (BEAT_EVERY_S, self.mind_the_bus),
            (HANDSHAKE_S_MAX, self.drop_strangers),
            (SLOW_EVERY_S, self.drop_slow),
            (GIVE_BACK_EVERY_S, memory.give_back),
        ):
            self._server.start_background_task(self._for_ever, every_s, work)
        bus = self._parts.bus
        bus.on_recheck = lambda names: self._server.start_background_task(self.recheck, self._seats.standing_on(names))
        bus.on_gap = lambda: self._server.start_background_task(self.catch_up)

    def vouch(self) -> None:
        """Renew the presence of everybody here; users that had expired are announced again."""
        people = [(seat.user, seat.sid) for seat in self._seats.every() if seat.is_person]
        if self._parts.presence.vouch(people):
            self.tell_who_is_here()

    def see_off(self, seat: Seat) -> None:
        """Note that a user's socket is gone; departures at the same moment are announced together."""
        self._leaving.append((seat.user, seat.sid))
        if len(self._leaving) == 1:
            self._server.start_background_task(self._note_who_left)

    def _note_who_left(self) -> None:
        """Record all departures of a moment at once: when a proxy ends, there are thousands."""
        self._server.sleep(LEAVING_S)
        left, self._leaving = self._leaving, []
        for user in self._parts.presence.leave(left):
            self.tell("user_left", user)

    def reap(self) -> None:
        """Announce the users whose process died; each is announced by one process."""
        for user in self._parts.presence.reap():
            self.tell("user_left", user)

    def catch_up(self) -> None:
        """Recover after an outage of the bus, which may have lost presence and messages."""
        self.vouch()
        who = self._parts.presence.online(limit=SHOWN_MAX)
        # To our own sockets only, since every process does the same. Clients reload when they receive the list.
        self._server.manager.emit("online_users", {"users": who}, "/", room=PEOPLE, ignore_queue=True)

    def tell(self, event: str, user: str) -> None:
        """Announce that a user came or went, unless there are too many users."""
        if self._parts.presence.count() <= SHOWN_MAX:
            self._parts.bus.say(event, {"pubkey": user}, [PEOPLE])

    def tell_who_is_here(self) -> None:
        """Send everybody the list of who is online."""
        users = self._parts.presence.online(limit=SHOWN_MAX)
        self._parts.bus.say("online_users", {"users": users}, [PEOPLE])

    def recheck_old(self) -> None:
        """Check the rights of seats that were not checked for a while."""
        old = time.monotonic() - (CHECKED_S_MAX - RECHECK_EVERY_S)
        self.recheck([seat for seat in self._seats.every() if seat.checked_at <= old])

    def recheck(self, seats: list[Seat]) -> None:
        """Close the sockets that lost their rights, and update the operators' room."""
        for start in range(0, len(seats), RECHECK_BATCH):
            some = seats[start : start + RECHECK_BATCH]
            gone = look_again(self._parts, some)
            for seat in gone:
                log.info("socket_dropped", user_id=str(seat.user_id))
                self._server.disconnect(seat.sid, ignore_queue=True)
            for seat in {seat.sid: seat for seat in some}.values():
                if seat not in gone:
                    self.seat_operator(seat)

    def seat_operator(self, seat: Seat) -> None:
        """Put a seat into the operators' room exactly if its user is an operator."""
        if "viewer" in seat.principal.roles:
            self._server.enter_room(seat.sid, OPERATORS)
        else:
            self._server.leave_room(seat.sid, OPERATORS)

    def mind_the_bus(self) -> None:
        """End this process if it is deaf: Redis accepts what we publish, but our own messages have not come back."""
        bus: Bus = self._parts.bus
        try:
            heard_by_somebody = bus.beat()
            subscribers = bus.subscribers()
        except RedisError as fault:
            # Redis is down for everybody: restarting would gain nothing.
            log.warning("bus_away", error=str(fault))
            bus.heard_at = time.monotonic()
            return
        deaf_s = time.monotonic() - bus.heard_at
        if deaf_s > DEAF_AFTER_S:
            log.critical("deaf", seconds=round(deaf_s), subscribers=subscribers, heard=heard_by_somebody)
            # Not gracefully: that would wait for clients, who should reconnect to a process that works.
            os._exit(1)

    def drop_strangers(self) -> None:
        """Close connections that did not authenticate in time."""
        engine, now = self._server.eio, time.monotonic()
        waiting = {sid for sid in list(engine.sockets) if not self._has_seat(sid)}
        for sid in waiting & self._strangers.keys():
            if now - self._strangers[sid] >= HANDSHAKE_S_MAX:
                engine.disconnect(sid)
        self._strangers = {sid: self._strangers.get(sid, now) for sid in waiting}

    def drop_slow(self) -> None:
        """Close connections that answer pings but do not read: what is queued for them would grow without limit."""
        engine = self._server.eio
        slow = {sid for sid, one in list(engine.sockets.items()) if one.queue.qsize() > UNHEARD_MAX}
        for sid in slow & self._slow:
            log.info("socket_too_slow", engine_sid=sid)
            engine.disconnect(sid)
        self._slow = frozenset(slow)

    def _has_seat(self, engine_sid: str) -> bool:
        sid = self._server.manager.sid_from_eio_sid(engine_sid, "/")
        return sid is not None and self._seats.find(sid) is not None

    def _for_ever(self, every_s: float, work: Callable[[], None]) -> None:
        while True:
            self._server.sleep(every_s)
            try:
                work()
            except (SQLAlchemyError, RedisError) as fault:
                log.warning("round_failed", work=work.__name__, error=type(fault).__name__)
            except Exception:
                log.exception("bug", work=work.__name__)
