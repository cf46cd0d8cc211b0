"""Chat messages and blocks, from pages, the API and sockets alike."""

import math
from typing import Final

from sqlalchemy.orm import Session

from adapters.buckets import Allowance
from adapters.bus import user_room
from api.refusals import InvalidRequest, RateLimited
from api.schemas import moment
from auth import signatures, users
from auth.sessions import Principal
from auth.users import KnownUser
from services import blocked, chat
from services.chat import Said
from wiring.container import Container

MESSAGES: Final = Allowance(20, 2)
"""A burst, then a rate per second: people do not type that fast."""


def person(session: Session, reference: str) -> KnownUser:
    """The user of a key, an address or a user id. Raises UserNotFound, KeyRemoved."""
    try:
        subject = signatures.normalise_subject(users.public_key_of(session, reference))
    except signatures.MalformedKey as fault:
        raise users.UserNotFound from fault
    return users.find(session, subject)


def say(parts: Container, sender: Principal, to: str, body: str, *, socket: str | None = None) -> Said:
    """Store a message and deliver it to the recipient's sockets and the sender's others.

    `socket` is the one that it came by, which is left out. Raises UserNotFound, KeyRemoved, SelfMessage,
    TooManyStrangers, Blocked.
    """
    with parts.transaction() as session:
        recipient = person(session, to)
        blocked.refuse_between(session, sender.user_id, recipient.user_id)
        said = chat.send(session, sender_id=sender.user_id, recipient_id=recipient.user_id, body=body, now=parts.now())
    told = {"from": sender.public_key, "message": said.body, "timestamp": moment(said.sent_at)}
    parts.bus.say("message", told, [user_room(recipient.user_id), user_room(sender.user_id)], but=socket)
    return said


def block(parts: Container, blocker: Principal, reference: str) -> KnownUser:
    """Block a person, and end any call between the two.

    Raises UserNotFound, KeyRemoved, TooManyBlocked; InvalidRequest for oneself.
    """
    with parts.transaction() as session:
        other = person(session, reference)
        if other.user_id == blocker.user_id:
            raise InvalidRequest(fields={"person": ["is yourself"]})
        blocked.block(session, blocker.user_id, other.user_id, now=parts.now())
    parts.bus.say("rtc:hangup", {"from": other.public_key}, [user_room(blocker.user_id)])
    parts.bus.say("rtc:hangup", {"from": blocker.public_key}, [user_room(other.user_id)])
    return other


def unblock(parts: Container, blocker: Principal, reference: str) -> KnownUser:
    """Unblock a person. Raises UserNotFound, KeyRemoved."""
    with parts.transaction() as session:
        other = person(session, reference)
        blocked.unblock(session, blocker.user_id, other.user_id)
    return other


def spend(parts: Container, sender: Principal) -> None:
    """Count a message against the sender's limit, which is shared with their sockets. Raises RateLimited."""
    wait_s = parts.buckets.take(f"message:{sender.user_id}", MESSAGES)
    if wait_s:
        raise RateLimited(math.ceil(wait_s))
