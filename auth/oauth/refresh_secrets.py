"""Refresh tokens that tell of which family they are (RFC 9700 4.14.2), so that spent ones need not be kept.

Who shows a token that was spent shows that two have it, and its family ends: at whatever age, for the app that comes
back after months may be the one that it was stolen from. The family stands in the token itself, behind 256 random bits
and under a tag that only this house can make. What a token is worth is decided by its hash in the database alone.
"""

import base64
import binascii
import hmac
import secrets
from typing import Final
from uuid import UUID

from auth.oauth.provider import SECRET_BYTES, Provider

_FAMILY_BYTES: Final = 16
_TAG_BYTES: Final = 16
_LENGTH: Final = 86
"""Of the token: 64 bytes in base64, without padding."""


def new(provider: Provider, family_id: UUID) -> str:
    """A refresh token of this family, safe in addresses and headers."""
    body = secrets.token_bytes(SECRET_BYTES) + family_id.bytes
    return base64.urlsafe_b64encode(body + _tag(provider, body)).rstrip(b"=").decode()


def family_of(provider: Provider, token: str) -> UUID | None:
    """The family of a token that this house gave out, of whatever age; None of anything else."""
    if len(token) != _LENGTH or not token.isascii():
        return None
    try:
        read = base64.b64decode(f"{token}==", altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    body, tag = read[:-_TAG_BYTES], read[-_TAG_BYTES:]
    return UUID(bytes=body[-_FAMILY_BYTES:]) if hmac.compare_digest(tag, _tag(provider, body)) else None


def _tag(provider: Provider, body: bytes) -> bytes:
    return bytes.fromhex(provider.tag(f"refresh token {body.hex()}"))[:_TAG_BYTES]
