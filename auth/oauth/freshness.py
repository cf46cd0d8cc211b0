"""How recently a user must have signed in for an app: prompt, max_age, id_token_hint (OpenID Connect Core 3.1.2.1)."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import jwt
from authlib.oauth2.rfc6749 import InvalidRequestError
from sqlalchemy.orm import Session

from auth.oauth import keys
from auth.oauth.provider import Provider

PROMPTS: Final = ("none", "login", "consent")
MARK: Final = "signed_in_since"
"""The parameter that is added to a request when its user is sent to sign in again."""
MARK_LIFETIME: Final = timedelta(minutes=15)
_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH_DIGITS_MAX: Final = 20
_AGE_S_MAX: Final = 10**9
_MAC_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Wish:
    """What an app demands of its user's sign-in."""

    prompts: frozenset[str]
    age_s_max: int | None
    user_id: str | None
    """The user in `id_token_hint`, if there is one."""

    @property
    def is_silent(self) -> bool:
        """Whether no page may be shown to the user (`prompt=none`)."""
        return "none" in self.prompts

    def is_fresh(self, auth_time: datetime, *, now: datetime) -> bool:
        """Whether a sign-in at this time is recent enough."""
        is_young = self.age_s_max is None or now - auth_time <= timedelta(seconds=self.age_s_max)
        return is_young and "login" not in self.prompts

    def is_for(self, user_id: UUID) -> bool:
        """Whether this user may be the one that the app means."""
        return self.user_id is None or self.user_id == str(user_id)


def wish_of(session: Session, provider: Provider, asked: Mapping[str, str], *, client_id: str) -> Wish:
    """Read the demands in the parameters of a request. Raises Authlib's InvalidRequestError."""
    prompts = frozenset(asked.get("prompt", "").split())
    if not prompts <= set(PROMPTS):
        raise InvalidRequestError("prompt can be none, login and consent")
    if "none" in prompts and len(prompts) > 1:
        raise InvalidRequestError("prompt=none stands alone")
    return Wish(prompts, _age(asked.get("max_age")), _hinted(session, provider, asked.get("id_token_hint"), client_id))


def mark(provider: Provider, asked: Mapping[str, str], *, now: datetime) -> str:
    """A mark that the user of this request was sent to sign in again now."""
    at = str((now - _epoch(now)) // _MICROSECOND)
    return f"{at}.{_mac(provider, at, asked)}"


def is_marked(provider: Provider, asked: Mapping[str, str], *, auth_time: datetime, now: datetime) -> bool:
    """Whether the request carries a recent mark, and the user has signed in since."""
    at, _, mac = asked.get(MARK, "").partition(".")
    if not hmac.compare_digest(mac.encode(), _mac(provider, at, asked).encode()) or len(at) > _EPOCH_DIGITS_MAX:
        return False
    marked_at = _epoch(now) + int(at) * _MICROSECOND
    return marked_at <= auth_time and now - marked_at <= MARK_LIFETIME


def _age(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_AGE_S_MAX))):
        raise InvalidRequestError("max_age is a number of seconds")
    return int(text)


def _hinted(session: Session, provider: Provider, hint: str | None, client_id: str) -> str | None:
    """The user in an ID token of this app, expired or not."""
    if hint is None:
        return None
    try:
        found = keys.public_key(session, str(jwt.get_unverified_header(hint).get("kid")))
        if found is not None:
            options = {"require": ["iss", "sub", "aud"], "verify_exp": False, "verify_iat": False}
            claims = jwt.decode(
                hint,
                found.key,
                algorithms=[keys.ALGORITHM],
                issuer=provider.issuer,
                audience=client_id,
                options=options,  # type: ignore[arg-type]
            )
            return str(claims["sub"])
    except (jwt.InvalidTokenError, ValueError) as fault:
        raise InvalidRequestError("id_token_hint is no ID token of this app") from fault
    raise InvalidRequestError("id_token_hint is no ID token of this app")


def _mac(provider: Provider, at: str, asked: Mapping[str, str]) -> str:
    """The MAC that binds a time to one request, so that a mark does not count for another."""
    query = urlencode(sorted((name, value) for name, value in asked.items() if name != MARK))
    return provider.tag(f"signed in since {at} for {query}")[:_MAC_BYTES]


def _epoch(now: datetime) -> datetime:
    return datetime(1970, 1, 1, tzinfo=now.tzinfo)
