"""What the OAuth endpoints take and answer, for their description."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import marshmallow as ma

from auth.oauth import metadata
from auth.oauth.clients import ALGORITHMS, AUTH_METHODS, GRANT_TYPES, NAME_LENGTH_MAX, REDIRECT_URIS_MAX
from auth.oauth.provider import Provider

_FIELDS: Final[dict[type, Callable[..., Any]]] = {
    str: ma.fields.String,
    bool: ma.fields.Boolean,
    list: partial(ma.fields.List, ma.fields.String()),
}
_TOKEN: Final = {"token": "The token in question.", "token_type_hint": "access_token or refresh_token."}
_CLIENT: Final = {
    "client_id": "The app, where it does not prove itself by HTTP Basic.",
    "client_secret": "Its secret, where it registered client_secret_post.",
}
_RESOURCE: Final = {"resource": "The resource that the token shall be for (RFC 8707)."}

TOKEN_FORM: Final = {
    "grant_type": f"One of {', '.join(GRANT_TYPES)}.",
    "code": "The authorization code.",
    "redirect_uri": "Where the code was sent.",
    "code_verifier": "What the challenge was made of (RFC 7636).",
    "refresh_token": "The refresh token, which is good once.",
    "device_code": "The device code (RFC 8628).",
    "scope": "Less than was agreed to, when refreshing.",
    **_RESOURCE,
    **_CLIENT,
}
TOKEN_QUESTION_FORM: Final = {**_TOKEN, **_CLIENT}
DEVICE_FORM: Final = {"scope": "What the app asks for.", **_RESOURCE, **_CLIENT}
PROOF_HEADER: Final = {
    "in": "header",
    "name": "DPoP",
    "required": False,
    "schema": {"type": "string", "maxLength": 4096, "pattern": r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"},
    "description": "A proof that the app holds a key, to which its tokens are then bound (RFC 9449).",
}
_TEXTS: Final = {"type": "array", "items": {"type": "string"}}
REGISTRATION_BODY: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["client_name"],
    "properties": {
        "client_name": {"type": "string", "minLength": 1, "maxLength": NAME_LENGTH_MAX},
        "client_uri": {"type": "string", "format": "uri"},
        "redirect_uris": {**_TEXTS, "maxItems": REDIRECT_URIS_MAX},
        "grant_types": {**_TEXTS, "items": {"type": "string", "enum": list(GRANT_TYPES)}, "minItems": 1},
        "response_types": {**_TEXTS, "items": {"type": "string", "enum": ["code"]}, "maxItems": 1},
        "token_endpoint_auth_method": {"type": "string", "enum": list(AUTH_METHODS)},
        "scope": {"type": "string", "example": "openid wallet:read"},
        "access_token_signed_response_alg": {"type": "string", "enum": list(ALGORITHMS)},
        "dpop_bound_access_tokens": {"type": "boolean"},
    },
}


class TokenAnswer(ma.Schema):
    """Tokens (RFC 6749 5.1)."""

    access_token = ma.fields.String(required=True)
    token_type = ma.fields.String(required=True, metadata={"description": "Bearer, or DPoP when it is bound to a key."})
    expires_in = ma.fields.Integer(required=True, metadata={"description": "Seconds."})
    scope = ma.fields.String(required=True)
    refresh_token = ma.fields.String()
    id_token = ma.fields.String()


class NothingAnswer(ma.Schema):
    """An empty object: also for a token that there is not (RFC 7009 2.2)."""


class KeyOfToken(ma.Schema):
    """The key that a token is bound to (RFC 9449 6)."""

    jkt = ma.fields.String(required=True)


class IntrospectionAnswer(ma.Schema):
    """What is known of a token (RFC 7662 2.2); of one that is worth nothing, only that."""

    active = ma.fields.Boolean(required=True)
    iss = ma.fields.String()
    sub = ma.fields.String()
    client_id = ma.fields.String()
    scope = ma.fields.String()
    aud = ma.fields.List(ma.fields.String())
    iat = ma.fields.Integer()
    exp = ma.fields.Integer()
    token_type = ma.fields.String()
    jti = ma.fields.String()
    cnf = ma.fields.Nested(KeyOfToken)


class DeviceAnswer(ma.Schema):
    """A code for the device and one for its owner (RFC 8628 3.2)."""

    device_code = ma.fields.String(required=True)
    user_code = ma.fields.String(required=True)
    verification_uri = ma.fields.String(required=True)
    verification_uri_complete = ma.fields.String(required=True)
    expires_in = ma.fields.Integer(required=True)
    interval = ma.fields.Integer(required=True)


class RegisteredAnswer(ma.Schema):
    """An app as it is registered (RFC 7591 3.2.1), with its secret, if it has one: shown this once."""

    client_id = ma.fields.String(required=True)
    client_id_issued_at = ma.fields.Integer(required=True)
    client_secret = ma.fields.String()
    client_secret_expires_at = ma.fields.Integer()
    client_name = ma.fields.String(required=True)
    client_uri = ma.fields.String()
    redirect_uris = ma.fields.List(ma.fields.String(), required=True)
    grant_types = ma.fields.List(ma.fields.String(), required=True)
    response_types = ma.fields.List(ma.fields.String(), required=True)
    token_endpoint_auth_method = ma.fields.String(required=True)
    scope = ma.fields.String(required=True)
    access_token_signed_response_alg = ma.fields.String(required=True)
    dpop_bound_access_tokens = ma.fields.Boolean(required=True)


class UserinfoAnswer(ma.Schema):
    """Who the user is, as far as the scopes allow."""

    sub = ma.fields.String(required=True)
    public_key = ma.fields.String()
    name = ma.fields.String()


class KeysAnswer(ma.Schema):
    """A set of public keys (RFC 7517)."""

    keys = ma.fields.List(ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String()), required=True)


MetadataAnswer = ma.Schema.from_dict(
    {
        # What the document of any house has, by the kinds of its values.
        name: _FIELDS[type(value)](required=True)
        for name, value in metadata.document(Provider("https://money.example", "")).items()
    },
    name="Metadata",
)
MetadataAnswer.__doc__ = "What this house does of OAuth 2 and OpenID Connect, for apps to find out (RFC 8414)."
