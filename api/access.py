"""What the edge needs of the OAuth provider: who it is here, and whom an access token speaks for."""

from flask import g, request

from api import dpop
from auth.oauth import tokens
from auth.oauth.dpop import InvalidDpopProof
from auth.oauth.provider import Provider
from auth.sessions import Principal
from wiring.container import Container


def provider(parts: Container) -> Provider:
    """This installation as an OAuth provider."""
    return Provider(parts.settings.public_url, parts.settings.secret_key.reveal())


def credentials() -> tuple[str, str] | None:
    """The scheme, in small letters, and the token of this request's Authorization, or None when it has none."""
    header = request.environ.get("HTTP_AUTHORIZATION")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return scheme.lower(), token.strip()


def principal_of(parts: Container, token: str) -> Principal | None:
    """Whom an access token speaks for, or None: looked up anew for each request, so that revoking it takes effect.

    A token that is bound to a key speaks only for who proves to hold that key (RFC 9449 7). Raises InvalidDpopProof.
    """
    with parts.reading() as session:
        found = tokens.bearer(session, provider(parts), token, now=parts.now())
    if found is None or found.delegation is None:
        return None
    key, sent_as = found.delegation.dpop_jkt, credentials()
    if (key is not None) != (sent_as is not None and sent_as[0] == "dpop"):
        # Bound, and sent as one that is not, which is how a thief sends it; or the other way around.
        return None
    if key is not None:
        # Asked only once: the page or the answer that tells of the refusal is for nobody.
        g.principal = None
        if dpop.carried(access_token=token, key=key) is None:
            raise InvalidDpopProof("The header DPoP is missing.")
    return found
