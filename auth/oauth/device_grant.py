"""Authorization for tools without a browser (RFC 8628): a short code that a person types, and a device that polls."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from auth.oauth import grants, scopes, tokens
from auth.oauth.clients import AUTH_METHODS, DEVICE_CODE, Client
from auth.oauth.issuing import Server, no_longer
from auth.oauth.provider import DEVICE_LIFETIME, POLL_INTERVAL_S, digest, new_secret
from auth.oauth.requests import ProtocolRequest
from auth.oauth.tokens import Lineage
from domain.errors import StrongroomError
from domain.ids import new_id
from models.oauth import OAuthClient, OAuthDeviceCode, OAuthFamily, OAuthGrant

# RFC 8628 6.1: no vowels, so that no code spells a word. 20^8 codes, each valid for ten minutes.
_ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
_HALF: Final = 4
_SLOWER_S: Final = 5


class UserCodeNotFound(StrongroomError):
    """No device waits for this code: it was mistyped, has expired or was used already."""

    code: ClassVar[str] = "user_code_not_found"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device that waits for a person."""

    row: OAuthDeviceCode
    client: OAuthClient


class DeviceEndpoint(DeviceAuthorizationEndpoint):  # type: ignore[misc]  # Authlib is not typed
    """The endpoint at which a device gets its codes."""

    CLIENT_AUTH_METHODS: ClassVar[list[str]] = list(AUTH_METHODS)
    EXPIRES_IN = int(DEVICE_LIFETIME.total_seconds())
    INTERVAL = POLL_INTERVAL_S
    server: Server

    def create_endpoint_response(self, request: ProtocolRequest) -> tuple[int, dict[str, Any], Any]:
        """Issue both codes. Refuses apps and scopes that are not registered for this."""
        client: Client = self.authenticate_client(request)
        if not client.check_grant_type(DEVICE_CODE):
            raise UnauthorizedClientError("The client did not register for the device flow")
        if client.get_allowed_scope(request.payload.scope) is None:
            raise InvalidScopeError
        self._request = request
        self.server.audience(request.resources)
        answer: tuple[int, dict[str, Any], Any] = super().create_endpoint_response(request)
        return answer

    def generate_device_code(self) -> str:
        """A code of 256 random bits."""
        return new_secret()

    def generate_user_code(self) -> str:
        """A code that a person can type."""
        return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_HALF)) for _ in range(2))

    def get_verification_uri(self) -> str:
        """Where the person types it."""
        return f"{self.server.provider.issuer}/device"

    def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
        """Store the hashes of both codes."""
        now = self.server.now
        self.server.session.add(
            OAuthDeviceCode(
                id=new_id(),
                device_code_hash=digest(data["device_code"]),
                user_code_hash=digest(_normal(data["user_code"])),
                client_id=self._request.client.row.id,
                scope=scopes.spell(scope.split()),
                audience=self.server.audience(self._request.resources),
                interval_s=POLL_INTERVAL_S,
                issued_at=now,
                expires_at=now + DEVICE_LIFETIME,
            )
        )
        self.server.session.flush()
        self.server.note("oauth.device_code_issued", client_id=client_id)


class Credential:
    """A device code, in Authlib's interface."""

    def __init__(self, row: OAuthDeviceCode, client: OAuthClient, now: datetime) -> None:
        self.row, self._client, self._now = row, client, now

    def get_client_id(self) -> str:
        """The app that it was issued to."""
        return self._client.client_id

    def get_scope(self) -> str:
        """The scope asked for."""
        return self.row.scope

    def is_expired(self) -> bool:
        """Whether the person took too long."""
        return self.row.expires_at <= self._now

    def get_user_code(self) -> OAuthDeviceCode:
        """The value that Authlib passes to `query_user_grant`."""
        return self.row


class DeviceGrant(DeviceCodeGrant):  # type: ignore[misc]
    """Authlib's device grant over our tables."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = list(AUTH_METHODS)
    server: Server
    request: ProtocolRequest

    def query_device_credential(self, device_code: str) -> Credential:
        """The code, if it was ever issued. Raises Authlib's InvalidGrantError."""
        row = self.server.session.execute(
            select(OAuthDeviceCode, OAuthClient)
            .join(OAuthClient, OAuthClient.id == OAuthDeviceCode.client_id)
            .where(OAuthDeviceCode.device_code_hash == digest(device_code))
        ).one_or_none()
        if row is None:
            raise InvalidGrantError("The device code is not one of ours")
        return Credential(*row, self.server.now)

    def query_user_grant(self, user_code: OAuthDeviceCode) -> tuple[Lineage | None, bool] | None:
        """The person's decision, or None while there is none."""
        if user_code.decision is None:
            return None
        if user_code.decision == "denied":
            return None, False
        family, grant, client = self.server.session.execute(
            select(OAuthFamily, OAuthGrant, OAuthClient)
            .join(OAuthGrant, OAuthGrant.id == OAuthFamily.grant_id)
            .join(OAuthClient, OAuthClient.id == OAuthGrant.client_id)
            .where(OAuthFamily.id == user_code.family_id)
        ).one()
        audience = self.server.audience(self.request.resources, family.audience)
        return Lineage(client, grant.user_id, family, audience), True

    def should_slow_down(self, credential: Credential) -> bool:
        """Whether the device polls too fast; if so, its interval is prolonged."""
        parameters = {"id": credential.row.id, "now": self.server.now, "slower": _SLOWER_S}
        return bool(self.server.session.execute(_POLL, parameters).scalar_one())

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        """Claim the code and answer with tokens. Raises Authlib's InvalidGrantError, DpopProofMissingError."""
        lineage: Lineage = self.request.user
        session, now = self.server.session, self.server.now
        self.server.check_key(self.request.client, None)
        if session.execute(_CLAIM, {"id": self.request.credential.row.id, "now": now}).first() is None:
            no_longer()
        self.server.keep_key(self.request.client, lineage.family)
        status, token, headers = super().create_token_response()
        if self.request.client.check_grant_type("refresh_token"):
            token["refresh_token"] = tokens.issue_refresh(
                session, self.server.provider, lineage.family.id, predecessor_id=None, now=now
            )
        client_id, family_id = lineage.client.client_id, str(lineage.family.id)
        self.server.note("oauth.token_issued", client_id=client_id, family_id=family_id, by="device")
        return status, token, headers


def waiting(session: Session, user_code: str, *, now: datetime) -> Waiting:
    """The device that waits with this code, locked. Raises UserCodeNotFound."""
    row = session.execute(
        select(OAuthDeviceCode, OAuthClient)
        .join(OAuthClient, OAuthClient.id == OAuthDeviceCode.client_id)
        .where(
            OAuthDeviceCode.user_code_hash == digest(_normal(user_code)),
            OAuthDeviceCode.decision.is_(None),
            OAuthDeviceCode.expires_at > now,
            OAuthClient.disabled_at.is_(None),
        )
        .with_for_update(of=OAuthDeviceCode)
    ).one_or_none()
    if row is None:
        raise UserCodeNotFound
    return Waiting(*row)


def approve(session: Session, asked: Waiting, *, grant_id: UUID, auth_time: datetime, now: datetime) -> None:
    """Approve the device's request for tokens."""
    audience: Sequence[str] = asked.row.audience
    family = grants.open_family(
        session, grant_id, scope=asked.row.scope, audience=audience, auth_time=auth_time, now=now
    )
    asked.row.family_id = family.id
    asked.row.decision = "approved"
    session.flush()


def deny(session: Session, asked: Waiting) -> None:
    """Deny the device's request."""
    asked.row.decision = "denied"
    session.flush()


def _normal(user_code: str) -> str:
    return "".join(character for character in user_code.upper() if character in _ALPHABET)


_POLL = text(
    """
    WITH before AS (SELECT id, polled_at, interval_s FROM oauth_device_codes WHERE id = :id FOR UPDATE)
    UPDATE oauth_device_codes AS code
    SET polled_at = :now,
        interval_s = before.interval_s + CASE WHEN before.polled_at > CAST(:now AS timestamptz)
            - make_interval(secs => before.interval_s) THEN :slower ELSE 0 END
    FROM before WHERE code.id = before.id
    RETURNING code.interval_s > before.interval_s
    """
)
_CLAIM = text(
    """
    UPDATE oauth_device_codes SET redeemed_at = :now
    WHERE id = :id AND redeemed_at IS NULL AND expires_at > :now AND EXISTS (
        SELECT FROM oauth_families f JOIN oauth_grants g ON g.id = f.grant_id
        WHERE f.id = oauth_device_codes.family_id AND f.revoked_at IS NULL AND g.revoked_at IS NULL)
    RETURNING id
    """
)
