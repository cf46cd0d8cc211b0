"""Sign-in for programs and scripts: a challenge, a signature, a session."""

from typing import Any

import marshmallow as ma
from flask import Response, request

from api import guards, sign_in
from api.blueprint import Blueprint
from api.guards import public
from api.limits import limited
from api.request_context import container
from api.schemas import StrictSchema, Text, json_answer, moment
from api.sign_in import SignedIn
from auth import signatures

blueprint = Blueprint("sign-in", __name__, description="Prove a key, get a session.")

SUBJECT_LENGTH_MAX = 130
MESSAGE_LENGTH_MAX = 400


class ChallengeRequest(StrictSchema):
    """Who wants to sign in."""

    subject = Text(
        required=True,
        length_max=SUBJECT_LENGTH_MAX,
        metadata={"description": "A secp256k1 public key in hex, or an address of a known network."},
    )


class ChallengeAnswer(ma.Schema):
    """The text to sign."""

    challenge_id = ma.fields.UUID(required=True)
    subject = ma.fields.String(required=True)
    message = ma.fields.String(required=True)
    expires_at = ma.fields.DateTime(required=True)


class SignatureRequest(StrictSchema):
    """A signed challenge, named by its id or repeated as `message`; `pubkey` is another name for `subject`."""

    challenge_id = ma.fields.UUID()
    message = Text(length_max=MESSAGE_LENGTH_MAX)
    subject = Text(length_max=SUBJECT_LENGTH_MAX)
    pubkey = Text(length_max=SUBJECT_LENGTH_MAX)
    signature = Text(required=True, length_max=signatures.SIGNATURE_LENGTH_MAX)

    @ma.validates_schema
    def names_its_challenge(self, data: dict[str, Any], **_: Any) -> None:
        """One of the two ways to name the challenge, one of the two ways to name the key."""
        if "challenge_id" not in data and "message" not in data:
            raise ma.ValidationError("name the challenge: send challenge_id or message", "challenge_id")
        if "subject" in data and "pubkey" in data and data["subject"] != data["pubkey"]:
            raise ma.ValidationError("differs from subject", "pubkey")


class UserAnswer(ma.Schema):
    """Who signed in."""

    id = ma.fields.UUID(required=True)
    public_key = ma.fields.String(required=True)
    roles = ma.fields.List(ma.fields.String(), required=True)
    is_new = ma.fields.Boolean(required=True)


class SessionAnswer(ma.Schema):
    """A session: the token is for programs (Authorization: Bearer); browsers get it as a cookie as well."""

    session_token = ma.fields.String(required=True)
    expires_at = ma.fields.DateTime(required=True)
    user = ma.fields.Nested(UserAnswer, required=True)


def session_body(signed_in: SignedIn) -> dict[str, Any]:
    """A new session, as SessionAnswer describes it."""
    return {
        "session_token": signed_in.session.token,
        "expires_at": moment(signed_in.session.expires_at),
        "user": {
            "id": str(signed_in.user_id),
            "public_key": signed_in.public_key,
            "roles": list(signed_in.roles),
            "is_new": signed_in.is_new,
        },
    }


@blueprint.post("/api/auth/challenge")
@public
@limited("sign_in")
@blueprint.takes(ChallengeRequest)
@blueprint.answers(201, ChallengeAnswer)
def challenge(body: dict[str, Any]) -> Response:
    """Ask for a text to sign; it can be used once, within five minutes."""
    given = sign_in.challenge(container(), body["subject"])
    return json_answer(
        {
            "challenge_id": str(given.id),
            "subject": given.subject,
            "message": given.message,
            "expires_at": moment(given.expires_at),
        },
        status=201,
    )


@blueprint.post("/verify_signature")
@public
@limited("sign_in")
@blueprint.takes(SignatureRequest)
@blueprint.answers(200, SessionAnswer)
def verify_signature(body: dict[str, Any]) -> Response:
    """Sign in with a signed challenge; the first time makes the user. Any session that came along ends."""
    proof = sign_in.Proof(
        challenge_id=body.get("challenge_id"),
        message=body.get("message"),
        subject=body.get("subject", body.get("pubkey")),
        signature=body["signature"],
    )
    signed_in = sign_in.sign_in(container(), proof, previous_token=guards.session_token())
    response = json_answer(session_body(signed_in))
    guards.set_session_cookie(response, signed_in.session)
    return response


@blueprint.post("/logout")
@public
@blueprint.answers(204)
def logout() -> Response:
    """End the session that this request carries. Without one there is nothing to end, and that is no error."""
    token = guards.session_token()
    if token is not None and guards.principal() is not None:
        sign_in.sign_out(container(), token)
    # A browser that pressed a button wants a page; a program wants to know that it is done.
    by_form = request.mimetype == "application/x-www-form-urlencoded"
    response = Response(status=303, headers={"Location": "/login"}) if by_form else Response(status=204)
    guards.clear_session_cookie(response)
    return response
