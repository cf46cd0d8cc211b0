"""LNURL-auth for the API and the pages: from the challenge to the session."""

from dataclasses import dataclass, replace
from typing import Final, Literal
from uuid import UUID

from flask import Response, request
from sqlalchemy.orm import Session

from api import guards, sign_in
from api.guards import cookie_name
from api.request_context import actor
from api.sign_in import SignedIn
from auth import batched_sign_in, keys, lnurl, users
from domain.actor import Actor
from domain.errors import StrongroomError
from domain.ids import short_id
from models.lnurl import LnurlChallenge
from services import audit, audit_along
from wiring.container import Container

BROWSER_SECRET_BYTES: Final = 32
_BROWSER_LENGTH: Final = 43
_KEY_LENGTH: Final = 66
LINKED_NAME: Final = "wallet"

Status = Literal["waiting", "expired", "verified", "claimed"]


@dataclass(frozen=True, slots=True)
class Question:
    """A challenge for a wallet: the row, its callback URL, and that URL as an LNURL."""

    challenge: LnurlChallenge
    url: str
    lnurl: str
    keyauth: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A challenge's progress, with its session if that has just begun."""

    status: Status
    challenge: LnurlChallenge
    signed_in: SignedIn | None = None


def ask(parts: Container, *, action: str | None, browser: str, asked_by: UUID | None) -> Question:
    """Issue a challenge to the browser with this secret."""
    with parts.transaction() as session:
        challenge = lnurl.issue(session, action=action, browser_secret=browser, asked_by=asked_by, now=parts.now())
    return question(parts, challenge)


def question(parts: Container, challenge: LnurlChallenge) -> Question:
    """A challenge in the form that wallets read."""
    url = lnurl.callback_url(challenge, parts.settings.public_url)
    return Question(challenge, url, lnurl.encoded(url), lnurl.keyauth(url))


def answer(parts: Container, challenge_id: UUID, *, k1: str | None, signature: str, key: str) -> None:
    """Verify and store a wallet's answer. Refusals are audited too.

    Raises what auth/lnurl.py, auth/keys.py and auth/users.py refuse.
    """
    visitor = actor()
    try:
        _answer(parts, challenge_id, k1=k1, signature=signature, key=key, visitor=visitor)
    except StrongroomError as refusal:
        # The key may be any text, and PostgreSQL takes no NUL.
        shown = key[:_KEY_LENGTH] if key.isalnum() else "unreadable"
        detail = {"method": "lnurl", "reason": refusal.code, "challenge_id": str(challenge_id), "subject": shown}
        with parts.transaction() as session:
            audit.record(session, "login", by=visitor, now=parts.now(), success=False, detail=detail)
        raise


def progress(parts: Container, challenge_id: UUID, *, browser: str | None, previous_token: str | None) -> Progress:
    """The progress of this browser's challenge; an answered one begins a session, once. Raises LnurlNotFound."""
    now = parts.now()
    with parts.reading() as session:
        challenge = lnurl.of_browser(session, challenge_id, browser)
    if challenge.claimed_at is not None:
        return Progress("claimed", challenge)
    if challenge.expires_at <= now:
        return Progress("expired", challenge)
    if challenge.answered_at is None:
        return Progress("waiting", challenge)
    signed_in = _claim(parts, challenge, previous_token)
    return Progress("verified", challenge, signed_in) if signed_in else Progress("claimed", challenge)


def browser_secret() -> str | None:
    """The browser's secret, from its cookie."""
    given = request.cookies.get(_cookie())
    return given if given is not None and len(given) == _BROWSER_LENGTH and given.isascii() else None


def set_browser_secret(response: Response, secret: str) -> None:
    """Set the cookie with the secret that a browser's challenges are bound to; it lasts until the browser closes."""
    response.set_cookie(_cookie(), secret, path="/", secure=guards.is_https(), httponly=True, samesite="Lax")


def _cookie() -> str:
    return cookie_name().replace("session", "wallet")


def _answer(parts: Container, challenge_id: UUID, *, k1: str | None, signature: str, key: str, visitor: Actor) -> None:
    if _answer_known(parts, challenge_id, k1=k1, signature=signature, key=key, visitor=visitor):
        return
    now = parts.now()
    with parts.transaction() as session:
        challenge = lnurl.find(session, challenge_id)
        if k1 is not None and k1 != challenge.k1:
            raise lnurl.LnurlMalformed("k1 is not the one of this address")
        lnurl.open_for_answer(challenge, now=now)
        lnurl.verify(challenge.k1, signature, key)
        user_id = _user_of(session, challenge, key, parts)
        lnurl.answer(session, challenge, key=key, user_id=user_id, now=now)
        doer = replace(visitor, name=f"user:{short_id(user_id)}", user_id=user_id)
        event = "key_linked" if challenge.action == "link" else "lnurl_answered"
        detail = {"challenge_id": str(challenge_id), "subject": key, "action": challenge.action}
        audit.record(session, event, by=doer, now=now, detail=detail)


_ANSWER: Final = batched_sign_in.answering(
    "wallet_answer_of_known",
    audit_along.line("answered", "lnurl_answered"),
    audit_along.COLUMNS,
)


def _answer_known(
    parts: Container, challenge_id: UUID, *, k1: str | None, signature: str, key: str, visitor: Actor
) -> bool:
    """Sign-in by a known key in two round trips; False, and nothing has changed, in any other case."""
    if len(key) != _KEY_LENGTH or not key.isalnum():
        return False
    asked = batched_sign_in.asked_of_wallet(parts.engine, challenge_id, key)
    if asked is None or asked.action not in {"login", None} or k1 not in {asked.k1, None}:
        return False
    lnurl.verify(asked.k1, signature, key)
    detail = {"challenge_id": str(challenge_id), "subject": key, "action": asked.action}
    line = sign_in.line_of(visitor, asked.user_id, detail)
    return batched_sign_in.answer(
        parts.engine, _ANSWER, challenge_id, key=key, user_id=asked.user_id, now=parts.now(), line=line
    )


def _user_of(session: Session, challenge: LnurlChallenge, key: str, parts: Container) -> UUID:
    """The user of the key, by the challenge's action (LUD-04's four)."""
    now = parts.now()
    if challenge.action == "link" and challenge.asked_by is not None:
        keys.link(session, challenge.asked_by, key, name=LINKED_NAME, now=now)
        return challenge.asked_by
    if challenge.action == "login":
        return users.find(session, key).user_id
    if challenge.action == "auth":
        found = users.find(session, key)
        if found.user_id != challenge.asked_by:
            raise keys.KeyOfAnother
        return found.user_id
    known = users.of_subject(session, key, now=now)
    if challenge.action == "register" and not known.is_new:
        raise keys.KeyOfAnother("this key has an account already: log in with it")
    return known.user_id


def _claim(parts: Container, challenge: LnurlChallenge, previous_token: str | None) -> SignedIn | None:
    now, visitor = parts.now(), actor()
    with parts.transaction() as session:
        if not lnurl.claim(session, challenge, now=now) or challenge.key is None:
            return None
        user = users.sign_in(session, challenge.key, public_key=challenge.key, now=now)
        detail = {"method": "lnurl", "subject": challenge.key, "action": challenge.action}
        return sign_in.begin(parts, session, user, visitor=visitor, previous_token=previous_token, detail=detail)
