"""LNURL-auth for programs and wallets (LUD-01, LUD-04, LUD-17): a challenge, an answer, a session."""

import secrets
from typing import Any, Final
from uuid import UUID

import marshmallow as ma
import structlog
from flask import Response, request

from api import guards, limits
from api import lnurl_sign_in as flow
from api.auth import SessionAnswer, session_body
from api.blueprint import Blueprint
from api.guards import public
from api.limits import limited
from api.refusals import InvalidRequest, RateLimited
from api.request_context import container
from api.schemas import StrictSchema, json_answer, moment
from auth import lnurl
from domain.errors import StrongroomError
from models.lnurl import ACTIONS

blueprint = Blueprint("lnurl", __name__, description="Sign in with a Lightning wallet (LNURL-auth).")
PREFIX: Final = "/api/lnurl-auth"
_FOR_SOMEBODY: Final = frozenset({"link", "auth"})

log = structlog.get_logger(__name__)


class CreateRequest(StrictSchema):
    """What the wallet's signature is for; by default it signs in, and registers a new key."""

    action = ma.fields.String(load_default=None, validate=ma.validate.OneOf(ACTIONS))


class CreateAnswer(ma.Schema):
    """The challenge for a wallet. `qr_code_data` is the QR code's text; the cookie that comes with it is the secret."""

    session_id = ma.fields.UUID(required=True)
    lnurl = ma.fields.String(required=True)
    qr_code_data = ma.fields.String(required=True)
    keyauth = ma.fields.String(required=True)
    expires_at = ma.fields.DateTime(required=True)


class ParamsAnswer(ma.Schema):
    """What to sign, for wallets that fetch it."""

    tag = ma.fields.String(required=True)
    k1 = ma.fields.String(required=True)
    callback = ma.fields.String(required=True)
    action = ma.fields.String()


class ParamsQuery(StrictSchema):
    """Which challenge."""

    session_id = ma.fields.UUID(required=True)


class WalletAnswer(ma.Schema):
    """LUD-04's answer to a wallet: always status 200."""

    status = ma.fields.String(required=True, validate=ma.validate.OneOf(["OK", "ERROR"]))
    reason = ma.fields.String()


class CheckAnswer(ma.Schema):
    """The state of the challenge, with the session token in the one answer that opens the session."""

    status = ma.fields.String(required=True, validate=ma.validate.OneOf(["waiting", "expired", "verified", "claimed"]))
    expires_at = ma.fields.DateTime(required=True)
    session = ma.fields.Nested(SessionAnswer)


_FROM_WALLET: Final = [
    {"in": "query", "name": name, "required": name != "k1", "schema": {"type": "string"}, "description": words}
    for name, words in (
        ("k1", "As it was given; the path names it too, for wallets that drop it."),
        ("sig", "DER in hex: ECDSA over the 32 bytes of k1."),
        ("key", "The compressed public key, in lower-case hex."),
    )
]


@blueprint.post(f"{PREFIX}/create")
@public
@limited("sign_in")
@blueprint.takes(CreateRequest)
@blueprint.answers(201, CreateAnswer)
def create(body: dict[str, Any]) -> Response:
    """Create a challenge for a wallet, valid once and for five minutes; `link` and `auth` need a session."""
    action = body["action"]
    asked_by = guards.person().user_id if action in _FOR_SOMEBODY else None
    browser = flow.browser_secret() or secrets.token_urlsafe(flow.BROWSER_SECRET_BYTES)
    asked = flow.ask(container(), action=action, browser=browser, asked_by=asked_by)
    response = json_answer(
        {
            "session_id": str(asked.challenge.id),
            "lnurl": asked.lnurl,
            "qr_code_data": asked.lnurl,
            "keyauth": asked.keyauth,
            "expires_at": moment(asked.challenge.expires_at),
        },
        status=201,
    )
    flow.set_browser_secret(response, browser)
    return response


@blueprint.get(f"{PREFIX}/params")
@public
@limited("read")
@blueprint.takes(ParamsQuery, location="query")
@blueprint.answers(200, ParamsAnswer)
def params(query: dict[str, Any]) -> Response:
    """Read what to sign, as the LNURL also says."""
    with container().reading() as session:
        challenge = lnurl.find(session, query["session_id"])
    lnurl.open_for_answer(challenge, now=container().now())
    body = {"tag": "login", "k1": challenge.k1, "callback": flow.question(container(), challenge).url}
    return json_answer(body | ({"action": challenge.action} if challenge.action else {}))


@blueprint.get(f"{PREFIX}/callback/<uuid:session_id>")
@public
@blueprint.reads(_FROM_WALLET)
@blueprint.answers(200, WalletAnswer)
def callback(session_id: UUID) -> Response:
    """Receive a wallet's answer. Wallets read a JSON status instead of HTTP's, from any origin (LUD-04)."""
    body, retry_after_s = {"status": "OK"}, None
    try:
        limits.spend("sign_in", address=limits.origin())
        _take_answer(session_id)
    except StrongroomError as refusal:
        log.info("wallet refused", code=refusal.code)
        body = {"status": "ERROR", "reason": str(refusal)}
        retry_after_s = refusal.retry_after_s if isinstance(refusal, RateLimited) else None
    response = json_answer(body)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


@blueprint.get(f"{PREFIX}/check/<uuid:session_id>")
@public
@limited("read")
@blueprint.answers(200, CheckAnswer)
def check(session_id: UUID) -> Response:
    """Read the challenge's state in the browser that created it; the first read after the wallet's answer signs in."""
    now_at = flow.progress(
        container(), session_id, browser=flow.browser_secret(), previous_token=guards.session_token()
    )
    body = {"status": now_at.status, "expires_at": moment(now_at.challenge.expires_at)}
    if now_at.signed_in is None:
        return json_answer(body)
    response = json_answer({**body, "session": session_body(now_at.signed_in)})
    guards.set_session_cookie(response, now_at.signed_in.session)
    return response


def _take_answer(session_id: UUID) -> None:
    signature, key = request.args.get("sig"), request.args.get("key")
    if not signature or not key:
        raise InvalidRequest("sig and key are needed")
    flow.answer(container(), session_id, k1=request.args.get("k1"), signature=signature, key=key)
