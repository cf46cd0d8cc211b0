"""Payments between the house's own accounts: visible on the chain, and no deposit or claim of anybody's."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.payout import Payout, PayoutTransaction


def among(session: Session, chain: str, txids: Collection[str]) -> frozenset[str]:
    """Those of these transactions that are sweeps, or gas for them; each was stored before anybody could see it."""
    if not txids:
        return frozenset()
    return frozenset(
        session.scalars(
            select(PayoutTransaction.txid)
            .join(Payout, Payout.id == PayoutTransaction.payout_id)
            .where(PayoutTransaction.chain == chain, PayoutTransaction.txid.in_(txids), Payout.purpose != "withdrawal")
        )
    )
