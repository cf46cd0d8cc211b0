"""The provider's metadata document (RFC 8414, OpenID Connect Discovery)."""

from typing import Any

from auth.oauth.clients import AUTH_METHODS, GRANT_TYPES
from auth.oauth.dpop import ALGORITHMS as DPOP_ALGORITHMS
from auth.oauth.freshness import PROMPTS
from auth.oauth.keys import ALGORITHM
from auth.oauth.provider import Provider
from auth.oauth.scopes import SCOPES


def document(provider: Provider) -> dict[str, Any]:
    """One document for both standards: each ignores the other's fields."""
    base = provider.issuer
    return {
        "issuer": base,
        "authorization_endpoint": f"{base}/oauth/authorize",
        "token_endpoint": f"{base}/oauth/token",
        "registration_endpoint": f"{base}/oauth/register",
        "revocation_endpoint": f"{base}/oauth/revoke",
        "introspection_endpoint": f"{base}/oauth/introspect",
        "device_authorization_endpoint": f"{base}/oauth/device_authorization",
        "userinfo_endpoint": provider.userinfo,
        "jwks_uri": f"{base}/oauth/jwks",
        "service_documentation": f"{base}/docs",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "introspection_endpoint_auth_methods_supported": [name for name in AUTH_METHODS if name != "none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "dpop_signing_alg_values_supported": list(DPOP_ALGORITHMS),
        "protected_resources": list(provider.resources),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": ["sub", "public_key", "name", "auth_time"],
        "prompt_values_supported": list(PROMPTS),
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "claims_parameter_supported": False,
    }
