"""What the edge needs of the OAuth provider: who it is here, and whom an access token speaks for."""

from auth.oauth import tokens
from auth.oauth.provider import Provider
from auth.sessions import Principal
from wiring.container import Container


def provider(parts: Container) -> Provider:
    """This installation as an OAuth provider."""
    return Provider(parts.settings.public_url, parts.settings.secret_key.reveal())


def principal_of(parts: Container, token: str) -> Principal | None:
    """Whom an access token speaks for, or None: looked up anew for each request, so that revoking it takes effect."""
    with parts.reading() as session:
        return tokens.bearer(session, provider(parts), token, now=parts.now())
