"""Meanings of names from OAuth, OpenID Connect and LNURL-auth."""

from collections.abc import Mapping
from typing import Final

_TOKENS: Final = {
    "access_token": "The token (RFC 9068), to be shown as `Authorization: Bearer …`, or DPoP.",
    "aud": "For which resources it is good (RFC 8707).",
    "client_id_issued_at": "When it was registered, in seconds since 1970.",
    "client_secret": "The secret; it is shown this once. An app that is public has none.",
    "client_secret_expires_at": "When the secret ends, in seconds since 1970; 0 is never.",
    "device_code": "What the device asks for its tokens with.",
    "exp": "When it ends, in seconds since 1970.",
    "expires_in": "For how many seconds it is good.",
    "iat": "When it was given out, in seconds since 1970.",
    "id_token": "Who signed in (OpenID Connect); only with the scope openid.",
    "interval": "How many seconds to wait between two requests for the tokens.",
    "iss": "Who gave it out: this house's address.",
    "jkt": "Thumbprint of the key (RFC 7638).",
    "jti": "Id of the token.",
    "keys": "The keys; a token's `kid` says which signed it.",
    "refresh_token": "What the next token is asked for with, once.",
    "sub": "Id of the user.",
    "token_type": "Bearer, or DPoP when it is bound to a key.",
    "user_code": "What the user types, or reads on the device.",
    "verification_uri": "The page on which the user types the code.",
    "verification_uri_complete": "The same page with the code filled in, to be drawn as QR.",
}
_METADATA: Final = {
    "authorization_endpoint": "Where the user's browser is sent.",
    "authorization_response_iss_parameter_supported": "Whether answers name their issuer (RFC 9207): true.",
    "claims_parameter_supported": "Whether `claims` may be asked for one by one: false.",
    "claims_supported": "Which facts an ID token or userinfo may have.",
    "code_challenge_methods_supported": "How a code is tied to who asked (PKCE): S256.",
    "device_authorization_endpoint": "Where a device without a browser begins (RFC 8628).",
    "dpop_signing_alg_values_supported": "How proofs of a key may be signed (RFC 9449).",
    "grant_types_supported": "How tokens may be asked for.",
    "id_token_signing_alg_values_supported": "How ID tokens are signed.",
    "introspection_endpoint": "Where a token can be asked about (RFC 7662).",
    "introspection_endpoint_auth_methods_supported": "How an app proves itself there.",
    "issuer": "This house's address, as tokens name it.",
    "jwks_uri": "Where the public keys are (RFC 7517).",
    "prompt_values_supported": "What `prompt` may ask for.",
    "protected_resources": "For which resources tokens are given (RFC 9728).",
    "registration_endpoint": "Where apps register (RFC 7591).",
    "request_parameter_supported": "Whether a request may be a signed token: false.",
    "request_uri_parameter_supported": "Whether a request may be fetched from an address: false.",
    "response_modes_supported": "How an answer reaches the app.",
    "response_types_supported": "What an app may be answered with at first: `code`.",
    "revocation_endpoint": "Where tokens are given back (RFC 7009).",
    "revocation_endpoint_auth_methods_supported": "How an app proves itself there.",
    "scopes_supported": "Every scope; docs/auth.md says what each allows.",
    "service_documentation": "Where people read how to use it.",
    "subject_types_supported": "How users are named to apps: all apps know a user by the same id.",
    "token_endpoint": "Where tokens are given out.",
    "token_endpoint_auth_methods_supported": "How an app proves itself there.",
    "userinfo_endpoint": "Where an app asks who its user is.",
}
_WALLETS: Final = {
    "callback": "Where the wallet sends its signature.",
    "k1": "What is to be signed: 32 bytes in hex, once.",
    "keyauth": "The question as a link that wallets open (LUD-17).",
    "lnurl": "The question in bech32 (LUD-01).",
    "qr_code_data": "The text to draw as QR.",
    "tag": "What the wallet is to do: login (LUD-04).",
}
_RELAYS: Final = {
    "credential": "The password, good for an hour.",
    "ice_servers": "Relays, as a browser's RTCPeerConnection takes them; empty without any.",
    "urls": "The relay's addresses.",
    "username": "The name that goes with the password.",
}
METADATA: Final[Mapping[str, str]] = {**_TOKENS, **_METADATA, **_WALLETS, **_RELAYS}
