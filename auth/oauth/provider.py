"""What this house is as a provider: its name, the resources that its tokens open, how long things live, secrets."""

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
# Of requests that come together one wins, and the others are no attack.
SIMULTANEOUS: Final = timedelta(seconds=2)
# A client whose answer got lost may ask again for so long, once.
GRACE: Final = timedelta(seconds=10)
SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Provider:
    """This installation: `issuer` is its public address without a slash at the end."""

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
        """Everything that a token can be for; a request that names nothing gets them all."""
        return (self.api, self.userinfo)

    def symmetric_key(self, client_id: str) -> bytes:
        """The key of a client whose tokens are signed with HS256: ours alone, and different for each."""
        return self._derived(f"access token of {client_id}")

    def box(self) -> Fernet:
        """Seals what is kept in the database and must be read again."""
        return Fernet(base64.urlsafe_b64encode(self._derived("signing keys")))

    def tag(self, text: str) -> str:
        """A text's tag in hex: who shows it again shows that the text is ours."""
        return hmac.digest(self._derived("tags"), text.encode("utf-8", "surrogatepass"), "sha256").hex()

    def _derived(self, purpose: str) -> bytes:
        return hmac.digest(self.secret_key.encode(), b"strongroom oauth\0" + purpose.encode(), "sha256")


def new_secret() -> str:
    """A secret of 256 random bits, safe in addresses and headers."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> bytes:
    """What is kept of a secret. With 256 random bits in it, one SHA-256 is as strong as any slower hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
