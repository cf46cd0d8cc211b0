"""Revocation (RFC 7009) and introspection (RFC 7662), and a server with every grant and endpoint."""

from datetime import datetime
from typing import Any, ClassVar

from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from sqlalchemy import text
from sqlalchemy.orm import Session

from auth import invalidation
from auth.oauth import grants, tokens
from auth.oauth.clients import AUTH_METHODS, Client
from auth.oauth.code_grant import CodeGrant, S256Only
from auth.oauth.device_grant import DeviceEndpoint, DeviceGrant
from auth.oauth.dpop import Proof
from auth.oauth.issuing import BEARER, DPOP, Server
from auth.oauth.provider import Provider
from auth.oauth.refresh_grant import RefreshGrant
from auth.oauth.requests import ProtocolRequest
from auth.oauth.tokens import Found
from models.oauth import OAuthAccessToken


class Revocation(RevocationEndpoint):  # type: ignore[misc]  # Authlib is not typed
    """Revokes an app's token: a refresh token with its whole family, an access token alone."""

    CLIENT_AUTH_METHODS: ClassVar[list[str]] = list(AUTH_METHODS)
    server: Server

    def authenticate_token(self, request: ProtocolRequest, client: Client) -> Found | None:
        """The token, if it is this app's; another app's is ignored (RFC 7009 2.1)."""
        self.check_params(request, client)
        asked = (self.server.session, self.server.provider, request.form["token"])
        found = tokens.shown(*asked) or tokens.replaced(*asked)
        return found if found is not None and found.client.id == client.row.id else None

    def revoke_token(self, token: Found, request: ProtocolRequest) -> None:
        """Revoke it at once."""
        session, now = self.server.session, self.server.now
        if isinstance(token.row, OAuthAccessToken):
            session.execute(_REVOKE_ACCESS, {"jti": token.row.jti, "now": now})
            invalidation.note_ended(session, token.row.jti)
        else:
            grants.revoke_family(session, token.family.id, reason="revoked_by_client", now=now)
        self.server.note("oauth.token_revoked", client_id=request.client.row.client_id, kind=token.kind)


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    """Tells an authenticated app whether a token of its own is active."""

    CLIENT_AUTH_METHODS: ClassVar[list[str]] = ["client_secret_basic", "client_secret_post"]
    server: Server

    def authenticate_token(self, request: ProtocolRequest, client: Client) -> Found | None:
        """The token, if it is this app's."""
        self.check_params(request, client)
        found = tokens.shown(self.server.session, self.server.provider, request.form["token"])
        return found if found is not None and found.client.id == client.row.id else None

    def create_introspection_payload(self, token: Found | None) -> dict[str, Any]:
        """The token's facts; of an inactive one only `active: false`."""
        if token is None or not token.is_live(self.server.now):
            return {"active": False}
        is_access = isinstance(token.row, OAuthAccessToken)
        return {
            "active": True,
            "iss": self.server.provider.issuer,
            "sub": str(token.grant.user_id),
            "client_id": token.client.client_id,
            "scope": token.scope,
            "aud": token.row.audience if isinstance(token.row, OAuthAccessToken) else token.family.audience,
            "iat": int(token.row.issued_at.timestamp()),
            "exp": int(token.row.expires_at.timestamp()),
            **({"token_type": _kind(token), "jti": str(token.row.jti)} if is_access else {}),  # type: ignore[union-attr]
            **({"cnf": {"jkt": token.dpop_jkt}} if token.dpop_jkt is not None else {}),
        }


def server(session: Session, provider: Provider, *, now: datetime, proof: Proof | None = None) -> Server:
    """A server with every grant and endpoint, for one request and its DPoP proof."""
    made = Server(session, provider, now=now, proof=proof)
    made.register_grant(CodeGrant, [S256Only(required=True)])
    made.register_grant(RefreshGrant)
    made.register_grant(DeviceGrant)
    for endpoint in (Revocation, Introspection, DeviceEndpoint):
        made.register_endpoint(endpoint)
    return made


def _kind(token: Found) -> str:
    return BEARER if token.dpop_jkt is None else DPOP


_REVOKE_ACCESS = text("UPDATE oauth_access_tokens SET revoked_at = :now WHERE jti = :jti AND revoked_at IS NULL")
