"""Signalling of calls between two users: offers, answers and candidates are only forwarded."""

from collections.abc import Mapping
from typing import Any

from adapters.bus import user_room
from api import conversing
from api.realtime.seats import Seat
from api.refusals import UserOffline
from api.request_context import container
from services import blocked
from services.chat import SelfMessage


def offer(seat: Seat, read: Mapping[str, Any]) -> dict[str, Any]:
    """Offer a call to a user, on all their sockets. Raises UserOffline and what `_pass_on` does."""
    return _pass_on(seat, "rtc:offer", read, offer=read["offer"])


def answer(seat: Seat, read: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a call on this socket; the user's others stop ringing."""
    done = _pass_on(seat, "rtc:answer", read, answer=read["answer"])
    container().bus.say("rtc:hangup", {"from": done["to"]}, [user_room(seat.user_id)], but=seat.sid)
    return done


def ice(seat: Seat, read: Mapping[str, Any]) -> dict[str, Any]:
    """Forward an ICE candidate."""
    return _pass_on(seat, "rtc:ice", read, candidate=read["candidate"])


def hangup(seat: Seat, read: Mapping[str, Any]) -> dict[str, Any]:
    """End or decline a call, on all sockets of both."""
    done = _pass_on(seat, "rtc:hangup", read, must_be_online=False)
    container().bus.say("rtc:hangup", {"from": done["to"]}, [user_room(seat.user_id)], but=seat.sid)
    return done


def _pass_on(
    seat: Seat, event: str, read: Mapping[str, Any], *, must_be_online: bool = True, **content: Any
) -> dict[str, Any]:
    """Forward the event with its sender's key. Raises UserNotFound, KeyRemoved, SelfMessage, Blocked, UserOffline."""
    parts = container()
    with parts.reading() as session:
        other = conversing.person(session, read["to"])
        blocked.refuse_between(session, seat.user_id, other.user_id)
    if other.user_id == seat.user_id:
        raise SelfMessage(fields={"to": ["is yourself"]})
    if must_be_online and other.public_key not in parts.presence.among([other.public_key]):
        raise UserOffline
    parts.bus.say(event, {"from": seat.user, **content}, [user_room(other.user_id)])
    return {"to": other.public_key}
