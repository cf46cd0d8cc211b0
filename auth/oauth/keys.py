"""The keys that sign tokens: created when first needed, rotated, and published until their last token has expired."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm
from sqlalchemy import or_, select, text, update
from sqlalchemy.orm import Session

from auth.oauth.provider import ACCESS_LIFETIME, Provider
from domain.errors import ensure
from domain.ids import new_id
from models.copies import columns, copies
from models.oauth import OAuthSigningKey
from models.prepared import Prepared

ALGORITHM: Final = "RS256"
_BITS: Final = 2048
_EXPONENT: Final = 65537
LIFETIME: Final = timedelta(days=90)
# A new key is published for a while before it signs, so that cached copies of the list have it by then.
AHEAD: Final = timedelta(hours=1)
_LOCK: Final = 0x5742_4F41_5554
# A key id always means the same key, so both halves may stay in memory.
_private: dict[str, RSAPrivateKey] = {}
_public: dict[str, jwt.PyJWK] = {}


def sign(session: Session, provider: Provider, claims: dict[str, Any], *, kind: str, now: datetime) -> str:
    """The claims as a JWT signed with the current key; `kind` is its `typ`."""
    row = _current(session, provider, now)
    if row.kid not in _private:
        _private[row.kid] = _opened(provider, row)
    return jwt.encode(claims, _private[row.kid], algorithm=ALGORITHM, headers={"kid": row.kid, "typ": kind})


def public_key(session: Session, kid: str) -> jwt.PyJWK | None:
    """The public half of a key, or None when there is no key of this id, which may be anybody's input."""
    if not kid.isascii() or not kid.isprintable():
        return None
    if kid not in _public:
        row = session.get(OAuthSigningKey, kid)
        if row is None:
            return None
        _public[kid] = jwt.PyJWK(row.public_jwk)
    return _public[kid]


def published(session: Session, provider: Provider, *, now: datetime) -> list[dict[str, Any]]:
    """The keys whose tokens may be valid, with the one that signs next; a first one is created if there is none."""
    _current(session, provider, now)
    rows = session.scalars(
        select(OAuthSigningKey)
        .where(or_(OAuthSigningKey.retired_at.is_(None), OAuthSigningKey.retired_at > now))
        .order_by(OAuthSigningKey.signs_from)
    )
    return [row.public_jwk for row in rows]


def rotate(session: Session, provider: Provider, *, now: datetime) -> str:
    """Create a key that signs soon; the previous ones stay published until their last token has expired."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    return _make(session, provider, now, signs_from=now + AHEAD if _newest(session, now) else now).kid


def replace(session: Session, provider: Provider, *, now: datetime) -> str:
    """Create a key that signs at once, and withdraw the previous ones, which may be compromised.

    Apps with a cached copy of the list accept the old keys, and refuse the new one, until they read it again. Access
    tokens issued here stay valid: they are looked up.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    session.execute(
        update(OAuthSigningKey)
        .where(or_(OAuthSigningKey.retired_at.is_(None), OAuthSigningKey.retired_at > now))
        .values(retired_at=now)
        .execution_options(synchronize_session=False)
    )
    return _make(session, provider, now, signs_from=now).kid


def _current(session: Session, provider: Provider, now: datetime) -> OAuthSigningKey:
    row = _newest(session, now)
    if row is None or row.signs_from < now - LIFETIME:
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        # Whoever held the lock before may have created it meanwhile.
        found = _newest(session, now)
        if found is None:
            return _make(session, provider, now, signs_from=now)
        if session.scalar(select(OAuthSigningKey.kid).where(OAuthSigningKey.signs_from > now - LIFETIME)) is None:
            _make(session, provider, now, signs_from=now + AHEAD)
        return found
    return row


_NEWEST = Prepared(
    "oauth_signing_key",
    "timestamptz",
    f"SELECT {columns(k=OAuthSigningKey)} FROM oauth_signing_keys k "  # noqa: S608 - names of ours
    "WHERE signs_from <= $1 AND (retired_at IS NULL OR retired_at > $1) ORDER BY signs_from DESC LIMIT 1",
)


def _newest(session: Session, now: datetime) -> OAuthSigningKey | None:
    for row in _NEWEST.rows(session, now):
        found: OAuthSigningKey = copies(row, OAuthSigningKey)[0]
        return found
    return None


def _make(session: Session, provider: Provider, now: datetime, *, signs_from: datetime) -> OAuthSigningKey:
    made = generate_private_key(public_exponent=_EXPONENT, key_size=_BITS)
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    kid = new_id().hex
    public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(made.public_key()))
    row = OAuthSigningKey(
        kid=kid,
        public_jwk={
            "kty": public["kty"],
            "n": public["n"],
            "e": public["e"],
            "kid": kid,
            "alg": ALGORITHM,
            "use": "sig",
        },
        sealed_private_key=provider.box().encrypt(pem),
        created_at=now,
        signs_from=signs_from,
    )
    session.execute(
        update(OAuthSigningKey)
        .where(OAuthSigningKey.retired_at.is_(None))
        .values(retired_at=signs_from + 2 * ACCESS_LIFETIME)
        .execution_options(synchronize_session=False)
    )
    session.add(row)
    session.flush()
    return row


def _opened(provider: Provider, row: OAuthSigningKey) -> RSAPrivateKey:
    key = load_pem_private_key(provider.box().decrypt(row.sealed_private_key), password=None)
    ensure(isinstance(key, RSAPrivateKey), "a signing key is not an RSA key")
    return key  # type: ignore[return-value]
