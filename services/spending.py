"""What apps spend for their users: within 24 hours never more than agreed to, and only on requests of their own."""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.money import format_amount
from models.asset import Asset
from models.oauth import OAuthSpending

DAY = timedelta(days=1)


class SpendingLimitExceeded(StrongroomError):
    """This would exceed what the user allows the app to spend within 24 hours."""

    code: ClassVar[str] = "spending_limit_exceeded"


class NotThisAppsDoing(StrongroomError):
    """Apps can act only on what they requested; this was requested by the user, or by another app."""

    code: ClassVar[str] = "not_this_apps_doing"


# Locks the grant: the sum is exact, and a grant that is revoked meanwhile spends nothing.
_LOCK = text("SELECT 1 FROM oauth_grants WHERE id = :grant_id AND revoked_at IS NULL FOR NO KEY UPDATE")
_LEFT = text(
    """
    SELECT coalesce((SELECT daily_minor FROM oauth_spending_limits
                     WHERE grant_id = :grant_id AND asset_id = :asset_id), 0)
         - coalesce((SELECT sum(spent.amount_minor) FROM oauth_spendings spent
                     LEFT JOIN withdrawals w ON w.flow_id = spent.flow_id
                     LEFT JOIN conversions c ON c.flow_id = spent.flow_id
                     WHERE spent.grant_id = :grant_id AND spent.asset_id = :asset_id AND spent.at > :since
                       AND coalesce(w.state, c.state, '') NOT IN ('rejected', 'cancelled', 'failed')), 0)
    """
)

# A user who revokes an app and allows it again makes a new grant; it is the same app.
_DID = text(
    """
    SELECT 1 FROM oauth_spendings spent
    JOIN oauth_grants then_given ON then_given.id = spent.grant_id
    JOIN oauth_grants given ON given.id = :grant_id
        AND given.client_id = then_given.client_id AND given.user_id = then_given.user_id
    WHERE spent.flow_id = :flow_id
    """
)


def check_own(session: Session, flow_id: UUID, *, by: Actor) -> None:
    """Refuse an app to act on what it did not request; a user may act on all that is theirs.

    Raises NotThisAppsDoing.
    """
    if by.grant_id is None:
        return
    if session.execute(_DID, {"grant_id": by.grant_id, "flow_id": flow_id}).first() is None:
        raise NotThisAppsDoing


def count(session: Session, asset: Asset, *, flow_id: UUID, amount_minor: int, now: datetime, by: Actor) -> None:
    """Count an amount, fee included, against the app's spending limit; what a user does themselves is not counted.

    Call it in the transaction that holds or moves the money, afterwards. Raises SpendingLimitExceeded; rolling back
    then undoes the movement.
    """
    if by.grant_id is None:
        return
    if session.execute(_LOCK, {"grant_id": by.grant_id}).first() is None:
        raise SpendingLimitExceeded("What this app may do was taken back.")
    known = {"grant_id": by.grant_id, "asset_id": asset.asset_id, "since": now - DAY}
    left_minor = int(session.execute(_LEFT, known).scalar_one())
    if amount_minor > left_minor:
        left = format_amount(max(left_minor, 0), asset.decimals)
        reason = f"is, with its fee, above what is left of the app's limit for a day: {left} {asset.symbol}"
        raise SpendingLimitExceeded(f"amount: {reason}", fields={"amount": [reason]})
    session.add(
        OAuthSpending(flow_id=flow_id, grant_id=by.grant_id, asset_id=asset.asset_id, amount_minor=amount_minor, at=now)
    )
