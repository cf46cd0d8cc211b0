"""Chat: conversations, messages, presence, and calls, which alone need scripts."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Response
from marshmallow import ValidationError
from sqlalchemy.orm import Session

from api import conversing, guards
from api.guards import signed_in
from api.pages.context import field_errors, page, see, sentence, typed
from api.pages.shapes import FormField
from api.refusals import InvalidRequest
from api.request_context import container
from api.schemas import Written
from api.statuses import status_of
from auth import users
from auth.users import KnownUser
from domain.errors import StrongroomError
from services import blocked, chat
from services.chat import BODY_LENGTH_MAX, ConversationNotFound, Said, Thread

blueprint = Blueprint("chat", __name__)

THREADS_SHOWN: Final = 100
MESSAGES_SHOWN: Final = 100
# All other pages may use neither.
PERMISSIONS: Final = "camera=(self), geolocation=(), microphone=(self)"
_WRITTEN: Final = Written(length_max=BODY_LENGTH_MAX)


@dataclass(frozen=True, slots=True)
class ThreadLine:
    """One conversation in the list."""

    key: str
    name: str | None
    is_online: bool
    unread: int
    preview: str
    at: datetime
    is_mine: bool


@dataclass(frozen=True, slots=True)
class MessageLine:
    """One message; `is_read`: the recipient has read one's own message."""

    sequence: int
    is_mine: bool
    is_read: bool
    body: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Peer:
    """The other user; `is_blocked` if the reader has blocked them."""

    key: str
    is_online: bool
    is_blocked: bool = False


@blueprint.get("/chat")
@signed_in
def list_threads() -> Response:
    """List every conversation, with a form to begin one."""
    return _list()


@blueprint.post("/chat")
@signed_in
def open_thread() -> Response:
    """Open the conversation with the holder of this key, which may be empty."""
    reference = typed("to")
    try:
        with container().reading() as session:
            peer = conversing.person(session, reference)
    except (users.UserNotFound, users.KeyRemoved) as refusal:
        field = FormField(reference, (sentence(str(refusal)),))
        return _list(field, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return see(f"/chat/{peer.public_key}")


@blueprint.get("/chat/<peer>")
@signed_in
def show_thread(peer: str) -> Response:
    """Show the messages with one user and mark them as read."""
    return _thread(peer)


@blueprint.post("/chat/<peer>")
@signed_in
def send(peer: str) -> Response:
    """Send a message."""
    parts, caller = container(), guards.caller()
    given = typed("message")
    try:
        conversing.spend(parts, caller)
        said = conversing.say(parts, caller, peer, read_message(given))
    except StrongroomError as refusal:
        beside, above = field_errors(refusal, "message")
        field = FormField(given, tuple(beside.get("message", ())) or (above,))
        return _thread(peer, field, status=status_of(type(refusal)))
    return see(f"/chat/{peer}#m{said.sequence}")


def read_message(given: str) -> str:
    """The message typed. Raises InvalidRequest."""
    try:
        text: str = _WRITTEN.deserialize(given)
    except ValidationError as fault:
        raise InvalidRequest(fields={"message": [str(word) for word in fault.messages]}) from fault
    return text


def _list(field: FormField | None = None, *, status: int = HTTPStatus.OK) -> Response:
    parts, caller = container(), guards.caller()
    with parts.reading() as session:
        threads = chat.threads(session, caller.user_id, before=None, limit=THREADS_SHOWN)
    online = parts.presence.among([thread.peer_key for thread in threads])
    lines = [_line(thread, caller.user_id, online) for thread in threads]
    return _page(lines=lines, peer=None, messages=(), to=field or FormField(), status=status)


def _thread(reference: str, field: FormField | None = None, *, status: int = HTTPStatus.OK) -> Response:
    parts, caller = container(), guards.caller()
    with parts.transaction() as session:
        peer = conversing.person(session, reference)
        if peer.user_id == caller.user_id:
            raise chat.SelfMessage
        said = chat.messages(session, caller.user_id, peer.user_id, before=None, limit=MESSAGES_SHOWN)
        read_by_peer = _read(session, caller.user_id, peer, said)
        is_blocked = blocked.has_blocked(session, caller.user_id, peer.user_id)
    lines = [
        MessageLine(
            sequence=row.sequence,
            is_mine=row.sender_id == caller.user_id,
            is_read=row.sequence <= read_by_peer,
            body=row.body,
            at=row.sent_at,
        )
        for row in reversed(said)
    ]
    is_online = peer.public_key in parts.presence.among([peer.public_key])
    shown = Peer(peer.public_key, is_online, is_blocked)
    return _page(lines=(), peer=shown, messages=lines, message=field or FormField(), status=status)


def _read(session: Session, reader_id: UUID, peer: KnownUser, said: list[Said]) -> int:
    """Mark all messages as read, and return how far the other user has read."""
    try:
        chat.mark_read(session, reader_id, peer.user_id, up_to=said[0].sequence if said else 0)
    except ConversationNotFound:
        return 0
    return chat.read_by(session, peer.user_id, reader_id)


def _line(thread: Thread, caller_id: UUID, online: frozenset[str]) -> ThreadLine:
    return ThreadLine(
        key=thread.peer_key,
        name=thread.peer_name,
        is_online=thread.peer_key in online,
        unread=thread.unread,
        preview=" ".join(thread.last.body.split())[:120],
        at=thread.last.sent_at,
        is_mine=thread.last.sender_id == caller_id,
    )


def _page(*, status: int, **values: object) -> Response:
    response = page("chat.html", status=status, length_max=BODY_LENGTH_MAX, **values)
    response.headers["Permissions-Policy"] = PERMISSIONS
    return response
