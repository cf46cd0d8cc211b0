"""What the bearer of an access token may do: for which user an app acts, and within which scopes."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Delegation:
    """An app that acts for a user under a grant, with the scopes of its token that are still granted."""

    grant_id: UUID
    client_id: str
    client_name: str
    scopes: frozenset[str]
    audience: frozenset[str]
    dpop_jkt: str | None = None
    """The thumbprint of the key that its token is bound to (RFC 9449), if it is."""
