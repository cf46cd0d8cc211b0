"""The authorization server: Authlib's, within one database transaction and at one time."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NoReturn

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidClientError, InvalidGrantError
from sqlalchemy.orm import Session

from auth.oauth import clients, keys, scopes, tokens
from auth.oauth.clients import Client
from auth.oauth.dpop import Proof
from auth.oauth.provider import ACCESS_LIFETIME, Provider
from auth.oauth.requests import Parameters, ProtocolRequest, Reply, check, named_by
from auth.oauth.tokens import Lineage
from models.deferred import Deferred
from models.oauth import OAuthFamily
from models.user import User

BEARER: Final = "Bearer"
DPOP: Final = "DPoP"


_BIND: Final = Deferred("family_bound", "uuid, text", "UPDATE oauth_families SET dpop_jkt = $2 WHERE id = $1")


class InvalidTargetError(OAuth2Error):  # type: ignore[misc]  # Authlib is not typed
    """The resource is not served here, or was not granted (RFC 8707)."""

    error = "invalid_target"


class DpopProofMissingError(OAuth2Error):  # type: ignore[misc]
    """The app, its code or its refresh token is bound to a key, and the request has no DPoP proof (RFC 9449 5)."""

    error = "invalid_dpop_proof"


class Server(AuthorizationServer):  # type: ignore[misc]
    """An authorization server for one request, in the caller's transaction, which also commits a refusal's writes."""

    def __init__(self, session: Session, provider: Provider, *, now: datetime, proof: Proof | None = None) -> None:
        super().__init__(scopes_supported=list(scopes.SCOPES))
        self.session = session
        self.provider = provider
        self.now = now
        self.proof = proof
        self.noted: list[tuple[str, bool, dict[str, str]]] = []
        """Lines for the audit log: event, success, detail."""
        self.client: Client | None = None
        """The app that makes the request; a public app is identified, not authenticated."""

    def note(self, event: str, *, success: bool = True, **detail: str) -> None:
        """Add a line for the audit log, which the edge writes in the same transaction."""
        self.noted.append((event, success, detail))

    def query_client(self, client_id: str) -> Client | None:
        """The app with this client id, which from a header may hold any characters."""
        return clients.find(self.session, client_id) if client_id.isprintable() else None

    def authenticate_client(self, request: ProtocolRequest, methods: list[str], endpoint: str = "token") -> Client:
        """Authenticate the app by the method that it registered. Raises Authlib's InvalidClientError."""
        named_by(request.headers)
        try:
            self.client = super().authenticate_client(request, methods, endpoint)
        except InvalidClientError as refusal:
            refusal.description = (
                "There is no such app, or this is not its secret, or not the way it registered to show it."
            )
            raise
        return self.client

    def create_oauth2_request(self, request: ProtocolRequest) -> ProtocolRequest:
        """The request unchanged: the edge has made it for Authlib."""
        return request

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Do nothing: signals are not used."""

    def answer(self, method: str, parameters: Parameters, headers: Mapping[str, str], endpoint: str) -> Reply:
        """Serve the token endpoint, or the one named."""
        request = ProtocolRequest(method, parameters, headers)
        try:
            check(parameters)
        except OAuth2Error as error:
            return self.refusal(error)
        reply: Reply = (
            self.create_token_response(request)
            if endpoint == "token"
            else self.create_endpoint_response(endpoint, request)
        )
        return reply

    def handle_response(self, status: int, body: Any, headers: Any) -> Reply:
        """An answer, with the issuer in every redirect (RFC 9207)."""
        told = dict(headers)
        location = told.pop("Location", None)
        if location is not None:
            location = add_params_to_uri(location, [("iss", self.provider.issuer)])
        return Reply(status, dict(body) if body else {}, told, location)

    def handle_error_response(self, request: Any, error: OAuth2Error) -> Reply:
        """An error response of the protocol."""
        reply = self.refusal(error)
        if reply.location is None:
            client_id = getattr(getattr(request, "payload", None), "client_id", None) or ""
            self.note("oauth.refused", success=False, reason=str(error.error), client_id=client_id[:80])
        return reply

    def refusal(self, error: OAuth2Error) -> Reply:
        """An error response of the protocol."""
        status, body, headers = error()
        return self.handle_response(status, body, headers)

    # ------------------------------------------------------------------------------------------ what is issued

    def generate_token(  # noqa: PLR0917
        self,
        grant_type: str,  # noqa: ARG002 - Authlib's signature
        client: Client,  # noqa: ARG002
        user: Lineage,
        scope: str,
        expires_in: int | None = None,  # noqa: ARG002
        include_refresh_token: bool = True,  # noqa: ARG002, FBT001, FBT002
    ) -> dict[str, Any]:
        """The answer of the token endpoint but for the refresh token, which each way of getting one adds."""
        spelled = scopes.spell(scope.split())
        jkt = self.proof.jkt if self.proof is not None else None
        access = tokens.issue_access(self.session, self.provider, user, scope=spelled, now=self.now, dpop_jkt=jkt)
        token: dict[str, Any] = {
            "access_token": access,
            "token_type": BEARER if jkt is None else DPOP,
            "expires_in": int(ACCESS_LIFETIME.total_seconds()),
            "scope": spelled,
        }
        if "openid" in spelled.split():
            token["id_token"] = self._id_token(user, access)
        return token

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        """Nothing more: what is kept of a token was kept when it was made."""

    def audience(self, asked: list[str], allowed: list[str] | None = None) -> list[str]:
        """The resources that a token is for. Raises InvalidTargetError."""
        possible = list(self.provider.resources) if allowed is None else allowed
        if not set(asked) <= set(possible):
            raise InvalidTargetError("The resource is not one that tokens of this request can be for")
        return [resource for resource in possible if resource in asked] if asked else possible

    def check_key(self, client: Client, bound_to: str | None) -> None:
        """Refuse a request for tokens by who does not prove to hold the key that it needs (RFC 9449 5, 10).

        Raises DpopProofMissingError, Authlib's InvalidGrantError.
        """
        jkt = self.proof.jkt if self.proof is not None else None
        if jkt is None and (bound_to is not None or client.row.dpop_bound_access_tokens):
            raise DpopProofMissingError("A DPoP proof is needed here")
        if bound_to not in {None, jkt}:
            raise InvalidGrantError("It is bound to another key than the one of the DPoP proof")

    def keep_key(self, client: Client, family: OAuthFamily) -> None:
        """Bind the refresh tokens of an app that has no secret to its key: nothing else protects them."""
        if self.proof is not None and client.row.auth_method == "none":
            _BIND.later(self.session, family.id, self.proof.jkt)

    def _id_token(self, lineage: Lineage, access: str) -> str:
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims: dict[str, Any] = {
            "iss": self.provider.issuer,
            "sub": str(lineage.user_id),
            "aud": lineage.client.client_id,
            "azp": lineage.client.client_id,
            "iat": int(self.now.timestamp()),
            "exp": int((self.now + ACCESS_LIFETIME).timestamp()),
            "auth_time": int(lineage.family.auth_time.timestamp()),
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
        }
        if lineage.nonce is not None:
            claims["nonce"] = lineage.nonce
        return keys.sign(self.session, self.provider, claims, kind="JWT", now=self.now)


def claims_of(user: User, scope: frozenset[str]) -> dict[str, str]:
    """What an app may know of a user (OpenID Connect Core 5.3)."""
    known = {"sub": str(user.id)}
    if "profile:read" in scope:
        known["public_key"] = user.public_key
        if user.display_name:
            known["name"] = user.display_name
    return known


def no_longer() -> NoReturn:
    """Refuse what was spent, expired or revoked. Raises Authlib's InvalidGrantError."""
    raise InvalidGrantError("It was used, has expired or was revoked")
