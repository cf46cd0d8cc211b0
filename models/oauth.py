"""Third-party apps, their users' grants, and codes and tokens, stored as hashes only."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits


class OAuthClient(Base):
    """An app, as its developer registered it (RFC 7591)."""

    __tablename__ = "oauth_clients"
    __table_args__ = (
        CheckConstraint(
            "auth_method IN ('none', 'client_secret_basic', 'client_secret_post')", name="auth_method_is_known"
        ),
        CheckConstraint("(auth_method = 'none') = (secret_hash IS NULL)", name="only_public_ones_have_no_secret"),
        CheckConstraint("access_token_alg IN ('RS256', 'HS256')", name="access_token_alg_is_known"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(unique=True)
    # None, where anyone may register apps.
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str]
    client_uri: Mapped[str | None]
    auth_method: Mapped[str]
    secret_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    secret_set_at: Mapped[datetime | None]
    redirect_uris: Mapped[list[str]]
    grant_types: Mapped[list[str]]
    scope: Mapped[str]
    access_token_alg: Mapped[str]
    # Whether its tokens must be bound to a key (RFC 9449 5.2).
    dpop_bound_access_tokens: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class OAuthGrant(Base):
    """What one user allows one app, until it is revoked."""

    __tablename__ = "oauth_grants"
    __table_args__ = (
        Index(
            "uq_oauth_grants_standing",
            "user_id",
            "client_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index("ix_oauth_grants_client_id", "client_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    client_id: Mapped[UUID] = mapped_column(ForeignKey("oauth_clients.id"))
    scope: Mapped[str]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class OAuthSpendingLimit(Base):
    """How much of one asset an app may spend for its user within 24 hours; without a row it may spend nothing."""

    __tablename__ = "oauth_spending_limits"
    __table_args__ = (CheckConstraint("daily_minor >= 0", name="limit_not_negative"),)

    grant_id: Mapped[UUID] = mapped_column(ForeignKey("oauth_grants.id"), primary_key=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), primary_key=True)
    daily_minor: Mapped[int] = mapped_column(MinorUnits)


class OAuthSpending(Base):
    """One amount, fee included, that an app spent under a grant."""

    __tablename__ = "oauth_spendings"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_is_positive"),
        Index("ix_oauth_spendings_grant_id_asset_id_at", "grant_id", "asset_id", "at"),
    )

    flow_id: Mapped[UUID] = mapped_column(ForeignKey("flows.group_id"), primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("oauth_grants.id"))
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"))
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    at: Mapped[datetime]


class OAuthFamily(Base):
    """One authorization, with all tokens that descend from it and are revoked with it."""

    __tablename__ = "oauth_families"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("oauth_grants.id"), index=True)
    scope: Mapped[str]
    audience: Mapped[list[str]]
    # When the user last proved a key, for the ID token.
    auth_time: Mapped[datetime]
    # The thumbprint of the key that its refresh tokens are bound to (RFC 9449 5).
    dpop_jkt: Mapped[str | None]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_because: Mapped[str | None]


class OAuthCode(Base):
    """An authorization code (RFC 6749 4.1), with the challenge (RFC 7636) that its redeemer must answer."""

    __tablename__ = "oauth_codes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    family_id: Mapped[UUID] = mapped_column(ForeignKey("oauth_families.id"), unique=True)
    redirect_uri: Mapped[str]
    code_challenge: Mapped[str]
    nonce: Mapped[str | None]
    # The thumbprint of the key that it is bound to (RFC 9449 10).
    dpop_jkt: Mapped[str | None]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    redeemed_at: Mapped[datetime | None]


class OAuthDeviceCode(Base):
    """A device's request for authorization (RFC 8628) until a person decides it and the device fetches its tokens."""

    __tablename__ = "oauth_device_codes"
    __table_args__ = (
        CheckConstraint("decision IS NULL OR decision IN ('approved', 'denied')", name="decision_is_known"),
        CheckConstraint(
            "(decision IS NOT DISTINCT FROM 'approved') = (family_id IS NOT NULL)", name="approved_has_a_family"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    device_code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("oauth_clients.id"), index=True)
    scope: Mapped[str]
    audience: Mapped[list[str]]
    interval_s: Mapped[int]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    polled_at: Mapped[datetime | None]
    decision: Mapped[str | None]
    family_id: Mapped[UUID | None] = mapped_column(ForeignKey("oauth_families.id"), index=True)
    redeemed_at: Mapped[datetime | None]


class OAuthAccessToken(Base):
    """An access token (RFC 9068), by its id; the token itself is not stored."""

    __tablename__ = "oauth_access_tokens"

    jti: Mapped[UUID] = mapped_column(primary_key=True)
    family_id: Mapped[UUID] = mapped_column(ForeignKey("oauth_families.id"), index=True)
    scope: Mapped[str]
    audience: Mapped[list[str]]
    # The thumbprint of the key that it is bound to (RFC 9449 6).
    dpop_jkt: Mapped[str | None]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class OAuthRefreshToken(Base):
    """A refresh token; a family's valid one is the one not redeemed. Spent ones are deleted after a day."""

    __tablename__ = "oauth_refresh_tokens"
    __table_args__ = (
        UniqueConstraint("predecessor_id"),
        Index(
            "uq_oauth_refresh_tokens_lost_hash",
            "lost_hash",
            unique=True,
            postgresql_where=text("lost_hash IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    family_id: Mapped[UUID] = mapped_column(ForeignKey("oauth_families.id"), index=True)
    # The token that this one replaced.
    predecessor_id: Mapped[UUID | None] = mapped_column(ForeignKey("oauth_refresh_tokens.id", ondelete="SET NULL"))
    # Whether the token names its family, so that it is recognised without this row; older ones do not.
    tells_family: Mapped[bool] = mapped_column(server_default=text("false"))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    redeemed_at: Mapped[datetime | None]
    # When it was issued a second time, because the first answer may have been lost.
    reissued_at: Mapped[datetime | None]
    # Its hash in that first answer, whose use shows that the answer was not lost, or that a token was stolen.
    lost_hash: Mapped[bytes | None] = mapped_column(LargeBinary)


class OAuthDpopProof(Base):
    """A DPoP proof (RFC 9449) that was used while Redis, which usually remembers them, was down."""

    __tablename__ = "oauth_dpop_proofs"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class OAuthSigningKey(Base):
    """A key that signs tokens; its private half is sealed with the secret key of this installation."""

    __tablename__ = "oauth_signing_keys"

    kid: Mapped[str] = mapped_column(primary_key=True)
    public_jwk: Mapped[dict[str, Any]]
    sealed_private_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    signs_from: Mapped[datetime] = mapped_column(index=True)
    # It is published until then, because tokens that it signed may still be valid.
    retired_at: Mapped[datetime | None]
