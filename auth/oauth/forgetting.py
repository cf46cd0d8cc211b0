"""Drop codes and tokens that ended long ago; the audit log remembers that they were."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from models import dropping
from models.oauth import (
    OAuthAccessToken,
    OAuthCode,
    OAuthDeviceCode,
    OAuthDpopProof,
    OAuthFamily,
    OAuthRefreshToken,
)

KEPT: Final = timedelta(days=1)
"""For so long after its end the fate of a code or token can still be told by name."""


def forget_ended(session: Session, *, now: datetime, kept: timedelta = KEPT, at_once: int = dropping.AT_ONCE) -> int:
    """Delete some of each kind of what ended longer ago than `kept`; returns how many rows that were."""
    before = now - kept
    later, of_family = aliased(OAuthRefreshToken), OAuthFamily.id
    has_access = select(OAuthAccessToken.jti).where(OAuthAccessToken.family_id == of_family).exists()
    has_refresh = select(OAuthRefreshToken.id).where(OAuthRefreshToken.family_id == of_family).exists()
    has_code = select(OAuthCode.id).where(OAuthCode.family_id == of_family).exists()
    has_device = select(OAuthDeviceCode.id).where(OAuthDeviceCode.family_id == of_family).exists()
    is_of_living = (
        select(later.id).where(later.family_id == OAuthRefreshToken.family_id, later.expires_at >= before).exists()
    )
    # A spent code must be known as long as there is something that its replay would end.
    ends_nothing = (
        select(OAuthFamily.id).where(OAuthFamily.id == OAuthCode.family_id, ~has_access, ~has_refresh).exists()
    )
    steps = (
        (OAuthDeviceCode, OAuthDeviceCode.expires_at < before),
        (OAuthDpopProof, OAuthDpopProof.expires_at < before),
        (OAuthAccessToken, OAuthAccessToken.expires_at < before),
        # A spent token is told by its own text (see refresh_secrets.py), but for those that are older than that: they
        # must be known as long as their family lives, to be seen as a replay.
        (OAuthRefreshToken, and_(OAuthRefreshToken.redeemed_at < before, OAuthRefreshToken.tells_family)),
        (OAuthRefreshToken, and_(OAuthRefreshToken.expires_at < before, ~is_of_living)),
        (OAuthCode, and_(OAuthCode.expires_at < before, or_(OAuthCode.redeemed_at.is_(None), ends_nothing))),
        (OAuthFamily, and_(OAuthFamily.created_at < before, ~has_code, ~has_device, ~has_refresh, ~has_access)),
    )
    return sum(dropping.some(session, kind, which, at_once=at_once) for kind, which in steps)
