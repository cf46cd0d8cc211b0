"""Prove that a key is one's own without signing in with it: a text of its own kind, for one user, signed once."""

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from auth import signatures
from auth.challenges import ChallengeExpired, ChallengeNotFound, ChallengeUsed
from domain.ids import new_id, short_id
from models import dropping
from models.watch_wallet import WatchChallenge

LIFETIME = timedelta(minutes=5)
NONCE_BYTES = 16


def issue(session: Session, *, user_id: UUID, subject: str, domain: str, now: datetime) -> WatchChallenge:
    """Issue a user a text for the holder of `subject` to sign. Raises MalformedKey.

    The text names its purpose and its user, so that a signature obtained by trickery is useless elsewhere. It cannot
    sign anybody in, because sign-in accepts only challenges of its own.
    """
    spelled = signatures.normalise_subject(subject)
    expires_at = now + LIFETIME
    until = expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    challenge = WatchChallenge(
        id=new_id(),
        user_id=user_id,
        subject=spelled,
        message=(
            f"Show user {short_id(user_id)} of {domain} the watched wallets of {spelled}. "
            f"Nonce {secrets.token_hex(NONCE_BYTES)}. Valid until {until}."
        ),
        issued_at=now,
        expires_at=expires_at,
        used_at=None,
    )
    session.add(challenge)
    session.flush()
    return challenge


def redeem(session: Session, challenge_id: UUID, signature: str, *, user_id: UUID, now: datetime) -> str:
    """Mark this user's challenge as used; returns who signed it: a compressed key in hex, or an address.

    A wrong signature leaves it unused; of simultaneous valid ones, one succeeds. Raises ChallengeNotFound (also for
    another user's), ChallengeUsed, ChallengeExpired, MalformedSignature, InvalidSignature.
    """
    challenge = session.scalars(
        select(WatchChallenge).where(WatchChallenge.id == challenge_id, WatchChallenge.user_id == user_id)
    ).one_or_none()
    if challenge is None:
        raise ChallengeNotFound
    signer = signatures.verify(challenge.message, signature, challenge.subject)
    claimed = session.execute(
        update(WatchChallenge)
        .where(WatchChallenge.id == challenge_id, WatchChallenge.used_at.is_(None), WatchChallenge.expires_at > now)
        .values(used_at=now)
        .returning(WatchChallenge.id)
        .execution_options(synchronize_session=False)
    ).first()
    if claimed is None:
        session.refresh(challenge)
        raise ChallengeUsed if challenge.used_at is not None else ChallengeExpired
    return signer


def forget_expired(session: Session, *, now: datetime, kept: timedelta = timedelta(days=1)) -> int:
    """Delete a batch of challenges that expired longer ago than `kept`; returns how many.

    Until then an answer is refused as used or expired, and not as unknown.
    """
    return dropping.some(session, WatchChallenge, WatchChallenge.expires_at < now - kept)
