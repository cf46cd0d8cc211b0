"""Refresh tokens (RFC 6749 6, RFC 9700 4.14): each is good once, and a replay revokes its whole family."""

from typing import Any, ClassVar, NoReturn
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant
from sqlalchemy import select, text

from auth.oauth import grants, refresh_secrets, tokens
from auth.oauth.clients import AUTH_METHODS, Client
from auth.oauth.issuing import Server, no_longer
from auth.oauth.provider import GRACE, REFRESH_LIFETIME, SIMULTANEOUS, digest
from auth.oauth.requests import ProtocolRequest
from auth.oauth.tokens import Found, Lineage
from models.oauth import OAuthRefreshToken
from models.prepared import Prepared


class SimultaneousRefreshError(OAuth2Error):  # type: ignore[misc]  # Authlib is not typed
    """Another request has just redeemed this token: whoever lost its answer asks again in two seconds."""

    error = "temporarily_unavailable"
    status_code = 503

    def get_headers(self) -> list[tuple[str, str]]:
        """The headers, with Retry-After."""
        headers: list[tuple[str, str]] = super().get_headers()
        return [*headers, ("Retry-After", str(int(SIMULTANEOUS.total_seconds()) + 1))]


class Refresh:
    """A refresh token, in Authlib's interface."""

    def __init__(self, found: Found, row: OAuthRefreshToken, *, was_replaced: bool) -> None:
        self.found, self.row, self.was_replaced = found, row, was_replaced

    def check_client(self, client: Client) -> bool:
        """Whether it was issued to this app."""
        return bool(self.found.client.id == client.row.id)

    def get_scope(self) -> str:
        """Its scope, as far as its user still grants it."""
        return self.found.scope


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    """Authlib's refresh grant over our tables."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = list(AUTH_METHODS)
    server: Server
    request: ProtocolRequest

    def authenticate_refresh_token(self, refresh_token: str) -> Refresh | None:
        """The token, whatever its state; whether it is valid is checked when it is claimed."""
        session, provider = self.server.session, self.server.provider
        found = tokens.shown(session, provider, refresh_token)
        was_replaced = found is None
        if found is None:
            found = tokens.replaced(session, provider, refresh_token)
        if found is None or not isinstance(found.row, OAuthRefreshToken):
            return None
        return Refresh(found, found.row, was_replaced=was_replaced)

    def authenticate_user(self, refresh_token: Refresh) -> Lineage:
        """Claim the token; the app is authenticated as the one that it was issued to.

        Raises Authlib's InvalidGrantError, InvalidTargetError, DpopProofMissingError, SimultaneousRefreshError.
        """
        found, server = refresh_token.found, self.server
        audience = server.audience(self.request.resources, found.family.audience)
        if found.family.revoked_at or found.grant.revoked_at:
            no_longer()
        server.check_key(self.request.client, found.family.dpop_jkt)
        if refresh_token.was_replaced:
            # Two parties have the same token, and only one of them is the app.
            self._end(refresh_token.row.family_id)
        self._successor = self._claim(refresh_token.row)
        server.keep_key(self.request.client, found.family)
        return Lineage(found.client, found.grant.user_id, found.family, audience)

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        """Issue new tokens for an old one."""
        status, token, headers = super().create_token_response()
        token["refresh_token"] = self._successor
        family_id = self.request.refresh_token.found.family.id
        client_id = self.request.client.row.client_id
        self.server.note("oauth.token_issued", client_id=client_id, family_id=str(family_id), by="refresh")
        return status, token, headers

    def revoke_old_credential(self, refresh_token: Refresh) -> None:
        """Do nothing: it was spent when it was claimed."""

    def _claim(self, row: OAuthRefreshToken) -> str:
        """Spend the token and return its successor: new, or in the grace period the unused one with a new secret."""
        session, now = self.server.session, self.server.now
        if _CLAIM.rows(session, row.id, now):
            return tokens.issue_refresh(session, self.server.provider, row.family_id, predecessor_id=row.id, now=now)
        redeemed_at = session.scalar(select(OAuthRefreshToken.redeemed_at).where(OAuthRefreshToken.id == row.id))
        if redeemed_at is None:
            no_longer()
        since = now - redeemed_at
        if since <= SIMULTANEOUS:
            raise SimultaneousRefreshError("Another request has just redeemed this token. Ask again in 3 seconds")
        if since <= GRACE:
            token = refresh_secrets.new(self.server.provider, row.family_id)
            parameters = {"id": row.id, "hash": digest(token), "now": now, "expires_at": now + REFRESH_LIFETIME}
            if session.execute(_REISSUE, parameters).first() is not None:
                return token
        return self._end(row.family_id)

    def _end(self, family_id: UUID) -> NoReturn:
        """Revoke a family of which somebody else has a token. Raises InvalidGrantError."""
        grants.revoke_family(self.server.session, family_id, reason="refresh_token_replayed", now=self.server.now)
        client_id = self.request.client.row.client_id
        self.server.note("oauth.replay", success=False, client_id=client_id, family_id=str(family_id))
        no_longer()


_CLAIM = Prepared(
    "refresh_token_claimed",
    "uuid, timestamptz",
    "UPDATE oauth_refresh_tokens SET redeemed_at = $2 "
    "WHERE id = $1 AND redeemed_at IS NULL AND expires_at > $2 RETURNING id",
)
# The unused successor gets a new secret, and the lost one becomes invalid. It stays known, for nothing proves that
# it was lost: a thief of the predecessor may have claimed so to lock the app out.
_REISSUE = text(
    """
    UPDATE oauth_refresh_tokens
    SET lost_hash = token_hash, token_hash = :hash, reissued_at = :now, expires_at = :expires_at
    WHERE predecessor_id = :id AND redeemed_at IS NULL AND reissued_at IS NULL RETURNING id
    """
)
