"""Delete codes and tokens that ended long ago; the audit log keeps a record of them."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
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

_OfFamily = OAuthAccessToken | OAuthCode | OAuthDeviceCode | OAuthRefreshToken
KEPT: Final = timedelta(days=1)
"""How long after its end a code or token is kept, so that its use is refused for the right reason."""


def forget_ended(session: Session, *, now: datetime, kept: timedelta = KEPT, at_once: int = dropping.AT_ONCE) -> int:
    """Delete a batch of each kind that ended longer ago than `kept`; returns how many rows.

    Only families that lost a code or token in this batch are examined: there may be millions of living ones.
    """
    before = now - kept
    gone = dropping.some(session, OAuthDpopProof, OAuthDpopProof.expires_at < before, at_once=at_once)
    bereft: set[UUID] = set()
    for kind, which in _ended(before):
        families = dropping.taken(session, kind, kind.family_id, which, at_once=at_once)
        gone += len(families)
        bereft.update(family_id for family_id in families if family_id is not None)
    return gone + _forget_families(session, bereft, before=before)


def _ended(before: datetime) -> Sequence[tuple[type[_OfFamily], ColumnElement[bool]]]:
    """What can be deleted of each kind, whatever becomes of its family."""
    later = aliased(OAuthRefreshToken)
    is_of_living = (
        select(later.id).where(later.family_id == OAuthRefreshToken.family_id, later.expires_at >= before).exists()
    )
    return (
        (OAuthDeviceCode, OAuthDeviceCode.expires_at < before),
        (OAuthAccessToken, OAuthAccessToken.expires_at < before),
        # A spent token names its family itself (see refresh_secrets.py). Older ones do not, and are kept while their
        # family lives, so that a replay is recognised.
        (OAuthRefreshToken, and_(OAuthRefreshToken.redeemed_at < before, OAuthRefreshToken.tells_family)),
        (OAuthRefreshToken, and_(OAuthRefreshToken.expires_at < before, ~is_of_living)),
        (OAuthCode, and_(OAuthCode.expires_at < before, OAuthCode.redeemed_at.is_(None))),
    )


def _forget_families(session: Session, bereft: Collection[UUID], *, before: datetime) -> int:
    """Delete those of these families that have no tokens left, and their used codes; returns how many rows.

    A used code is kept while its family lives, which a replay must end. It expires before the tokens that were issued
    for it, so it is deleted together with the last of them.
    """
    if not bereft:
        return 0
    family = OAuthFamily.id
    nothing_lives = (
        ~select(OAuthAccessToken.jti).where(OAuthAccessToken.family_id == family).exists(),
        ~select(OAuthRefreshToken.id).where(OAuthRefreshToken.family_id == family).exists(),
    )
    ended = session.scalars(select(family).where(family.in_(bereft), *nothing_lives)).all()
    codes = OAuthCode.family_id.in_(ended), OAuthCode.expires_at < before
    has_code = select(OAuthCode.id).where(OAuthCode.family_id == family).exists()
    has_device = select(OAuthDeviceCode.id).where(OAuthDeviceCode.family_id == family).exists()
    spent = dropping.some(session, OAuthCode, *codes, at_once=len(ended))
    return spent + dropping.some(
        session, OAuthFamily, family.in_(ended), *nothing_lives, ~has_code, ~has_device, at_once=len(ended)
    )
