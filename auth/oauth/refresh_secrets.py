"""Refresh tokens that name their own family (RFC 9700 4.14.2), so that spent ones need not be stored.

A spent token that is used again shows that two parties have it, so its family is revoked, at any age: an app that
returns after months may be the victim. The token is 256 random bits, then its family and a MAC over both. Whether a
token is valid is decided by its hash in the database alone.
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
"""The length of a token: 64 bytes in base64, without padding."""


def new(provider: Provider, family_id: UUID) -> str:
    """A new refresh token of this family, safe in URLs and headers."""
    body = secrets.token_bytes(SECRET_BYTES) + family_id.bytes
    return base64.urlsafe_b64encode(body + _tag(provider, body)).rstrip(b"=").decode()


def family_of(provider: Provider, token: str) -> UUID | None:
    """The family of a token that was issued here, at any age; None for anything else."""
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
