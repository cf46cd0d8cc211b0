"""What the house moved between its own accounts: seen by everybody on the chain, and nobody's payment to it."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.payout import Payout, PayoutTransaction


def among(session: Session, chain: str, txids: Collection[str]) -> frozenset[str]:
    """Those of these transactions that are sweeps, or gas for them; each is stored before anybody can see it."""
    if not txids:
        return frozenset()
    return frozenset(
        session.scalars(
            select(PayoutTransaction.txid)
            .join(Payout, Payout.id == PayoutTransaction.payout_id)
            .where(PayoutTransaction.chain == chain, PayoutTransaction.txid.in_(txids), Payout.purpose != "withdrawal")
        )
    )
