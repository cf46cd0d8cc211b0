"""Chat messages over sockets."""

from collections.abc import Mapping
from typing import Any

from api import conversing
from api.realtime.seats import Seat
from api.request_context import container
from api.schemas import moment


def message(seat: Seat, read: Mapping[str, Any]) -> dict[str, Any]:
    """Send a message, which is stored whether the recipient is online or not. Raises what `conversing.say` does."""
    said = conversing.say(container(), seat.principal, read["to"], read["message"], socket=seat.sid)
    return {"sequence": said.sequence, "timestamp": moment(said.sent_at)}
