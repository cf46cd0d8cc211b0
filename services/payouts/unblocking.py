"""On a chain of accounts: payments held back by a pause, behind whose nonce others wait."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session, aliased

from domain.rails import RAILS
from models.asset import WithdrawalPolicy
from models.payout import Payout, PayoutInput
from services.payouts.sending import may_leave

BECAUSE: Final = "paused_and_in_the_way"
"""The reason in the flow of a payment that is cancelled because it may not leave and blocks others."""


def in_the_way(session: Session, chain: str, *, now: datetime) -> Sequence[UUID]:
    """The payments that may not leave, due to be looked at, while one with a later nonce of their account may.

    A later nonce cannot be in a block before theirs is used.
    """
    if not RAILS[chain].has_accounts:
        return ()
    return session.scalars(
        select(Payout.id)
        .where(
            Payout.chain == chain,
            _is_kept_back(),
            _is_before_others(),
            or_(Payout.due_at.is_(None), Payout.due_at <= now),
            or_(Payout.lease_until.is_(None), Payout.lease_until <= now),
        )
        .order_by(Payout.id)
    ).all()


def is_in_the_way(session: Session, payout: Payout) -> bool:
    """Whether this locked payment is one of these, and stays so until the transaction ends."""
    session.get_one(WithdrawalPolicy, payout.asset_id, with_for_update={"read": True}, populate_existing=True)
    found = session.scalar(select(Payout.id).where(Payout.id == payout.id, _is_kept_back(), _is_before_others()))
    return RAILS[payout.chain].has_accounts and found is not None


def _is_kept_back() -> ColumnElement[bool]:
    return Payout.block_height.is_(None) & (Payout.state == "signed") & ~may_leave()


def _is_before_others() -> ColumnElement[bool]:
    own, later, other = aliased(PayoutInput), aliased(PayoutInput), aliased(Payout)
    return exists(
        select(later.payout_id)
        .join(own, (own.chain == later.chain) & (own.txid == later.txid) & (own.vout < later.vout))
        .join(other, other.id == later.payout_id)
        .where(own.payout_id == Payout.id, other.block_height.is_(None), other.state != "failed", may_leave(other))
        .correlate(Payout)
    )
