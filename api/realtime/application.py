"""Assemble the realtime process: a small Flask application, Socket.IO in front of it, and the rounds."""

import resource
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, jsonify, request
from flask_socketio import ConnectionRefusedError as Refused
from flask_socketio import SocketIO
from werkzeug.middleware.proxy_fix import ProxyFix

from adapters.bus import PEOPLE, scoped_room, user_room
from api import errors, guards, metrics
from api.errors import error_body, refusal_body
from api.guards import public
from api.realtime import calls, chat, schemas
from api.realtime.admission import FEED_SCOPES, admit
from api.realtime.handling import Flooded, count_unknown, handle
from api.realtime.rounds import SHOWN_MAX, Rounds
from api.realtime.seats import Seat, Seats
from api.realtime.tracing import span
from api.realtime.transport import PACKET_BYTES_MAX, BoundedWebSocket, Pings, disconnect_at_once
from api.refusals import TooManySockets, UnknownEvent
from api.request_context import CONTAINER, Edge
from domain.errors import StrongroomError
from domain.metrics import SOCKETS
from services.figures import Figure
from wiring.container import Container
from wiring.metrics import exposition
from wiring.metrics.group import group
from wiring.metrics.house import families

SOCKETS_PER_USER_MAX: Final = 50
"""In one process: more than anybody has windows, and few enough to serve."""
PING_EVERY_S: Final = 25
PONG_WITHIN_S: Final = 20
LIVE: Final = "/health/live"
EVENTS: Final = {
    "message": (schemas.MessageEvent, chat.message),
    "rtc:offer": (schemas.OfferEvent, calls.offer),
    "rtc:answer": (schemas.AnswerEvent, calls.answer),
    "rtc:ice": (schemas.IceEvent, calls.ice),
    "rtc:hangup": (schemas.HangupEvent, calls.hangup),
}

log = structlog.get_logger(__name__)


def create_app(container: Container) -> Flask:
    """The realtime application of this container, whose bus must be listening. Starts its rounds."""
    _allow_many_files()
    app = Flask("realtime", static_folder=None)
    app.extensions[CONTAINER] = container
    errors.register(app)
    guards.register(app)
    guards.settle(app, container.settings)
    app.add_url_rule(LIVE, view_func=live)
    seats = Seats()
    metrics.register(app, *group(), SocketsCollector(seats))
    settings = container.settings
    socketio = SocketIO(
        app,
        async_mode="gevent",
        client_manager=container.bus,
        cors_allowed_origins=_only_from(settings.public_url),
        max_http_buffer_size=PACKET_BYTES_MAX,
        manage_session=False,
        # Each client's events in order, so that its messages are stored in order and a flood delays only itself.
        async_handlers=False,
        ping_interval=PING_EVERY_S,
        ping_timeout=PONG_WITHIN_S,
        cookie=None,
        logger=False,
        engineio_logger=False,
    )
    socketio.server.eio._async = {**socketio.server.eio._async, "websocket": BoundedWebSocket}  # noqa: SLF001
    disconnect_at_once(socketio.server.eio)
    rounds = Rounds(container, seats, socketio.server, Pings(socketio.server.eio))
    House(container, seats, socketio.server, rounds).open(socketio)
    rounds.start()
    meter = metrics.Meter(paths=(LIVE, exposition.PATH))
    wsgi_app = Edge(app.wsgi_app, is_https=settings.public_url.startswith("https://"), meter=meter)
    hops = settings.trusted_proxies
    app.wsgi_app = ProxyFix(wsgi_app, x_for=hops, x_proto=hops, x_host=hops) if hops else wsgi_app  # type: ignore[method-assign]
    return app


@public
def live() -> Response:
    """Answer that this process is alive."""
    return jsonify(status="alive")


class SocketsCollector:
    """Counts the open sockets of this process."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats

    def collect(self) -> Iterable[Any]:
        """The one metric."""
        return families([Figure(SOCKETS, (), len(self._seats))], told_by=SOCKETS.told_by)


class House:
    """Connections, disconnections and events of this process."""

    def __init__(self, parts: Container, seats: Seats, server: Any, rounds: Rounds) -> None:
        self._parts, self._seats, self._server, self._rounds = parts, seats, server, rounds

    def open(self, socketio: SocketIO) -> None:
        """Register every event."""
        socketio.on_event("connect", self.connect)
        socketio.on_event("disconnect", self.disconnect)
        socketio.on_event("*", self.unknown)
        for event, (schema, act) in EVENTS.items():
            socketio.on_event(event, handle(self._seats, event, schema, act))
        socketio.on_error_default(self.failed)

    def connect(self, auth: Any = None) -> None:
        """Admit a socket, or refuse it: the error that the client sees has the code as its message."""
        sid: str = request.sid  # type: ignore[attr-defined]
        try:
            with span("connect"):
                seat = self._admitted(sid, auth)
        except StrongroomError as refusal:
            raise Refused(refusal.code, refusal_body(refusal)) from refusal
        except Exception as bug:
            log.exception("bug", socket_event="connect")
            raise Refused("internal_error", error_body("internal_error", "Something went wrong here.")) from bug
        self._seats.take(seat)
        # Once this has returned, the client is told that it is connected; nothing else may be sent before.
        self._server.start_background_task(self._welcome, seat)

    def disconnect(self, *_: Any) -> None:
        """Remove a socket, whatever ended it."""
        seat = self._seats.leave(request.sid)  # type: ignore[attr-defined]
        with span("disconnect"):
            if seat is not None and seat.is_person:
                self._rounds.see_off(seat)

    def unknown(self, *_: Any) -> Any:
        """Answer an unknown event."""
        seat = self._seats.find(request.sid)  # type: ignore[attr-defined]
        if seat is not None:
            with span("unknown"):
                count_unknown(seat)
        return refusal_body(UnknownEvent())

    def failed(self, fault: Exception) -> None:
        """Close a socket that floods us; other errors were answered where they occurred."""
        if not isinstance(fault, Flooded):
            log.error("bug", socket_event="unknown", exc_info=fault)
        self._server.disconnect(request.sid)  # type: ignore[attr-defined]

    def _admitted(self, sid: str, auth: Any) -> Seat:
        seat = admit(sid, auth)
        if self._seats.of_user(seat.user_id) >= SOCKETS_PER_USER_MAX:
            raise TooManySockets
        return seat

    def _rooms(self, seat: Seat) -> None:
        if seat.principal.delegation is None:
            self._server.enter_room(seat.sid, user_room(seat.user_id))
            self._server.enter_room(seat.sid, PEOPLE)
            self._rounds.seat_operator(seat)
            return
        for scope in seat.principal.delegation.scopes.intersection(FEED_SCOPES):
            self._server.enter_room(seat.sid, scoped_room(seat.user_id, scope))

    def _welcome(self, seat: Seat) -> None:
        """Send who is online: after a reconnection, clients reload what they show when they receive it."""
        if self._seats.find(seat.sid) is None:
            return
        self._rooms(seat)
        if not seat.is_person:
            return
        is_first = self._parts.presence.join(seat.user, seat.sid)
        if self._seats.find(seat.sid) is None:
            # Disconnected meanwhile, before its presence was recorded.
            self._rounds.see_off(seat)
            return
        users = self._parts.presence.online(limit=SHOWN_MAX)
        self._server.manager.emit("online_users", {"users": users}, "/", room=seat.sid, ignore_queue=True)
        if is_first:
            self._rounds.tell("user_joined", seat.user)


def _only_from(public_url: str) -> Callable[[str, dict[str, Any]], bool]:
    """A check of a page's origin: the public URL's, which in development has another port, or this process's own."""
    pages = urlsplit(public_url)

    def is_allowed(origin: str, environ: dict[str, Any]) -> bool:
        return origin in {
            f"{pages.scheme}://{pages.netloc}",
            f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}",
        }

    return is_allowed


def _allow_many_files() -> None:
    """Raise the limit of open files to the host's maximum; the usual 1,024 is too low for sockets."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
