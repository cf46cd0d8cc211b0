"""The edge's use of the OAuth provider: its settings, and whom an access token speaks for."""

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
    """The scheme, in lower case, and the token in this request's Authorization header; None without one."""
    header = request.environ.get("HTTP_AUTHORIZATION")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return scheme.lower(), token.strip()


def principal_of(parts: Container, token: str) -> Principal | None:
    """Whom an access token speaks for, or None. It is looked up for each request, so that revocation is immediate.

    A token that is bound to a key needs a proof of that key (RFC 9449 7). Raises InvalidDpopProof.
    """
    with parts.reading() as session:
        found = tokens.bearer(session, provider(parts), token, now=parts.now())
    if found is None or found.delegation is None:
        return None
    key, sent_as = found.delegation.dpop_jkt, credentials()
    if (key is not None) != (sent_as is not None and sent_as[0] == "dpop"):
        # A bound token sent as a bearer token, as a thief would, or the reverse.
        return None
    if key is not None:
        # Not looked up again for the page or answer that reports the refusal: that is for nobody.
        g.principal = None
        if dpop.carried(access_token=token, key=key) is None:
            raise InvalidDpopProof("The header DPoP is missing.")
    return found
