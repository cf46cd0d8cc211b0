"""Sign-in challenges: a text that one key may sign, once, within five minutes."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from domain.ids import new_id, short_id
from models import dropping
from models.session import AuthChallenge

LIFETIME = timedelta(minutes=5)
NONCE_BYTES = 16


class ChallengeNotFound(StrongroomError):
    """No such challenge was issued here."""

    code: ClassVar[str] = "challenge_not_found"


class ChallengeUsed(StrongroomError):
    """The challenge was used already: request a new one."""

    code: ClassVar[str] = "challenge_used"


class ChallengeExpired(StrongroomError):
    """The challenge has expired: request a new one and sign it within five minutes."""

    code: ClassVar[str] = "challenge_expired"


class ChallengeForAnother(StrongroomError):
    """The challenge was issued to a different key."""

    code: ClassVar[str] = "challenge_for_another"


def issue(session: Session, *, subject: str, domain: str, now: datetime, link_to: UUID | None = None) -> AuthChallenge:
    """Issue a challenge to a subject in its normal form: to sign in, or to link it to the user `link_to`.

    The text is one line, so that it survives copying into a terminal. It names this site, so that people see what they
    agree to and no other site can relay it.
    """
    expires_at = now + LIFETIME
    spelled = expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    nonce = secrets.token_hex(NONCE_BYTES)
    challenge = AuthChallenge(
        id=new_id(),
        subject=subject,
        message=f"{_purpose(subject, domain, link_to)} Nonce {nonce}. Valid until {spelled}.",
        issued_at=now,
        expires_at=expires_at,
        used_at=None,
    )
    session.add(challenge)
    session.flush()
    return challenge


def find(session: Session, *, challenge_id: UUID | None, message: str | None) -> AuthChallenge:
    """The challenge with this id or this text. Raises ChallengeNotFound."""
    query = select(AuthChallenge)
    if challenge_id is not None:
        query = query.where(AuthChallenge.id == challenge_id)
    else:
        query = query.where(AuthChallenge.message == message)
    challenge = session.scalars(query).one_or_none()
    if challenge is None:
        raise ChallengeNotFound
    return challenge


class Given(Protocol):
    """An issued challenge."""

    @property
    def subject(self) -> str:
        """The key or address that it was issued to."""

    @property
    def message(self) -> str:
        """The text to sign."""


def check_purpose(challenge: Given, *, domain: str, link_to: UUID | None = None) -> None:
    """Check that a challenge was issued by this domain, for this purpose. Raises ChallengeForAnother."""
    if not challenge.message.startswith(f"{_purpose(challenge.subject, domain, link_to)} Nonce "):
        raise ChallengeForAnother


_CLAIM = text(
    """
    UPDATE auth_challenges SET used_at = :now
    WHERE id = :challenge_id AND used_at IS NULL AND expires_at > :now
    RETURNING id
    """
)


def claim(session: Session, challenge: AuthChallenge, *, now: datetime) -> None:
    """Mark a challenge as used; of simultaneous calls one succeeds. Raises ChallengeUsed, ChallengeExpired."""
    if session.execute(_CLAIM, {"challenge_id": challenge.id, "now": now}).first() is None:
        session.refresh(challenge)
        raise ChallengeUsed if challenge.used_at is not None else ChallengeExpired


def forget_expired(session: Session, *, now: datetime, kept: timedelta = timedelta(days=1)) -> int:
    """Delete a batch of challenges that expired longer ago than `kept`; returns how many.

    Until then an answer is refused as used or expired, and not as unknown.
    """
    return dropping.some(session, AuthChallenge, AuthChallenge.expires_at < now - kept)


def _purpose(subject: str, domain: str, link_to: UUID | None) -> str:
    if link_to is None:
        return f"Sign in to {domain} as {subject}."
    return f"Let {subject} sign in as user {short_id(link_to)} of {domain}."
