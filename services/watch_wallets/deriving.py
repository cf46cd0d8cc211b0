"""What becomes of an imported descriptor: its addresses, a refusal, or a reason to wait."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.wallet_facts import NewAddress
from models.watch_wallet import WatchAddress, WatchWallet
from services import audit, leases
from services.watch_wallets.scanning import request_scan

BATCH_MAX = 5
ROWS_PER_INSERT = 1_000


def claim_pending(session: Session, chain: str, *, owner: str, now: datetime) -> Sequence[WatchWallet]:
    """Take a few wallets that are to be checked, oldest first."""
    query = (
        select(WatchWallet)
        .where(WatchWallet.chain == chain, WatchWallet.state == "pending")
        .order_by(WatchWallet.id)
        .limit(BATCH_MAX)
    )
    return leases.claim(session, query, WatchWallet, owner=owner, now=now)


def record_addresses(
    session: Session,
    wallet_id: UUID,
    addresses: Sequence[NewAddress],
    *,
    derived_keys: bytes,
    generation: int,
    now: datetime,
    by: Actor,
) -> None:
    """Store the addresses of a descriptor that the node accepted, and request a first scan. Raises LeaseLost.

    `derived_keys` is what `child_keys.derived_keys` gives for its extended keys.
    """
    wallet = _held(session, wallet_id, generation)
    session.execute(delete(WatchAddress).where(WatchAddress.wallet_id == wallet_id))
    rows = [
        {"wallet_id": wallet_id, "place": place, "address": found.address, "script": found.script}
        for place, found in enumerate(addresses)
    ]
    for first in range(0, len(rows), ROWS_PER_INSERT):
        session.execute(insert(WatchAddress), rows[first : first + ROWS_PER_INSERT])
    wallet.state, wallet.checked_at, wallet.waiting_reason = "ready", now, None
    wallet.address_count, wallet.derived_keys = len(rows), derived_keys
    leases.settle(wallet)
    request_scan(session, wallet, now=now)
    detail = {"wallet_id": str(wallet_id), "addresses": len(rows)}
    audit.record(session, "wallet.derived", by=by, now=now, detail=detail)


def record_refusal(
    session: Session, wallet_id: UUID, *, code: str, reason: str, generation: int, now: datetime, by: Actor
) -> None:
    """The node does not accept the descriptor. Raises LeaseLost."""
    wallet = _held(session, wallet_id, generation)
    wallet.state, wallet.checked_at, wallet.waiting_reason = "refused", now, None
    wallet.refusal, wallet.refusal_reason = code, reason
    leases.settle(wallet)
    detail = {"wallet_id": str(wallet_id), "reason": code}
    audit.record(session, "wallet.refused", by=by, now=now, success=False, detail=detail)


def record_waiting(session: Session, wallet_id: UUID, *, reason: str, generation: int, now: datetime) -> None:
    """Record that the node gave no verdict: ask again later. Raises LeaseLost."""
    wallet = _held(session, wallet_id, generation)
    wallet.waiting_reason = reason
    leases.release(wallet, due_at=now + leases.back_off(wallet.attempts))


def _held(session: Session, wallet_id: UUID, generation: int) -> WatchWallet:
    query = select(WatchWallet).where(WatchWallet.id == wallet_id)
    if session.scalar(select(WatchWallet.id).where(WatchWallet.id == wallet_id)) is None:
        raise leases.LeaseLost  # the user removed it meanwhile
    return leases.locked(session, query, generation)
