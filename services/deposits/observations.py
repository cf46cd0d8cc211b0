"""Append what the chain showed: the evidence beside every decision about a deposit."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from domain.ids import new_id
from models.deposit import Deposit, FundingObservation


def append(session: Session, observed: Iterable[tuple[Deposit, str, int]], *, source: str, now: datetime) -> None:
    """Add one observation for each (deposit, status, confirmations)."""
    rows = [
        {
            "funding_observation_id": new_id(),
            "deposit_id": deposit.id,
            "account_id": deposit.user_id,
            "asset_id": deposit.asset_id,
            "chain": deposit.chain,
            "funding_handle": deposit.address,
            "source": source,
            "tx_hash": deposit.txid,
            "status": status,
            "amount": deposit.amount_minor,
            "confirmations": confirmations,
            "first_seen_at": deposit.first_seen_at,
            "last_seen_at": now,
            "credited_at": deposit.credited_at,
            # What was seen and what was credited are one transaction here; another one may have been seen before it.
            "bridge_deposit_tx_hash": deposit.txid if status == "credited" else None,
            "recorded_at": now,
        }
        for deposit, status, confirmations in observed
    ]
    if rows:
        session.execute(insert(FundingObservation), rows)
