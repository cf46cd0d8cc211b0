"""For whom an app acts, and within which bounds: what the bearer of an access token may do."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Delegation:
    """An app that acts for a user under a grant, with the scopes of its token that still stand."""

    grant_id: UUID
    client_id: str
    client_name: str
    scopes: frozenset[str]
    audience: frozenset[str]
    dpop_jkt: str | None = None
    """The thumbprint of the key that its token is bound to (RFC 9449), if it is."""
