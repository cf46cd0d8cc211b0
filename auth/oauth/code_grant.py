"""Authorization codes (RFC 6749 4.1): PKCE S256 for every client, and one redemption however many are tried at once."""

import re
from typing import Any, ClassVar, Final

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from sqlalchemy import select, text

from auth.oauth import grants, tokens
from auth.oauth.clients import AUTH_METHODS, Client
from auth.oauth.freshness import Wish, wish_of
from auth.oauth.issuing import Server, no_longer
from auth.oauth.provider import CODE_LIFETIME, SIMULTANEOUS, digest, new_secret
from auth.oauth.requests import ProtocolRequest
from auth.oauth.tokens import Lineage
from domain.ids import new_id
from models.oauth import OAuthCode, OAuthFamily, OAuthGrant

NONCE_LENGTH_MAX: Final = 255
_CHALLENGE_LENGTH: Final = 43
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_THUMBPRINT_OF_NOTHING: Final = "-" * 43


class S256Only(CodeChallenge):  # type: ignore[misc]  # Authlib is not typed
    """PKCE (RFC 7636), required for every client and never `plain` (RFC 9700)."""

    SUPPORTED_CODE_CHALLENGE_METHOD: ClassVar[list[str]] = ["S256"]

    def validate_code_challenge(self, grant: "CodeGrant", redirect_uri: str) -> None:
        """Refuse a request without a challenge, or with one that is not a SHA-256."""
        data = grant.request.payload.data
        if not data.get("code_challenge"):
            raise InvalidRequestError("code_challenge is missing: PKCE is required")
        if data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("code_challenge_method must be S256")
        if len(data["code_challenge"]) != _CHALLENGE_LENGTH:
            raise InvalidRequestError("code_challenge is not a SHA-256")
        super().validate_code_challenge(grant, redirect_uri)


class Code:
    """An issued code, in Authlib's interface."""

    code_challenge_method = "S256"

    def __init__(self, row: OAuthCode, family: OAuthFamily, grant: OAuthGrant) -> None:
        self.row, self.family, self.grant = row, family, grant
        self.code_challenge = row.code_challenge

    def get_redirect_uri(self) -> str:
        """The redirect URI that it was sent to."""
        return self.row.redirect_uri

    def get_scope(self) -> str:
        """Its scope."""
        return self.family.scope


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """Authlib's authorization code grant over our tables."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = list(AUTH_METHODS)
    server: Server
    request: ProtocolRequest
    wish: Wish

    def validate_authorization_request(self) -> str:
        """Check a request and return its redirect URI. Also refuses contradictory or unsupported parameters."""
        redirect_uri: str = super().validate_authorization_request()
        try:
            self._check()
        except OAuth2Error as error:
            error.redirect_uri = redirect_uri
            raise
        return redirect_uri

    def generate_authorization_code(self) -> str:
        """A code of 256 random bits."""
        return new_secret()

    def save_authorization_code(self, code: str, request: ProtocolRequest) -> None:
        """Store the code's hash, and begin the authorization that its tokens will descend from."""
        approval = request.user
        family = grants.open_family(
            self.server.session,
            approval.grant_id,
            scope=request.scope,
            audience=self.server.audience(request.resources),
            auth_time=approval.auth_time,
            now=self.server.now,
        )
        self.server.session.add(
            OAuthCode(
                id=new_id(),
                code_hash=digest(code),
                family_id=family.id,
                redirect_uri=request.payload.redirect_uri,
                code_challenge=request.payload.data["code_challenge"],
                nonce=request.payload.data.get("nonce"),
                dpop_jkt=request.payload.data.get("dpop_jkt"),
                issued_at=self.server.now,
                expires_at=self.server.now + CODE_LIFETIME,
            )
        )
        self.server.session.flush()
        self.server.note("oauth.code_issued", client_id=request.client.get_client_id(), scope=request.scope)

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        """The code, if it was issued to this app; whether it is still valid is checked when it is claimed."""
        row = self.server.session.execute(
            select(OAuthCode, OAuthFamily, OAuthGrant)
            .join(OAuthFamily, OAuthFamily.id == OAuthCode.family_id)
            .join(OAuthGrant, OAuthGrant.id == OAuthFamily.grant_id)
            .where(OAuthCode.code_hash == digest(code), OAuthGrant.client_id == client.row.id)
        ).one_or_none()
        return Code(*row) if row is not None else None

    def authenticate_user(self, authorization_code: Code) -> Lineage:
        """Claim the code; the app is authenticated and has passed PKCE. Raises InvalidGrantError."""
        server = self.server
        audience = server.audience(self.request.resources, authorization_code.family.audience)
        server.check_key(self.request.client, authorization_code.row.dpop_jkt)
        self._claim(authorization_code)
        server.keep_key(self.request.client, authorization_code.family)
        return Lineage(
            self.request.client.row,
            authorization_code.grant.user_id,
            authorization_code.family,
            audience,
            authorization_code.row.nonce,
        )

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        """The tokens, with a refresh token if the app registered for that grant type."""
        status, token, headers = super().create_token_response()
        client: Client = self.request.client
        family: OAuthFamily = self.request.authorization_code.family
        if client.check_grant_type("refresh_token"):
            session = self.server.session
            token["refresh_token"] = tokens.issue_refresh(
                session, self.server.provider, family.id, predecessor_id=None, now=self.server.now
            )
        self.server.note("oauth.token_issued", client_id=client.row.client_id, family_id=str(family.id), by="code")
        return status, token, headers

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Do nothing: a used code stays on record, so that a replay is recognised."""

    def _check(self) -> None:
        asked, server = self.request.payload.data, self.server
        server.audience(self.request.resources)
        if len(asked.get("nonce", "")) > NONCE_LENGTH_MAX:
            raise InvalidRequestError("nonce is too long")
        if not _THUMBPRINT.fullmatch(asked.get("dpop_jkt", _THUMBPRINT_OF_NOTHING)):
            raise InvalidRequestError("dpop_jkt is not the SHA-256 thumbprint of a key")
        if asked.get("response_mode", "query") != "query":
            raise InvalidRequestError("response_mode can only be query")
        for name in ("request", "request_uri", "registration"):
            # OpenID Connect Core 3.1.2.6 has an error of its own for each unsupported parameter.
            if name in asked:
                raise OAuth2Error(error=f"{name}_not_supported")
        client_id = self.request.client.get_client_id()
        self.wish = wish_of(server.session, server.provider, asked, client_id=client_id)

    def _claim(self, code: Code) -> None:
        session, now = self.server.session, self.server.now
        if session.execute(_CLAIM, {"id": code.row.id, "now": now}).first() is not None:
            return
        session.refresh(code.row)
        redeemed_at = code.row.redeemed_at
        if redeemed_at is not None and now - redeemed_at > SIMULTANEOUS:
            # RFC 6749 4.1.2: a code that comes twice may have been stolen, and so may the tokens.
            grants.revoke_family(session, code.family.id, reason="code_replayed", now=now)
            client_id = self.request.client.row.client_id
            self.server.note("oauth.replay", success=False, client_id=client_id, family_id=str(code.family.id))
        no_longer()


_CLAIM = text(
    """
    UPDATE oauth_codes SET redeemed_at = :now
    WHERE id = :id AND redeemed_at IS NULL AND expires_at > :now AND EXISTS (
        SELECT FROM oauth_families f JOIN oauth_grants g ON g.id = f.grant_id
        WHERE f.id = oauth_codes.family_id AND f.revoked_at IS NULL AND g.revoked_at IS NULL)
    RETURNING id
    """
)
