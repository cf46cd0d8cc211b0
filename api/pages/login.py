"""Sign in with two plain forms: enter a key, then its signature."""

import shlex
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, abort, request

from api import guards, lnurl_sign_in, sign_in
from api.guards import public
from api.limits import limited
from api.pages import wallet_login
from api.pages.context import SIGNATURE_TYPED_MAX, field_errors, onward, onward_query, page, see, typed
from api.pages.shapes import FormField
from api.refusals import LimitsUnavailable, RateLimited
from api.request_context import container
from api.statuses import status_of
from auth import challenges
from domain.errors import StrongroomError
from models.session import AuthChallenge

blueprint = Blueprint("login", __name__)

KEY_NEW_COMMAND: Final = "python -m cli key new"
# After these errors the challenge cannot be used again: a new text has to be signed.
_SPENT: Final = ("challenge_used", "challenge_expired", "challenge_not_found")


@blueprint.get("/login")
@public
def ask() -> Response:
    """Show the first form, for the key. Signed-in users are redirected, unless they have to sign in again."""
    target = onward(request.args.get("next"))
    if guards.principal() is not None and "again" not in request.args:
        return see(target)
    return _first_form(FormField(), target)


@blueprint.post("/login")
@public
@limited("sign_in")
def begin() -> Response:
    """Create a challenge for the key and show the text to sign."""
    target = onward(request.args.get("next"))
    subject = typed("subject")
    try:
        challenge = sign_in.challenge(container(), subject)
    except StrongroomError as refusal:
        reason = next(iter(field_errors(refusal, "subject", "pubkey")[0].values()), None)
        shown = FormField(subject, reason or [field_errors(refusal)[1]])
        return _first_form(shown, target, status=status_of(type(refusal)))
    return see(f"/login/{challenge.id}{onward_query(target)}")


@blueprint.get("/login/<uuid:challenge_id>")
@public
def show(challenge_id: UUID) -> Response:
    """Show the second form: the text to sign, and the field for the signature."""
    return _second_form(_challenge(challenge_id), FormField(), onward(request.args.get("next")))


@blueprint.post("/login/<uuid:challenge_id>")
@public
@limited("sign_in")
def finish(challenge_id: UUID) -> Response:
    """Verify the signature and open a session."""
    target = onward(request.args.get("next"))
    signature = "".join(typed("signature").split())
    proof = sign_in.Proof(challenge_id=challenge_id, message=None, subject=None, signature=signature)
    try:
        signed_in = sign_in.sign_in(container(), proof, previous_token=guards.session_token())
    except StrongroomError as refusal:
        if refusal.code in _SPENT:
            problem = f"{refusal} Nothing was signed in."
            return _first_form(FormField(), target, status=status_of(type(refusal)), problem=problem)
        shown = FormField(signature, [field_errors(refusal)[1]])
        return _second_form(_challenge(challenge_id), shown, target, status=status_of(type(refusal)))
    response = see(target)
    guards.set_session_cookie(response, signed_in.session)
    return response


def _challenge(challenge_id: UUID) -> AuthChallenge:
    try:
        with container().reading() as session:
            return challenges.find(session, challenge_id=challenge_id, message=None)
    except challenges.ChallengeNotFound:
        abort(HTTPStatus.NOT_FOUND)


def _first_form(subject: FormField, target: str, *, status: int = HTTPStatus.OK, problem: str = "") -> Response:
    values: dict[str, Any] = {"onward": onward_query(target)}
    browser = None
    try:
        values, browser = wallet_login.fresh(target)
    except (RateLimited, LimitsUnavailable) as refusal:
        problem = problem or str(refusal)
    response = page(
        "login.html", status=status, subject=subject, problem=problem, key_new_command=KEY_NEW_COMMAND, **values
    )
    if browser is not None:
        lnurl_sign_in.set_browser_secret(response, browser)
    return response


def _second_form(
    challenge: AuthChallenge, signature: FormField, target: str, *, status: int = HTTPStatus.OK
) -> Response:
    return page(
        "login_sign.html",
        status=status,
        challenge=challenge,
        signature=signature,
        signature_length_max=SIGNATURE_TYPED_MAX,
        command=f"python -m cli key sign {shlex.quote(challenge.message)}",
        onward=onward_query(target),
        problem="",
    )
