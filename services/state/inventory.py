"""What the house may send, what is under way, and, separately, what a chain merely shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.asset import Asset
from models.buffer import BufferSnapshot
from services import assets, buffers

# One statement, so that a payment that settles meanwhile is counted once: in the ledger or as under way.
_FIGURES: Final = text(
    """
    SELECT asset_id, coalesce(booked.total, 0) AS booked, coalesce(leaving.total, 0) AS leaving,
        coalesce(coming.total, 0) AS coming, coalesce(shown.total, 0) AS shown
    FROM assets
    LEFT JOIN (
        SELECT asset_id, sum(posted) AS total FROM ledger_accounts
        WHERE owner_id IS NULL AND code = 'hot_wallet' GROUP BY asset_id
    ) AS booked USING (asset_id)
    LEFT JOIN (
        SELECT asset_id, sum(amount_minor + fee_minor) AS total FROM withdrawals
        WHERE state NOT IN ('completed', 'rejected', 'cancelled', 'failed') GROUP BY asset_id
    ) AS leaving USING (asset_id)
    LEFT JOIN (
        SELECT asset_id, sum(greatest(amount_minor - received_minor, 0)) AS total FROM replenishments
        WHERE state = 'approved' GROUP BY asset_id
    ) AS coming USING (asset_id)
    LEFT JOIN (
        SELECT asset_id, sum(amount_minor) AS total FROM deposits
        WHERE state IN ('seen', 'confirming') GROUP BY asset_id
    ) AS shown USING (asset_id)
    """
)


@dataclass(frozen=True, slots=True)
class Inventory:
    """One asset, in the smallest unit. No two of these figures are ever added together here.

    `spendable_minor` is what the ledger has in the hot wallet and no withdrawal under way has reserved: credited money
    alone. `pending_outbound_minor` is reserved for those withdrawals; `pending_inbound_minor` is what was ordered to
    fund the buffer and has not arrived. `pre_credit_inbound_minor` is what a chain shows and nobody was credited with.
    `snapshot` is the newest comparison of the wallet with the books.
    """

    asset: Asset
    spendable_minor: int
    pending_outbound_minor: int
    pending_inbound_minor: int
    pre_credit_inbound_minor: int
    snapshot: BufferSnapshot | None


def inventory(session: Session) -> Sequence[Inventory]:
    """Every asset of this house, by id."""
    figures = {row.asset_id: row for row in session.execute(_FIGURES)}
    found = []
    for asset in assets.every(session):
        row = figures[asset.asset_id]
        booked, leaving, coming, shown = (int(part) for part in (row.booked, row.leaving, row.coming, row.shown))
        snapshots = buffers.newest(session, asset.asset_id)
        found.append(Inventory(asset, booked - leaving, leaving, coming, shown, snapshots[0] if snapshots else None))
    return found
