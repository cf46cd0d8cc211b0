"""Have suspense carry what left the house and nothing explains."""

from datetime import datetime

from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import ensure
from domain.flows import LOSS
from domain.ids import new_id
from domain.ledger import Transaction, Transfer
from models.loss import Loss
from services import audit, flows, ledger


def carry(
    session: Session, asset_id: str, amount_minor: int, *, txid: str, reason: str, key: str, now: datetime, by: Actor
) -> Loss:
    """Book a payment of the hot wallet's to suspense, under this key of the ledger; its flow begins here.

    The caller makes sure that it is booked once.
    """
    ensure(amount_minor > 0, "a loss is of something")
    detail = {"txid": txid, "reason": reason}
    opening = flows.Opening(LOSS, "carried", None, asset_id, amount_minor, detail)
    [flow_id] = flows.open_many(session, [opening], now=now, by=by)
    suspense = ledger.system_account(session, "suspense", asset_id)
    hot_wallet = ledger.system_account(session, "hot_wallet", asset_id)
    legs = (Transfer(suspense, hot_wallet, amount_minor),)
    booked = Transaction(key, "loss_carried", legs, flow_id=flow_id, effective_at=now)
    outcome = ledger.post_one(session, booked)
    ensure(outcome.refused is None, f"the ledger refused to carry a loss: {outcome.refused}")
    row = Loss(
        id=new_id(),
        asset_id=asset_id,
        amount_minor=amount_minor,
        txid=txid,
        state="carried",
        reason=reason,
        created_at=now,
        flow_id=flow_id,
    )
    session.add(row)
    session.flush()
    told = {**detail, "loss_id": str(row.id), "asset_id": asset_id, "amount_minor": str(amount_minor)}
    audit.record(session, "loss.carried", by=by, now=now, detail=told)
    return row
