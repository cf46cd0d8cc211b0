"""A person's realtime socket: the events that it receives, and their delay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import socketio

from cli.progress import STEP_PATIENCE_S, say_live, until, wait_for
from wiring.embedded.process import ServerFailed

ANSWER_WITHIN_S: Final = 20


@dataclass(frozen=True, slots=True)
class Heard:
    """One event: the object, its new state, and the delay until it arrived here."""

    event_id: str
    kind: str
    object_id: str
    state: str
    delay: timedelta


class Live:
    """A signed-in Socket.IO client that keeps the events of flows and alerts.

    It is python-socketio's own client, which shares no code with our server.
    """

    def __init__(self, url: str, token: str) -> None:
        """Connect to the realtime process at this address. Raises ServerFailed if it does not answer in time."""
        self._heard: list[Heard] = []
        self._told: set[str] = set()
        self._is_greeted = False
        self._fault = ""
        self._refused: dict[str, Any] | None = None
        # A socket that reconnects may have missed events, and none may be missing here.
        self._socket = socketio.Client(reconnection=False)
        self._socket.on("online_users", self._be_greeted)
        self._socket.on("connect_error", self._be_refused)
        self._socket.on("flow", self._hear)
        self._socket.on("alert", self._hear)
        if not wait_for(lambda: self._connect(url, token), patience_s=STEP_PATIENCE_S):
            raise ServerFailed(f"no Socket.IO at {url}: {self._fault}")
        until(lambda: self._is_greeted)

    def states(self, kind: str, object_id: str) -> list[str]:
        """The states of an object, in the order in which they arrived."""
        return [one.state for one in self._of(kind, object_id)]

    def tell(self, kind: str, object_id: str, *, to: str) -> None:
        """Wait until the object's state `to` arrives, and print the events that arrived since the last call.

        Raises ServerFailed when it does not arrive.
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
        """Whether every recorded step of a flow has arrived, in order."""
        moves = [step["state"] for step in timeline if step["state"] != step["from_state"]]
        return self.states(kind, object_id) == moves

    def close(self) -> None:
        """Disconnect."""
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
        # A copy: the library's thread goes on appending.
        return [one for one in tuple(self._heard) if (one.kind, one.object_id) == (kind, object_id)]

    def _be_greeted(self, _: Any) -> None:
        self._is_greeted = True

    def _be_refused(self, answer: Any) -> None:
        # A running server answers with one of our errors; for any other failure the library has only a message.
        self._refused = answer if isinstance(answer, dict) else None

    def _hear(self, event: dict[str, Any]) -> None:
        """Keep an event, unless it is a duplicate or changes no state."""
        kind, state = event["type"].split(".")
        delay = datetime.now(UTC) - datetime.fromisoformat(event["occurred_at"])
        if state != "updated" and all(one.event_id != event["id"] for one in self._heard):
            self._heard.append(Heard(event["id"], kind, event["object"]["id"], state, delay))
