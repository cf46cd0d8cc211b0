"""The OAuth provider's facts: its issuer, resources, lifetimes and secrets."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from cryptography.fernet import Fernet

CODE_LIFETIME: Final = timedelta(minutes=10)
ACCESS_LIFETIME: Final = timedelta(hours=1)
REFRESH_LIFETIME: Final = timedelta(days=30)
DEVICE_LIFETIME: Final = timedelta(minutes=10)
POLL_INTERVAL_S: Final = 5
# Of simultaneous requests one wins, and the others are no attack.
SIMULTANEOUS: Final = timedelta(seconds=2)
# How long a client whose answer got lost may ask again, once.
GRACE: Final = timedelta(seconds=10)
SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Provider:
    """This installation as a provider; `issuer` is its public URL without a trailing slash."""

    issuer: str
    secret_key: str = field(repr=False)

    @property
    def api(self) -> str:
        """The API as a resource (RFC 8707)."""
        return f"{self.issuer}/api/v1"

    @property
    def userinfo(self) -> str:
        """The userinfo endpoint as a resource (RFC 8707)."""
        return f"{self.issuer}/oauth/userinfo"

    @property
    def resources(self) -> tuple[str, ...]:
        """Every resource that a token can be for; the default of a request is all of them."""
        return (self.api, self.userinfo)

    def symmetric_key(self, client_id: str) -> bytes:
        """The HS256 key for a client's tokens: known here only, and different for each client."""
        return self._derived(f"access token of {client_id}")

    def box(self) -> Fernet:
        """Encrypts secrets that are stored in the database and must be read again."""
        return Fernet(base64.urlsafe_b64encode(self._derived("signing keys")))

    def tag(self, text: str) -> str:
        """The MAC of a text in hex, which proves later that the text was issued here."""
        return hmac.digest(self._derived("tags"), text.encode("utf-8", "surrogatepass"), "sha256").hex()

    def _derived(self, purpose: str) -> bytes:
        return hmac.digest(self.secret_key.encode(), b"strongroom oauth\0" + purpose.encode(), "sha256")


def new_secret() -> str:
    """A secret of 256 random bits, safe in URLs and headers."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> bytes:
    """The hash under which a secret is stored. For 256 random bits one SHA-256 is as strong as any slower hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
