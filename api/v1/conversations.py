"""The caller's conversations and messages."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import marshmallow as ma
from flask import Response

from api import conversing
from api.blueprint import Blueprint
from api.guards import caller, signed_in
from api.request_context import container
from api.schemas import PageQuery, StrictSchema, Written, json_answer, moment, number_cursor, page, page_schema
from services import chat
from services.chat import BODY_LENGTH_MAX, Said, Thread

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FAR_US: Final = 10**16

blueprint = Blueprint("conversations", __name__, description="What people here say to each other.")


class MessageItem(ma.Schema):
    """One message; `sequence` counts within the conversation, from 1."""

    sequence = ma.fields.Integer(required=True)
    mine = ma.fields.Boolean(required=True)
    message = ma.fields.String(required=True)
    timestamp = ma.fields.DateTime(required=True)


class ConversationItem(ma.Schema):
    """One conversation: `with` is the other user's key, `online` whether they are connected now."""

    with_ = ma.fields.String(required=True, data_key="with")
    name = ma.fields.String(required=True, allow_none=True)
    online = ma.fields.Boolean(required=True)
    unread = ma.fields.Integer(required=True)
    read_by_peer = ma.fields.Integer(required=True, metadata={"description": "The sequence up to which they read."})
    last = ma.fields.Nested(MessageItem, required=True)


class MessageRequest(StrictSchema):
    """The text of a message."""

    message = Written(required=True, length_max=BODY_LENGTH_MAX)


class ReadRequest(StrictSchema):
    """Up to which message the caller has read."""

    sequence = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(min=0, max=2**62))


class ReadAnswer(ma.Schema):
    """How many messages are unread."""

    unread = ma.fields.Integer(required=True)


@blueprint.get("/conversations")
@signed_in
@blueprint.takes(PageQuery, location="query")
@blueprint.answers(200, page_schema("ConversationPage", ConversationItem))
def list_conversations(query: dict[str, Any]) -> Response:
    """List the caller's conversations, most recently active first."""
    parts, before = container(), _moment_of(number_cursor(query["cursor"]))
    with parts.reading() as session:
        threads = chat.threads(session, caller().user_id, before=before, limit=query["limit"] + 1)
    online = parts.presence.among([thread.peer_key for thread in threads])
    return json_answer(
        page(
            threads, query["limit"], lambda thread: _thread(thread, online), lambda thread: _number_of(thread.moved_at)
        )
    )


@blueprint.get("/conversations/<peer>/messages")
@signed_in
@blueprint.takes(PageQuery, location="query")
@blueprint.answers(200, page_schema("MessagePage", MessageItem))
def list_messages(query: dict[str, Any], peer: str) -> Response:
    """List the caller's messages with this user (a key, an address or a user id), newest first."""
    before = number_cursor(query["cursor"])
    with container().reading() as session:
        other = conversing.person(session, peer)
        said = chat.messages(session, caller().user_id, other.user_id, before=before, limit=query["limit"] + 1)
    return json_answer(page(said, query["limit"], _message, lambda row: row.sequence))


@blueprint.post("/conversations/<peer>/messages")
@signed_in
@blueprint.takes(MessageRequest)
@blueprint.answers(201, MessageItem)
def send_message(body: dict[str, Any], peer: str) -> Response:
    """Send a message to a user; both see it at once where they are connected."""
    parts = container()
    conversing.spend(parts, caller())
    return json_answer(_message(conversing.say(parts, caller(), peer, body["message"])), status=201)


@blueprint.post("/conversations/<peer>/read")
@signed_in
@blueprint.takes(ReadRequest)
@blueprint.answers(200, ReadAnswer)
def mark_read(body: dict[str, Any], peer: str) -> Response:
    """Mark messages as read up to a sequence number, which never goes back."""
    parts = container()
    with parts.transaction() as session:
        other = conversing.person(session, peer)
        left = chat.mark_read(session, caller().user_id, other.user_id, up_to=body["sequence"])
    return json_answer({"unread": left})


def _number_of(at: datetime) -> int:
    """A time in microseconds, for a cursor."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _moment_of(number: int | None) -> datetime | None:
    # An invented cursor may hold a time beyond datetime's range: the latest time will do.
    return None if number is None else _EPOCH + timedelta(microseconds=min(number, _FAR_US))


def _thread(thread: Thread, online: frozenset[str]) -> dict[str, Any]:
    return {
        "with": thread.peer_key,
        "name": thread.peer_name,
        "online": thread.peer_key in online,
        "unread": thread.unread,
        "read_by_peer": thread.read_by_peer,
        "last": _message(thread.last),
    }


def _message(said: Said) -> dict[str, Any]:
    return {
        "sequence": said.sequence,
        "mine": said.sender_id == caller().user_id,
        "message": said.body,
        "timestamp": moment(said.sent_at),
    }
