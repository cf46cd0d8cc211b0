"""Apps as their developers register them (RFC 7591), and what Authlib asks of one."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit
from uuid import UUID

from authlib.oauth2.rfc6749 import ClientMixin
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from auth import invalidation
from auth.oauth import redirects, scopes
from auth.oauth.provider import digest, new_secret
from domain.errors import StrongroomError
from domain.ids import new_id, short_id
from models.copies import columns, copies
from models.oauth import OAuthClient
from models.prepared import Prepared

DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_TYPES: Final = ("authorization_code", "refresh_token", DEVICE_CODE)
AUTH_METHODS: Final = ("client_secret_basic", "client_secret_post", "none")
ALGORITHMS: Final = ("RS256", "HS256")
NAME_LENGTH_MAX: Final = 80
REDIRECT_URIS_MAX: Final = 10
CLIENTS_PER_DEVELOPER_MAX: Final = 50
_URI_LENGTH_MAX: Final = 255
DEFAULT_SCOPE: Final = "openid profile:read wallet:read"


class InvalidClientMetadata(StrongroomError):
    """The app's metadata cannot be registered; the message names the field and the reason (RFC 7591)."""

    code: ClassVar[str] = "invalid_client_metadata"


class InvalidRedirectUri(StrongroomError):
    """The redirect URI cannot be registered (RFC 7591)."""

    code: ClassVar[str] = "invalid_redirect_uri"


class TooManyClients(StrongroomError):
    """You have reached the maximum of registered apps: remove one first."""

    code: ClassVar[str] = "too_many_clients"


class ClientNotFound(StrongroomError):
    """This app does not exist, or is not yours."""

    code: ClassVar[str] = "client_not_found"


@dataclass(frozen=True, slots=True)
class Registered:
    """An app with its secret, which cannot be read again; a public app has none."""

    client: OAuthClient
    secret: str | None


class Client(ClientMixin):  # type: ignore[misc]  # Authlib is not typed
    """One app, as Authlib asks about it."""

    def __init__(self, row: OAuthClient) -> None:
        self.row = row

    def get_client_id(self) -> str:
        """The client id."""
        return self.row.client_id

    def get_default_redirect_uri(self) -> None:
        """None: every request must name its redirect URI."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scope asked for, or None when it is empty or more than the app registered."""
        return scopes.spell(scope.split()) if scope and scopes.covers(self.row.scope, scope) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether an answer may go there."""
        return redirects.allowed(redirect_uri, self.row.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is the app's secret."""
        kept = self.row.secret_hash
        return kept is not None and hmac.compare_digest(kept, digest(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - Authlib's signature
        """Whether the app registered this way to authenticate; it holds for every endpoint."""
        return bool(self.row.auth_method == method)

    def check_response_type(self, response_type: str) -> bool:
        """Whether the app may use the authorization endpoint for this."""
        return response_type == "code" and self.check_grant_type("authorization_code")

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether the app registered this grant type."""
        return grant_type in self.row.grant_types


def register(session: Session, metadata: Mapping[str, Any], *, owner_id: UUID | None, now: datetime) -> Registered:
    """Register an app. Raises InvalidClientMetadata, InvalidRedirectUri, TooManyClients."""
    if owner_id is not None and _count(session, owner_id) >= CLIENTS_PER_DEVELOPER_MAX:
        raise TooManyClients
    grant_types = _listed(metadata, "grant_types", GRANT_TYPES, ("authorization_code", "refresh_token"))
    auth_method = _one(metadata, "token_endpoint_auth_method", AUTH_METHODS, "client_secret_basic")
    if _texts(metadata, "response_types", ("code",)) not in (("code",), ()):
        raise InvalidClientMetadata("response_types: can only be code")
    secret = None if auth_method == "none" else new_secret()
    identifier = new_id()
    row = OAuthClient(
        id=identifier,
        client_id=f"app-{short_id(identifier)}",
        owner_id=owner_id,
        name=_name(metadata),
        client_uri=_home(metadata),
        auth_method=auth_method,
        secret_hash=digest(secret) if secret is not None else None,
        secret_set_at=now if secret is not None else None,
        redirect_uris=list(_redirect_uris(metadata, needed="authorization_code" in grant_types)),
        grant_types=list(grant_types),
        scope=_scope(metadata),
        access_token_alg=_one(metadata, "access_token_signed_response_alg", ALGORITHMS, "RS256"),
        dpop_bound_access_tokens=_flag(metadata, "dpop_bound_access_tokens"),
        created_at=now,
    )
    session.add(row)
    session.flush()
    return Registered(row, secret)


_FIND = Prepared(
    "oauth_client_by_name",
    "text",
    f"SELECT {columns(c=OAuthClient)} FROM oauth_clients c WHERE client_id = $1 AND disabled_at IS NULL",  # noqa: S608
)


def find(session: Session, client_id: str) -> Client | None:
    """The app with this client id (a copy), unless it was removed."""
    for row in _FIND.rows(session, client_id):
        return Client(*copies(row, OAuthClient))
    return None


def owned(session: Session, owner_id: UUID) -> Sequence[OAuthClient]:
    """The apps of a developer, newest first."""
    return session.scalars(
        select(OAuthClient)
        .where(OAuthClient.owner_id == owner_id, OAuthClient.disabled_at.is_(None))
        .order_by(OAuthClient.id.desc())
    ).all()


def own(session: Session, client_id: str, *, owner_id: UUID) -> OAuthClient:
    """One app of a developer, locked. Raises ClientNotFound."""
    row = session.scalars(
        select(OAuthClient)
        .where(OAuthClient.client_id == client_id, OAuthClient.owner_id == owner_id, OAuthClient.disabled_at.is_(None))
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise ClientNotFound
    return row


def rotate_secret(session: Session, client_id: str, *, owner_id: UUID, now: datetime) -> Registered:
    """Replace an app's secret; the old one stops working at once. Raises ClientNotFound, InvalidClientMetadata."""
    row = own(session, client_id, owner_id=owner_id)
    if row.auth_method == "none":
        raise InvalidClientMetadata("a public app has no secret")
    secret = new_secret()
    row.secret_hash, row.secret_set_at = digest(secret), now
    session.flush()
    return Registered(row, secret)


def remove(session: Session, client_id: str, *, owner_id: UUID, now: datetime) -> OAuthClient:
    """Remove an app; its tokens stop working at once. Raises ClientNotFound."""
    row = own(session, client_id, owner_id=owner_id)
    row.disabled_at = now
    session.flush()
    invalidation.note_ended(session, client_id)
    return row


def describe(row: OAuthClient) -> dict[str, Any]:
    """An app's metadata in the form of RFC 7591, without its secret."""
    return {
        "client_id": row.client_id,
        "client_id_issued_at": int(row.created_at.timestamp()),
        "client_name": row.name,
        **({"client_uri": row.client_uri} if row.client_uri else {}),
        "redirect_uris": row.redirect_uris,
        "grant_types": row.grant_types,
        "response_types": ["code"] if "authorization_code" in row.grant_types else [],
        "token_endpoint_auth_method": row.auth_method,
        "scope": row.scope,
        "access_token_signed_response_alg": row.access_token_alg,
        "dpop_bound_access_tokens": row.dpop_bound_access_tokens,
    }


def _count(session: Session, owner_id: UUID) -> int:
    return (
        session.scalar(select(func.count()).where(OAuthClient.owner_id == owner_id, OAuthClient.disabled_at.is_(None)))
        or 0
    )


def _name(metadata: Mapping[str, Any]) -> str:
    name = _text(metadata, "client_name", "").strip()
    if not 1 <= len(name) <= NAME_LENGTH_MAX:
        raise InvalidClientMetadata(f"client_name: must have 1 to {NAME_LENGTH_MAX} characters")
    return name


def _home(metadata: Mapping[str, Any]) -> str | None:
    uri = _text(metadata, "client_uri", "")
    if not uri:
        return None
    if len(uri) > _URI_LENGTH_MAX or redirects.fault(uri) is not None or urlsplit(uri).scheme not in {"http", "https"}:
        raise InvalidClientMetadata("client_uri: must be an https address")
    return uri


def _redirect_uris(metadata: Mapping[str, Any], *, needed: bool) -> tuple[str, ...]:
    uris = _texts(metadata, "redirect_uris", ())
    if needed and not uris:
        raise InvalidRedirectUri("redirect_uris: name at least one address")
    if len(uris) > REDIRECT_URIS_MAX:
        raise InvalidRedirectUri(f"redirect_uris: {REDIRECT_URIS_MAX} addresses at most")
    for uri in uris:
        reason = redirects.fault(uri)
        if reason is not None:
            raise InvalidRedirectUri(f"redirect_uris: an address {reason}")
    return tuple(dict.fromkeys(uris))


def _scope(metadata: Mapping[str, Any]) -> str:
    asked = _text(metadata, "scope", DEFAULT_SCOPE)
    if not asked.split() or scopes.unknown(asked):
        raise InvalidClientMetadata(f"scope: must name some of {' '.join(scopes.SCOPES)}")
    return scopes.spell(asked.split())


def _text(metadata: Mapping[str, Any], name: str, default: str) -> str:
    value = metadata.get(name, default)
    if not isinstance(value, str) or not value.isprintable():
        raise InvalidClientMetadata(f"{name}: must be a text without invisible characters")
    return value


def _texts(metadata: Mapping[str, Any], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = metadata.get(name, list(default))
    if not isinstance(value, list) or not all(isinstance(item, str) and item.isprintable() for item in value):
        raise InvalidClientMetadata(f"{name}: must be a list of texts")
    return tuple(value)


def _flag(metadata: Mapping[str, Any], name: str) -> bool:
    value = metadata.get(name, False)
    if not isinstance(value, bool):
        raise InvalidClientMetadata(f"{name}: must be true or false")
    return value


def _one(metadata: Mapping[str, Any], name: str, choices: tuple[str, ...], default: str) -> str:
    value = _text(metadata, name, default)
    if value not in choices:
        raise InvalidClientMetadata(f"{name}: must be one of {', '.join(choices)}")
    return value


def _listed(
    metadata: Mapping[str, Any], name: str, choices: tuple[str, ...], default: tuple[str, ...]
) -> tuple[str, ...]:
    values = _texts(metadata, name, default)
    if not values or not set(values) <= set(choices):
        raise InvalidClientMetadata(f"{name}: must be some of {', '.join(choices)}")
    return tuple(choice for choice in choices if choice in values)
