"""Access tokens (RFC 9068) and refresh tokens: issuing, verifying with PyJWT and one look-up, immediate revocation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt
from sqlalchemy import text
from sqlalchemy.orm import Session

from auth.oauth import keys, refresh_secrets, scopes
from auth.oauth.delegation import Delegation
from auth.oauth.provider import ACCESS_LIFETIME, REFRESH_LIFETIME, Provider, digest
from auth.sessions import Principal
from domain.ids import new_id
from models.copies import columns, copies
from models.deferred import Deferred
from models.oauth import OAuthAccessToken, OAuthClient, OAuthFamily, OAuthGrant, OAuthRefreshToken
from models.prepared import Prepared

TYPE: Final = "at+jwt"
TOKEN_LENGTH_MAX: Final = 4096
_SYMMETRIC: Final = "HS256"
_SYMMETRIC_KID: Final = "client:"
_REQUIRED: Final = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]
_NOTED_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Lineage:
    """The user, app and authorization that tokens are issued for."""

    client: OAuthClient
    user_id: UUID
    family: OAuthFamily
    audience: Sequence[str]
    nonce: str | None = None


# This transaction does not read the row back, so the statement is sent together with the commit.
_KEEP_ACCESS = Deferred(
    "access_token_kept",
    "uuid, uuid, text, jsonb, timestamptz, timestamptz, text",
    """
    INSERT INTO oauth_access_tokens (jti, family_id, scope, audience, issued_at, expires_at, dpop_jkt)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """,
)
_KEEP_REFRESH = Deferred(
    "refresh_token_kept",
    "uuid, bytea, uuid, uuid, timestamptz, timestamptz",
    """
    INSERT INTO oauth_refresh_tokens (id, token_hash, family_id, predecessor_id, issued_at, expires_at, tells_family)
    VALUES ($1, $2, $3, $4, $5, $6, true)
    """,
)


def issue_access(
    session: Session, provider: Provider, lineage: Lineage, *, scope: str, now: datetime, dpop_jkt: str | None = None
) -> str:
    """A new access token, valid for an hour, bound to a key if one is named (RFC 9449 6); only its id is stored."""
    jti, expires_at = new_id(), now + ACCESS_LIFETIME
    audience = json.dumps(list(lineage.audience))
    _KEEP_ACCESS.later(session, jti, lineage.family.id, scope, audience, now, expires_at, dpop_jkt)
    client_id = lineage.client.client_id
    claims: dict[str, Any] = {
        "iss": provider.issuer,
        "sub": str(lineage.user_id),
        "aud": list(lineage.audience),
        "client_id": client_id,
        "scope": scope,
        "jti": str(jti),
        "iat": int(now.timestamp()),
        "exp": int(expires_at.timestamp()),
        "auth_time": int(lineage.family.auth_time.timestamp()),
    }
    if dpop_jkt is not None:
        claims["cnf"] = {"jkt": dpop_jkt}
    if lineage.client.access_token_alg == _SYMMETRIC:
        headers = {"typ": TYPE, "kid": _SYMMETRIC_KID + client_id}
        return jwt.encode(claims, provider.symmetric_key(client_id), algorithm=_SYMMETRIC, headers=headers)
    return keys.sign(session, provider, claims, kind=TYPE, now=now)


def issue_refresh(
    session: Session, provider: Provider, family_id: UUID, *, predecessor_id: UUID | None, now: datetime
) -> str:
    """A new refresh token of a family; only its hash is stored."""
    token = refresh_secrets.new(provider, family_id)
    _KEEP_REFRESH.later(session, new_id(), digest(token), family_id, predecessor_id, now, now + REFRESH_LIFETIME)
    return token


# The one statement that every request of an app pays for; it finds nothing if any part of the chain was revoked.
_FIND = Prepared(
    "access_token_by_id",
    "uuid, timestamptz",
    """
    SELECT g.user_id, u.public_key, f.id, t.expires_at, t.scope, t.audience, g.scope, g.id, g.last_used_at,
           c.client_id, c.name, t.dpop_jkt
    FROM oauth_access_tokens t
    JOIN oauth_families f ON f.id = t.family_id
    JOIN oauth_grants g ON g.id = f.grant_id
    JOIN oauth_clients c ON c.id = g.client_id
    JOIN users u ON u.id = g.user_id
    WHERE t.jti = $1 AND t.expires_at > $2 AND t.revoked_at IS NULL AND f.revoked_at IS NULL
      AND g.revoked_at IS NULL AND c.disabled_at IS NULL
    """,
)
_NOTE_USE = text("UPDATE oauth_grants SET last_used_at = :now WHERE id = :id")


def bearer(session: Session, provider: Provider, token: str, *, now: datetime) -> Principal | None:
    """Whom an access token stands for; None when it was not issued here, or is expired or revoked."""
    claims = _verified(session, provider, token)
    if claims is None or claims["exp"] <= now.timestamp():
        return None
    rows = _FIND.rows(session, str(claims["jti"]), now)
    if not rows:
        return None
    user_id, public_key, family_id, expires_at, scope, audience, granted, grant_id, used_at, client_id, name, jkt = (
        rows[0]
    )
    if client_id != claims["client_id"] or str(user_id) != claims["sub"]:
        return None
    if used_at is None or used_at < now - _NOTED_EVERY:
        session.execute(_NOTE_USE, {"id": grant_id, "now": now})
    return Principal(
        UUID(str(user_id)),
        public_key,
        frozenset(),
        UUID(str(family_id)),
        expires_at,
        Delegation(
            grant_id=UUID(str(grant_id)),
            client_id=client_id,
            client_name=name,
            scopes=frozenset(scope.split()) & frozenset(granted.split()),
            audience=frozenset(audience),
            dpop_jkt=jkt,
        ),
    )


def looks_like_one(token: str) -> bool:
    """Whether a bearer token is a JWT: session tokens contain no dot."""
    return token.count(".") == 2 and len(token) <= TOKEN_LENGTH_MAX  # noqa: PLR2004 - three parts


@dataclass(frozen=True, slots=True)
class Found:
    """A token of either kind and what it belongs to."""

    kind: str
    row: OAuthAccessToken | OAuthRefreshToken
    family: OAuthFamily
    grant: OAuthGrant
    client: OAuthClient

    def is_live(self, now: datetime) -> bool:
        """Whether it is valid."""
        spent = self.row.revoked_at if isinstance(self.row, OAuthAccessToken) else self.row.redeemed_at
        ends = (spent, self.family.revoked_at, self.grant.revoked_at, self.client.disabled_at)
        return self.row.expires_at > now and all(end is None for end in ends)

    @property
    def dpop_jkt(self) -> str | None:
        """The thumbprint of the key that it is bound to, if any."""
        return self.row.dpop_jkt if isinstance(self.row, OAuthAccessToken) else self.family.dpop_jkt

    @property
    def scope(self) -> str:
        """Its scope, as far as its user still grants it."""
        own = self.row.scope if isinstance(self.row, OAuthAccessToken) else self.family.scope
        return scopes.spell(set(own.split()) & set(self.grant.scope.split()))


def shown(session: Session, provider: Provider, token: str) -> Found | None:
    """A token whatever its state, as copies of its rows; None when it was never issued here."""
    if looks_like_one(token):
        claims = _verified(session, provider, token)
        rows = _SHOWN_ACCESS.rows(session, claims["jti"]) if claims is not None else ()
        return Found("access_token", *copies(rows[0], OAuthAccessToken, *_LINEAGE)) if rows else None
    rows = _SHOWN_REFRESH.rows(session, digest(token))
    return Found("refresh_token", *copies(rows[0], OAuthRefreshToken, *_LINEAGE)) if rows else None


def replaced(session: Session, provider: Provider, token: str) -> Found | None:
    """The successor of a refresh token that is invalid and that `shown` does not find.

    Such a token was reported lost, or was spent so long ago that it is no longer stored; whoever has it got it from us.
    None when this is no such token, or nothing is left of its family.
    """
    rows = _LOST_REFRESH.rows(session, digest(token))
    family_id = refresh_secrets.family_of(provider, token)
    if not rows and family_id is not None:
        rows = _NEWEST_REFRESH.rows(session, family_id)
    return Found("refresh_token", *copies(rows[0], OAuthRefreshToken, *_LINEAGE)) if rows else None


_LINEAGE: Final = (OAuthFamily, OAuthGrant, OAuthClient)


def _showing(
    name: str, kind: type[OAuthAccessToken] | type[OAuthRefreshToken], which: str, of_type: str, *, then: str = ""
) -> Prepared:
    return Prepared(
        name,
        of_type,
        f"""
        SELECT {columns(t=kind, f=OAuthFamily, g=OAuthGrant, c=OAuthClient)}
        FROM {kind.__tablename__} t
        JOIN oauth_families f ON f.id = t.family_id
        JOIN oauth_grants g ON g.id = f.grant_id
        JOIN oauth_clients c ON c.id = g.client_id
        WHERE t.{which} = $1 {then}
        """,  # noqa: S608 - names of ours
    )


_SHOWN_ACCESS = _showing("access_token_shown", OAuthAccessToken, "jti", "uuid")
_SHOWN_REFRESH = _showing("refresh_token_shown", OAuthRefreshToken, "token_hash", "bytea")
_LOST_REFRESH = _showing("refresh_token_lost", OAuthRefreshToken, "lost_hash", "bytea")
_NEWEST_REFRESH = _showing(
    "refresh_token_newest", OAuthRefreshToken, "family_id", "uuid", then="ORDER BY t.issued_at DESC LIMIT 1"
)


def _verified(session: Session, provider: Provider, token: str) -> dict[str, Any] | None:
    """The claims of an access token that we signed, expired or not."""
    try:
        header = jwt.get_unverified_header(token)
        if header.get("typ") != TYPE:
            return None
        key, algorithm = _key(session, provider, header)
        if key is None:
            return None
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=provider.issuer,
            # The expiry is checked by the clock that issued it, and the audience by the resource.
            options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_aud": False},
        )
        UUID(claims["jti"])
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
        return None
    if algorithm == _SYMMETRIC and header["kid"] != _SYMMETRIC_KID + str(claims["client_id"]):
        return None
    return claims


def _key(session: Session, provider: Provider, header: dict[str, Any]) -> tuple[Any, str]:
    """The key that the header names, with that key's own algorithm: the header's `alg` is not trusted."""
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid.isascii() or not kid.isprintable():
        return None, keys.ALGORITHM
    if kid.startswith(_SYMMETRIC_KID):
        return provider.symmetric_key(kid.removeprefix(_SYMMETRIC_KID)), _SYMMETRIC
    found = keys.public_key(session, kid)
    return (found.key if found is not None else None), keys.ALGORITHM
