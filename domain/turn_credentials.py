"""Credentials that a TURN server checks by itself: a time at which they end, and an HMAC over it."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

LIFETIME: Final = timedelta(hours=1)
"""Longer than it takes to set up a call; a relay that is in use is kept by the TURN server itself."""


@dataclass(frozen=True, slots=True)
class TurnCredential:
    """What a browser shows to the TURN server, until `expires_at`."""

    username: str
    password: str
    expires_at: datetime


def credential(secret: str, name: str, *, now: datetime, lifetime: timedelta = LIFETIME) -> TurnCredential:
    """A credential for `name`, who is only a word in the TURN server's log.

    The form is that of coturn's `use-auth-secret` (draft-uberti-behave-turn-rest-00): the user name is the moment of
    expiry in seconds and the name, the password the base64 of its HMAC-SHA1 under the shared secret.
    """
    expires_at = now + lifetime
    username = f"{int(expires_at.timestamp())}:{name}"
    mac = hmac.new(secret.encode(), username.encode(), hashlib.sha1)
    return TurnCredential(username, base64.b64encode(mac.digest()).decode(), expires_at)
