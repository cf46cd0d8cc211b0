"""Propose to book what suspense carries, and agree to it: whoever proposes does not decide."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.crash import crash_point
from domain.errors import StrongroomError, ensure
from domain.flows import LOSS, WrongState, move
from domain.ids import new_id
from domain.ledger import Transaction, Transfer
from models.loss import Loss
from services import assets, audit, flows, ledger
from services.losses.carrying import OPEN
from services.losses.reading import carried, locked


class NotThatMuch(StrongroomError):
    """The amount exceeds what is left to propose: suspense's balance less open proposals and payments listed singly."""

    code: ClassVar[str] = "not_that_much_in_suspense"


class ProposedByYou(StrongroomError):
    """You proposed this: another operator must agree."""

    code: ClassVar[str] = "proposed_by_you"


def propose(session: Session, asset_id: str, amount_minor: int, *, reason: str, now: datetime, by: Actor) -> Loss:
    """Propose to book this much of what suspense lacks as lost or, where it has a surplus, as recovered.

    Raises UnknownAsset, NotThatMuch.
    """
    ensure(amount_minor > 0, "a loss is of something")
    _one_at_a_time(session, asset_id)
    lacking_minor = carried(session, asset_id)
    is_gain = lacking_minor < 0
    if amount_minor > abs(lacking_minor) - _spoken_for(session, asset_id, is_gain=is_gain):
        raise NotThatMuch
    opening = flows.Opening(LOSS, "proposed", None, asset_id, amount_minor, {"reason": reason, "is_gain": is_gain})
    [flow_id] = flows.open_many(session, [opening], now=now, by=by)
    row = Loss(
        id=new_id(),
        asset_id=asset_id,
        amount_minor=amount_minor,
        is_gain=is_gain,
        state="proposed",
        reason=reason,
        created_at=now,
        proposed_at=now,
        proposed_by=by.name,
        flow_id=flow_id,
    )
    session.add(row)
    session.flush()
    _on_record(session, "loss.proposed", row, reason, now=now, by=by)
    return row


def propose_payment(session: Session, loss_id: UUID, *, reason: str, now: datetime, by: Actor) -> Loss:
    """The same for a single payment that suspense carries. Raises LossNotFound, WrongState."""
    row = locked(session, loss_id)
    _go(session, row, "proposed", {"reason": reason}, now=now, by=by)
    # The second operator reads the reason; the finding itself is on the flow.
    row.reason, row.proposed_at, row.proposed_by, row.decided_at, row.decided_by = reason, now, by.name, None, None
    _on_record(session, "loss.proposed", row, reason, now=now, by=by)
    return row


def agree(session: Session, loss_id: UUID, *, now: datetime, by: Actor) -> Loss:
    """Book it: as an expense of the house, or less of one, and out of suspense.

    Raises LossNotFound, WrongState, ProposedByYou, and NotThatMuch where suspense no longer carries it.
    """
    row = locked(session, loss_id)
    if row.state != "proposed":
        raise WrongState(f"this loss is {row.state}; only a proposed one is agreed to")
    if row.proposed_by == by.name:
        raise ProposedByYou
    _one_at_a_time(session, row.asset_id)
    lacking_minor = carried(session, row.asset_id)
    if row.amount_minor > (-lacking_minor if row.is_gain else lacking_minor):
        raise NotThatMuch
    suspense = ledger.system_account(session, "suspense", row.asset_id)
    losses = ledger.system_account(session, "losses", row.asset_id)
    leg = Transfer(suspense, losses, row.amount_minor) if row.is_gain else Transfer(losses, suspense, row.amount_minor)
    booked = Transaction(f"loss:{row.id}:booked", "loss", (leg,), flow_id=row.flow_id, effective_at=now)
    outcome = ledger.post_one(session, booked)
    ensure(outcome.refused is None, f"the ledger refused to book a loss: {outcome.refused}")
    row.transaction_id, row.decided_at, row.decided_by = outcome.transaction_id, now, by.name
    _go(session, row, "booked", {"transaction_id": outcome.transaction_id}, now=now, by=by)
    _on_record(session, "loss.booked", row, row.reason, now=now, by=by)
    crash_point("loss.booking")
    return row


def refuse(session: Session, loss_id: UUID, *, reason: str, now: datetime, by: Actor) -> Loss:
    """Leave it in suspense; the operator who proposed it may do so, too. Raises LossNotFound, WrongState."""
    row = locked(session, loss_id)
    if row.state != "proposed":
        raise WrongState(f"this loss is {row.state}; only a proposed one is refused")
    row.decided_at, row.decided_by = now, by.name
    _go(session, row, "refused" if row.txid is None else "carried", {"reason": reason}, now=now, by=by)
    _on_record(session, "loss.refused", row, reason, now=now, by=by)
    return row


def _one_at_a_time(session: Session, asset_id: str) -> None:
    """Make concurrent proposals and decisions about this asset wait until the transaction ends."""
    session.refresh(assets.get(session, asset_id), with_for_update={"key_share": True})


def _spoken_for(session: Session, asset_id: str, *, is_gain: bool) -> int:
    """What other open losses of the same kind account for."""
    query = select(func.coalesce(func.sum(Loss.amount_minor), 0)).where(
        Loss.asset_id == asset_id, Loss.is_gain == is_gain, Loss.state.in_(OPEN)
    )
    return int(session.scalars(query).one())


def _go(session: Session, row: Loss, state: str, detail: dict[str, object], *, now: datetime, by: Actor) -> None:
    step = flows.Step(row.flow_id, LOSS, row.state, state, detail)
    row.state = move(LOSS, row.state, state)
    session.flush()
    flows.record(session, step, now=now, by=by)


def _on_record(session: Session, event: str, row: Loss, reason: str, *, now: datetime, by: Actor) -> None:
    detail = {
        "loss_id": str(row.id),
        "asset_id": row.asset_id,
        "amount_minor": str(row.amount_minor),
        "is_gain": row.is_gain,
        "reason": reason,
    }
    audit.record(session, event, by=by, now=now, detail=detail)
