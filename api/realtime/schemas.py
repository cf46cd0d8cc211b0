"""Schemas of the clients' events."""

from typing import Final

import marshmallow as ma

from api.schemas import StrictSchema, Text, Written
from services.chat import BODY_LENGTH_MAX

RECIPIENT_LENGTH_MAX: Final = 130
SDP_LENGTH_MAX: Final = 14_000
CANDIDATE_LENGTH_MAX: Final = 1_000


class ToSomebody(StrictSchema):
    """The recipient: one of their keys or addresses."""

    to = Text(required=True, length_max=RECIPIENT_LENGTH_MAX)


class MessageEvent(ToSomebody):
    """`message`: a chat message."""

    message = Written(required=True, length_max=BODY_LENGTH_MAX)


class Description(StrictSchema):
    """An RTCSessionDescription."""

    type = ma.fields.String(required=True, validate=ma.validate.OneOf(("offer", "answer")))
    sdp = ma.fields.String(required=True, validate=ma.validate.Length(min=1, max=SDP_LENGTH_MAX))


class Candidate(StrictSchema):
    """An RTCIceCandidateInit."""

    candidate = ma.fields.String(required=True, validate=ma.validate.Length(max=CANDIDATE_LENGTH_MAX))
    sdpMid = ma.fields.String(allow_none=True, validate=ma.validate.Length(max=64))  # noqa: N815 - as browsers spell it
    sdpMLineIndex = ma.fields.Integer(  # noqa: N815
        allow_none=True, strict=True, validate=ma.validate.Range(min=0, max=255)
    )
    usernameFragment = ma.fields.String(allow_none=True, validate=ma.validate.Length(max=256))  # noqa: N815


class OfferEvent(ToSomebody):
    """`rtc:offer`: an offer of a call."""

    offer = ma.fields.Nested(Description, required=True)


class AnswerEvent(ToSomebody):
    """`rtc:answer`: the answer to an offer."""

    answer = ma.fields.Nested(Description, required=True)


class IceEvent(ToSomebody):
    """`rtc:ice`: an ICE candidate; null after the last one."""

    candidate = ma.fields.Nested(Candidate, required=True, allow_none=True)


class HangupEvent(ToSomebody):
    """`rtc:hangup`: the end of a call, or a refusal."""
