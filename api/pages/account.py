"""The account page: the keys that sign in, and the open sessions."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from api import guards, lnurl_sign_in, sign_in
from api.guards import signed_in
from api.limits import limited
from api.pages import wallet_login
from api.pages.context import SIGNATURE_TYPED_MAX, page, see, typed
from api.request_context import actor, container
from api.statuses import status_of
from auth import challenges, keys, sessions, signatures
from domain.errors import StrongroomError
from services import audit

blueprint = Blueprint("account", __name__)

ACCOUNT: Final = "/account"


@blueprint.get(ACCOUNT)
@signed_in
def show() -> Response:
    """Show the keys and sessions."""
    return _account()


@blueprint.post(f"{ACCOUNT}/keys")
@signed_in
@limited("sign_in")
def begin_link() -> Response:
    """Create the challenge for a further key."""
    parts, caller = container(), guards.caller()
    try:
        subject = signatures.normalise_subject(typed("subject"))
        with parts.transaction() as session:
            asked = challenges.issue(
                session, subject=subject, domain=sign_in.domain_of(parts), now=parts.now(), link_to=caller.user_id
            )
    except StrongroomError as refusal:
        return _account(refusal)
    return see(f"{ACCOUNT}/keys/{asked.id}/sign")


@blueprint.get(f"{ACCOUNT}/keys/<uuid:challenge_id>/sign")
@signed_in
def ask_signature(challenge_id: UUID) -> Response:
    """Show the text to sign and the field for the signature."""
    return _to_sign(challenge_id)


@blueprint.post(f"{ACCOUNT}/keys/<uuid:challenge_id>/sign")
@signed_in
@limited("sign_in")
def finish_link(challenge_id: UUID) -> Response:
    """Link the key that signed."""
    parts, user_id = container(), guards.caller().user_id

    def link(session: Session) -> dict[str, Any]:
        asked = challenges.find(session, challenge_id=challenge_id, message=None)
        challenges.check_purpose(asked, domain=sign_in.domain_of(parts), link_to=user_id)
        signatures.verify(asked.message, "".join(typed("signature").split()), asked.subject)
        challenges.claim(session, asked, now=parts.now())
        keys.link(session, user_id, asked.subject, name=typed("name") or "key", now=parts.now())
        return {"subject": asked.subject, "method": "signature"}

    try:
        return _change("key_linked", link)
    except StrongroomError as refusal:
        return _to_sign(challenge_id, refusal)


@blueprint.get(f"{ACCOUNT}/wallet")
@signed_in
def link_wallet() -> Response:
    """Show the QR code for a Lightning wallet whose key is to be linked."""
    values, browser = wallet_login.fresh(ACCOUNT, action="link", asked_by=guards.caller().user_id)
    response = page("login_wallet.html", **values)
    lnurl_sign_in.set_browser_secret(response, browser)
    return response


@blueprint.post(f"{ACCOUNT}/keys/<uuid:key_id>/rename")
@signed_in
def rename(key_id: UUID) -> Response:
    """Rename a key."""
    user_id = guards.caller().user_id
    try:
        with container().transaction() as session:
            keys.rename(session, user_id, key_id, name=typed("name"))
    except StrongroomError as refusal:
        return _account(refusal)
    return see(ACCOUNT)


@blueprint.post(f"{ACCOUNT}/keys/<uuid:key_id>/remove")
@signed_in
def remove(key_id: UUID) -> Response:
    """Remove a key and end all other sessions, which may have begun with it."""
    parts, caller = container(), guards.caller()

    def drop(session: Session) -> dict[str, Any]:
        subject = keys.remove(session, caller.user_id, key_id, now=parts.now())
        ended = sessions.end(session, caller.user_id, now=parts.now(), spared=caller.session_id)
        return {"subject": subject, "sessions_ended": ended}

    try:
        return _change("key_removed", drop)
    except StrongroomError as refusal:
        return _account(refusal)


@blueprint.post(f"{ACCOUNT}/sessions/<uuid:session_id>/end")
@signed_in
def end_session(session_id: UUID) -> Response:
    """End one session."""
    return _end(only=session_id)


@blueprint.post(f"{ACCOUNT}/sessions/end")
@signed_in
def end_sessions() -> Response:
    """End all sessions, including this one."""
    return _end(only=None)


def _account(refusal: StrongroomError | None = None) -> Response:
    parts, caller = container(), guards.caller()
    with parts.reading() as session:
        listed = keys.of_user(session, caller.user_id)
        open_ones = sessions.open_of(session, caller.user_id, now=parts.now())
    status = status_of(type(refusal)) if refusal is not None else 200
    return page(
        "account.html",
        status=status,
        keys=listed,
        sessions=open_ones,
        current=caller.session_id,
        public_key=caller.public_key,
        problem=str(refusal) if refusal is not None else "",
    )


def _to_sign(challenge_id: UUID, refusal: StrongroomError | None = None) -> Response:
    parts, caller = container(), guards.caller()
    with parts.reading() as session:
        asked = challenges.find(session, challenge_id=challenge_id, message=None)
    challenges.check_purpose(asked, domain=sign_in.domain_of(parts), link_to=caller.user_id)
    status = status_of(type(refusal)) if refusal is not None else 200
    problem = str(refusal) if refusal is not None else ""
    return page(
        "account_sign.html",
        status=status,
        challenge=asked,
        problem=problem,
        name=request.form.get("name", ""),
        signature_length_max=SIGNATURE_TYPED_MAX,
    )


def _change(event: str, work: Callable[[Session], dict[str, Any]]) -> Response:
    """Change the keys, write the audit line, and replace this browser's token."""
    parts, caller, token = container(), guards.caller(), guards.session_token()
    with parts.transaction() as session:
        detail = work(session)
        audit.record(session, event, by=actor(), now=parts.now(), detail=detail)
        opened = sign_in.renew(parts, session, token or "", caller)
    response = see(ACCOUNT)
    guards.set_session_cookie(response, opened)
    return response


def _end(*, only: UUID | None) -> Response:
    parts, caller = container(), guards.caller()
    with parts.transaction() as session:
        ended = sessions.end(session, caller.user_id, now=parts.now(), only=only)
        audit.record(session, "sessions_ended", by=actor(), now=parts.now(), detail={"count": ended})
    if only is not None and only != caller.session_id:
        return see(ACCOUNT)
    response = see("/login")
    guards.clear_session_cookie(response)
    return response
