"""A socket of one person: what they are told while it happens, and how long after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import socketio

from cli.telling import STEP_PATIENCE_S, say_live, until, wait_for
from wiring.embedded.process import ServerFailed

ANSWER_WITHIN_S: Final = 20


@dataclass(frozen=True, slots=True)
class Heard:
    """One event: which object came to which state, and how long that took to arrive here."""

    event_id: str
    kind: str
    object_id: str
    state: str
    delay: timedelta


class Live:
    """A Socket.IO client that is signed in as somebody, and keeps what it is told about movements and alerts.

    It is python-socketio's own, which shares no code with the server but the protocol.
    """

    def __init__(self, url: str, token: str) -> None:
        """Connect to the realtime process at this address, once it answers. Raises ServerFailed when it does not."""
        self._heard: list[Heard] = []
        self._told: set[str] = set()
        self._is_greeted = False
        self._fault = ""
        self._refused: dict[str, Any] | None = None
        # A socket that comes back has missed something, and nothing may be missing here.
        self._socket = socketio.Client(reconnection=False)
        self._socket.on("online_users", self._be_greeted)
        self._socket.on("connect_error", self._be_refused)
        self._socket.on("flow", self._hear)
        self._socket.on("alert", self._hear)
        if not wait_for(lambda: self._connect(url, token), patience_s=STEP_PATIENCE_S):
            raise ServerFailed(f"no Socket.IO at {url}: {self._fault}")
        until(lambda: self._is_greeted)

    def states(self, kind: str, object_id: str) -> list[str]:
        """The states that an object was said to have come to, in the order in which that was said."""
        return [one.state for one in self._of(kind, object_id)]

    def tell(self, kind: str, object_id: str, *, to: str) -> None:
        """Say what has come since the last time, once it is heard that the object came to the state `to`.

        Raises ServerFailed when that does not arrive.
        """
        if not wait_for(lambda: to in self.states(kind, object_id), patience_s=STEP_PATIENCE_S):
            heard = ", ".join(self.states(kind, object_id)) or "nothing"
            raise ServerFailed(f"the {kind} came to {to}, and its socket was not told: it heard {heard}")
        fresh = [one for one in self._of(kind, object_id) if one.event_id not in self._told]
        self._told.update(one.event_id for one in fresh)
        path = " → ".join(one.state.replace("_", " ") for one in fresh)
        slowest_s = max((one.delay.total_seconds() for one in fresh), default=0)
        say_live(f"{kind} {path} ({slowest_s:.1f} s after)")

    def has_all(self, kind: str, object_id: str, timeline: Sequence[dict[str, Any]]) -> bool:
        """Whether every step that is on record of a flow has arrived, in that order."""
        moves = [step["state"] for step in timeline if step["state"] != step["from_state"]]
        return self.states(kind, object_id) == moves

    def close(self) -> None:
        """Hang up."""
        self._socket.disconnect()

    def _connect(self, url: str, token: str) -> bool:
        try:
            self._socket.connect(url, auth={"token": token}, transports=["websocket"], wait_timeout=ANSWER_WITHIN_S)
        except socketio.exceptions.ConnectionError as fault:
            if self._refused is not None:
                raise ServerFailed(f"no socket for us: {self._refused['message']}") from fault
            self._fault = str(fault)
            return False
        return True

    def _of(self, kind: str, object_id: str) -> list[Heard]:
        # A copy: the library's thread goes on hearing.
        return [one for one in tuple(self._heard) if (one.kind, one.object_id) == (kind, object_id)]

    def _be_greeted(self, _: Any) -> None:
        self._is_greeted = True

    def _be_refused(self, answer: Any) -> None:
        # A server that is there answers with an error of ours; of one that is not, the library says so in words.
        self._refused = answer if isinstance(answer, dict) else None

    def _hear(self, event: dict[str, Any]) -> None:
        """Keep it, unless it is known already, or a note that moves nothing."""
        kind, state = event["type"].split(".")
        delay = datetime.now(UTC) - datetime.fromisoformat(event["occurred_at"])
        if state != "updated" and all(one.event_id != event["id"] for one in self._heard):
            self._heard.append(Heard(event["id"], kind, event["object"]["id"], state, delay))
