"""Sign-in and sign-out for the API and the pages: from the challenge to the session, with audit lines."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.orm import Session

from api import limits
from api.request_context import actor
from auth import batched_sign_in, challenges, roles, sessions, signatures, users
from auth.sessions import OpenedSession, Principal
from domain.actor import Actor
from domain.errors import StrongroomError
from domain.ids import short_id
from models.session import AuthChallenge
from services import audit, audit_along
from wiring.container import Container

_SUBJECT_LENGTH_MAX: Final = 130


@dataclass(frozen=True, slots=True)
class Proof:
    """A signed challenge: its id or text, and the signature."""

    challenge_id: UUID | None
    message: str | None
    subject: str | None
    signature: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session and its user."""

    session: OpenedSession
    user_id: UUID
    public_key: str
    roles: tuple[str, ...]
    is_new: bool


def challenge(parts: Container, subject: str) -> AuthChallenge:
    """Issue a challenge for a public key in hex or an address. Raises MalformedKey."""
    spelled = signatures.normalise_subject(subject)
    # Keys are public: requests that merely name one must not use up its holder's attempts.
    limits.spend("sign_in", user=f"{spelled} {limits.origin()}")
    with parts.transaction() as session:
        return challenges.issue(session, subject=spelled, domain=domain_of(parts), now=parts.now())


def domain_of(parts: Container) -> str:
    """The site's name in the text that people sign."""
    return urlsplit(parts.settings.public_url).netloc


def sign_in(parts: Container, proof: Proof, *, previous_token: str | None) -> SignedIn:
    """Verify a proof and begin a session; the browser's previous session ends. Refusals are audited too.

    Raises MalformedKey, MalformedSignature, InvalidSignature and what auth/challenges.py and auth/users.py refuse.
    """
    visitor = actor()
    try:
        return _sign_in(parts, proof, visitor, previous_token)
    except StrongroomError as refusal:
        detail = {"reason": refusal.code, "subject": (proof.subject or "")[:_SUBJECT_LENGTH_MAX]}
        with parts.transaction() as session:
            audit.record(session, "login", by=visitor, now=parts.now(), success=False, detail=detail)
        raise


def sign_out(parts: Container, token: str) -> None:
    """End the session of this token."""
    now, doer = parts.now(), actor()
    with parts.transaction() as session:
        sessions.revoke(session, token, now=now)
        audit.record(session, "logout", by=doer, now=now)


def begin(
    parts: Container,
    session: Session,
    user: users.KnownUser,
    *,
    visitor: Actor,
    previous_token: str | None,
    detail: Mapping[str, Any],
) -> SignedIn:
    """Begin a session for a proven key; the browser's previous session ends."""
    now, settings = parts.now(), parts.settings
    if previous_token is not None:
        sessions.revoke(session, previous_token, now=now)
    opened = sessions.begin(
        session,
        user.user_id,
        now=now,
        lifetime=timedelta(hours=settings.session_hours),
        address=visitor.address,
        user_agent=visitor.user_agent,
    )
    found = sessions.find(session, opened.token, now=now)
    doer = replace(visitor, name=f"user:{short_id(user.user_id)}", user_id=user.user_id)
    on_record = {**detail, "session_id": str(opened.session_id), "first": user.is_new}
    audit.record(session, "login", by=doer, now=now, detail=on_record)
    roles = tuple(sorted(found.roles)) if found is not None else ()
    return SignedIn(opened, user.user_id, user.public_key, roles, user.is_new)


def renew(parts: Container, session: Session, token: str, principal: Principal) -> OpenedSession:
    """Replace a session after its user's keys changed: a new token, the same end."""
    now, doer = parts.now(), actor()
    sessions.revoke(session, token, now=now)
    return sessions.begin(
        session,
        principal.user_id,
        now=now,
        lifetime=principal.expires_at - now,
        address=doer.address,
        user_agent=doer.user_agent,
    )


_CLAIM: Final = batched_sign_in.claiming(
    "sign_in_of_known",
    audit_along.line("claimed", "login"),
    audit_along.COLUMNS,
)


def line_of(visitor: Actor, user_id: UUID, detail: Mapping[str, Any]) -> batched_sign_in.Line:
    """The audit line of a visitor who turned out to be this user."""
    name = f"user:{short_id(user_id)}"
    return batched_sign_in.Line(name, visitor.address, visitor.user_agent, visitor.request_id, json.dumps(detail))


def _sign_in(parts: Container, proof: Proof, visitor: Actor, previous_token: str | None) -> SignedIn:
    now = parts.now()
    signed_in = _sign_in_known(parts, proof, visitor) if previous_token is None else None
    if signed_in is not None:
        return signed_in
    with parts.transaction() as session:
        asked = challenges.find(session, challenge_id=proof.challenge_id, message=proof.message)
        _check_answers(asked, proof)
        challenges.check_purpose(asked, domain=domain_of(parts))
        # Before the claim: a wrong signature must not use up the challenge.
        public_key = signatures.verify(asked.message, proof.signature, asked.subject)
        challenges.claim(session, asked, now=now)
        user = users.sign_in(session, asked.subject, public_key=public_key, now=now)
        detail = {"method": "signature", "subject": asked.subject}
        return begin(parts, session, user, visitor=visitor, previous_token=previous_token, detail=detail)


def _sign_in_known(parts: Container, proof: Proof, visitor: Actor) -> SignedIn | None:
    """Sign-in of a known user in two round trips; None, and nothing has changed, in any other case."""
    now = parts.now()
    asked = batched_sign_in.asked(parts.engine, challenge_id=proof.challenge_id, message=proof.message)
    if asked is None:
        return None
    _check_answers(asked, proof)
    challenges.check_purpose(asked, domain=domain_of(parts))
    signatures.verify(asked.message, proof.signature, asked.subject)
    opened = sessions.new(now=now, lifetime=timedelta(hours=parts.settings.session_hours))
    detail = {"method": "signature", "subject": asked.subject, "session_id": str(opened.session_id), "first": False}
    line = line_of(visitor, asked.user_id, detail)
    given = batched_sign_in.claim(parts.engine, _CLAIM, asked, opened, now=now, line=line)
    if given is None:
        return None
    return SignedIn(opened, asked.user_id, asked.public_key, tuple(sorted(roles.implied(given))), is_new=False)


def _check_answers(asked: AuthChallenge | batched_sign_in.Asked, proof: Proof) -> None:
    named = proof.subject
    if named is not None and named != asked.subject and signatures.normalise_subject(named) != asked.subject:
        raise challenges.ChallengeForAnother
    if proof.message is not None and proof.message != asked.message:
        raise challenges.ChallengeForAnother
