"""Send a message, wherever it was written: on a page, through the API or over a socket."""

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
"""At once, and then per second: people do not type that fast."""


def person(session: Session, reference: str) -> KnownUser:
    """Whom a key, an address or a user's id names. Raises UserNotFound, KeyRemoved."""
    try:
        subject = signatures.normalise_subject(users.public_key_of(session, reference))
    except signatures.MalformedKey as fault:
        raise users.UserNotFound from fault
    return users.find(session, subject)


def say(parts: Container, sender: Principal, to: str, body: str, *, socket: str | None = None) -> Said:
    """Keep a message and have it appear, at once, with its recipient and in the sender's other windows.

    `socket` is the one that it came by, which knows already. Raises UserNotFound, KeyRemoved, SelfMessage,
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
    """Have somebody hear nothing more from a person; what they were talking of, by a call, ends in all windows.

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
    """Have somebody hear from a person again. Raises UserNotFound, KeyRemoved."""
    with parts.transaction() as session:
        other = person(session, reference)
        blocked.unblock(session, blocker.user_id, other.user_id)
    return other


def spend(parts: Container, sender: Principal) -> None:
    """Count a message of this sender, which did not come over a socket, with those that did. Raises RateLimited."""
    wait_s = parts.buckets.take(f"message:{sender.user_id}", MESSAGES)
    if wait_s:
        raise RateLimited(math.ceil(wait_s))
