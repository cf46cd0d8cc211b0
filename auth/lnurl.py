"""LNURL-auth (LUD-04): a wallet signs k1 with a key that it derives for this host alone."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import ClassVar, Final
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from coincurve import PublicKey
from sqlalchemy import text
from sqlalchemy.orm import Session

from auth.ecdsa import der_of, low_s, read_der
from domain.bech32 import encode_bech32
from domain.errors import StrongroomError
from domain.ids import new_id
from models import dropping
from models.lnurl import LnurlChallenge

LIFETIME: Final = timedelta(minutes=5)
K1_SIZE: Final = 32
CALLBACK: Final = "/api/lnurl-auth/callback"
_KEY_LENGTH: Final = 66
_SIGNATURE_LENGTH_MAX: Final = 144
_HEX: Final = frozenset("0123456789abcdef")


class LnurlNotFound(StrongroomError):
    """No such LNURL was issued here, or it was issued to another browser."""

    code: ClassVar[str] = "lnurl_not_found"


class LnurlUsed(StrongroomError):
    """A wallet has answered this LNURL already: request a new one."""

    code: ClassVar[str] = "lnurl_used"


class LnurlExpired(StrongroomError):
    """The LNURL has expired: request a new one and scan it within five minutes."""

    code: ClassVar[str] = "lnurl_expired"


class LnurlMalformed(StrongroomError):
    """The wallet's answer is not a k1, a key and a signature as LUD-04 defines them."""

    code: ClassVar[str] = "lnurl_malformed"


class LnurlNotSigned(StrongroomError):
    """The signature was not made by this key over this k1."""

    code: ClassVar[str] = "lnurl_not_signed"


def issue(
    session: Session, *, action: str | None, browser_secret: str, asked_by: UUID | None, now: datetime
) -> LnurlChallenge:
    """Issue a k1 to the browser that holds this secret. `asked_by` is its user, where the action needs one."""
    challenge = LnurlChallenge(
        id=new_id(),
        k1=secrets.token_hex(K1_SIZE),
        action=action,
        browser_hash=_digest(browser_secret),
        asked_by=asked_by,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    session.add(challenge)
    session.flush()
    return challenge


def callback_url(challenge: LnurlChallenge, public_url: str) -> str:
    """The URL that a wallet signs in at (LUD-04), always on the public host, from which wallets derive their key.

    The path alone identifies the k1, for wallets that drop the query.
    """
    asked = {"tag": "login", "k1": challenge.k1} | ({"action": challenge.action} if challenge.action else {})
    return f"{public_url}{CALLBACK}/{challenge.id}?{urlencode(asked)}"


def encoded(url: str) -> str:
    """The URL in bech32, in upper case, which makes the smallest QR code (LUD-01)."""
    return encode_bech32("lnurl", url.encode()).upper()


def keyauth(url: str) -> str:
    """The URL as a link that opens a wallet on the same device (LUD-17)."""
    return f"keyauth://{url.removeprefix(f'{urlsplit(url).scheme}://')}"


def find(session: Session, challenge_id: UUID) -> LnurlChallenge:
    """The challenge with this id. Raises LnurlNotFound."""
    challenge = session.get(LnurlChallenge, challenge_id)
    if challenge is None:
        raise LnurlNotFound
    return challenge


def of_browser(session: Session, challenge_id: UUID, browser_secret: str | None) -> LnurlChallenge:
    """The challenge with this id, for the browser that it was issued to only. Raises LnurlNotFound."""
    challenge = find(session, challenge_id)
    if browser_secret is None or not hmac.compare_digest(_digest(browser_secret), challenge.browser_hash):
        raise LnurlNotFound
    return challenge


def verify(k1: str, signature: str, key: str) -> None:
    """Check a wallet's answer: hex DER, over the 32 bytes of k1 as they are, by a compressed key in lower-case hex.

    Both a signature and its high-S twin pass, so a signature must never serve to recognise a replay.
    Raises LnurlMalformed, LnurlNotSigned.
    """
    if len(key) != _KEY_LENGTH or not set(key) <= _HEX or key[:2] not in {"02", "03"}:
        raise LnurlMalformed("key must be a compressed public key: 33 bytes in lower-case hex")
    if len(signature) > _SIGNATURE_LENGTH_MAX or len(signature) % 2 or not set(signature.lower()) <= _HEX:
        raise LnurlMalformed("sig must be a DER signature in hex")
    try:
        public_key = PublicKey(bytes.fromhex(key))
        numbers = read_der(bytes.fromhex(signature))
    except ValueError as reason:
        raise LnurlMalformed(f"key or sig cannot be read: {reason}") from reason
    # hasher=None: wallets sign k1 itself, not a digest of it.
    if not public_key.verify(der_of(*low_s(*numbers)), bytes.fromhex(k1), hasher=None):
        raise LnurlNotSigned


_ANSWER: Final = text(
    """
    UPDATE lnurl_challenges SET key = :key, user_id = :user_id, answered_at = :now
    WHERE id = :challenge_id AND answered_at IS NULL AND expires_at > :now
    RETURNING id
    """
)
_CLAIM: Final = text(
    """
    UPDATE lnurl_challenges SET claimed_at = :now
    WHERE id = :challenge_id AND answered_at IS NOT NULL AND claimed_at IS NULL AND expires_at > :now
    RETURNING id
    """
)


def open_for_answer(challenge: LnurlChallenge, *, now: datetime) -> None:
    """Whether a wallet may still answer. Raises LnurlUsed, LnurlExpired."""
    if challenge.answered_at is not None:
        raise LnurlUsed
    if challenge.expires_at <= now:
        raise LnurlExpired


def answer(session: Session, challenge: LnurlChallenge, *, key: str, user_id: UUID | None, now: datetime) -> None:
    """Store a wallet's proven key; of simultaneous answers the first counts. Raises LnurlUsed, LnurlExpired."""
    parameters = {"challenge_id": challenge.id, "key": key, "user_id": user_id, "now": now}
    if session.execute(_ANSWER, parameters).first() is None:
        session.refresh(challenge)
        open_for_answer(challenge, now=now)


def claim(session: Session, challenge: LnurlChallenge, *, now: datetime) -> bool:
    """Claim an answer for a session; True for the one caller that may begin it."""
    return session.execute(_CLAIM, {"challenge_id": challenge.id, "now": now}).first() is not None


_WITHDRAW: Final = text(
    """
    UPDATE lnurl_challenges SET expires_at = :now
    WHERE expires_at > :now AND claimed_at IS NULL AND (asked_by = :user_id OR :answered AND user_id = :user_id)
    """
)


def withdraw(session: Session, user_id: UUID, *, answered: bool, now: datetime) -> None:
    """Revoke the challenges issued in a user's name: a session that has ended must not link a wallet afterwards.

    With `answered`, also those that a wallet of theirs has answered but that have begun no session yet.
    """
    session.execute(_WITHDRAW, {"user_id": user_id, "answered": answered, "now": now})


def forget_expired(session: Session, *, now: datetime, kept: timedelta = timedelta(days=1)) -> int:
    """Delete a batch of challenges that expired longer ago than `kept`; returns how many.

    Until then an answer is refused as used or expired, and not as unknown.
    """
    return dropping.some(session, LnurlChallenge, LnurlChallenge.expires_at < now - kept)


def _digest(browser_secret: str) -> bytes:
    return hashlib.sha256(browser_secret.encode("utf-8", "surrogatepass")).digest()
