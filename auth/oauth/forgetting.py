"""Delete codes and tokens that ended long ago; the audit log keeps a record of them."""

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
"""How long after its end a code or token is kept, so that its use is refused for the right reason."""


def forget_ended(session: Session, *, now: datetime, kept: timedelta = KEPT, at_once: int = dropping.AT_ONCE) -> int:
    """Delete a batch of each kind that ended longer ago than `kept`; returns how many rows."""
    before = now - kept
    later, of_family = aliased(OAuthRefreshToken), OAuthFamily.id
    has_access = select(OAuthAccessToken.jti).where(OAuthAccessToken.family_id == of_family).exists()
    has_refresh = select(OAuthRefreshToken.id).where(OAuthRefreshToken.family_id == of_family).exists()
    has_code = select(OAuthCode.id).where(OAuthCode.family_id == of_family).exists()
    has_device = select(OAuthDeviceCode.id).where(OAuthDeviceCode.family_id == of_family).exists()
    is_of_living = (
        select(later.id).where(later.family_id == OAuthRefreshToken.family_id, later.expires_at >= before).exists()
    )
    # A used code is kept while its family lives, which a replay must end.
    ends_nothing = (
        select(OAuthFamily.id).where(OAuthFamily.id == OAuthCode.family_id, ~has_access, ~has_refresh).exists()
    )
    steps = (
        (OAuthDeviceCode, OAuthDeviceCode.expires_at < before),
        (OAuthDpopProof, OAuthDpopProof.expires_at < before),
        (OAuthAccessToken, OAuthAccessToken.expires_at < before),
        # A spent token names its family itself (see refresh_secrets.py). Older ones do not, and are kept while their
        # family lives, so that a replay is recognised.
        (OAuthRefreshToken, and_(OAuthRefreshToken.redeemed_at < before, OAuthRefreshToken.tells_family)),
        (OAuthRefreshToken, and_(OAuthRefreshToken.expires_at < before, ~is_of_living)),
        (OAuthCode, and_(OAuthCode.expires_at < before, or_(OAuthCode.redeemed_at.is_(None), ends_nothing))),
        (OAuthFamily, and_(OAuthFamily.created_at < before, ~has_code, ~has_device, ~has_refresh, ~has_access)),
    )
    return sum(dropping.some(session, kind, which, at_once=at_once) for kind, which in steps)
