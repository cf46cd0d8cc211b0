"""Turn approved withdrawals into one signed payment, stored before anybody sees it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import exists, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.chain_facts import OutPoint
from domain.crash import crash_point
from domain.errors import StrongroomError
from domain.flows import WITHDRAWAL
from domain.ids import new_id
from domain.wallet_facts import Payment, SignedPayment
from models.asset import Asset, WithdrawalPolicy
from models.deposit import Deposit
from models.payout import Payout, PayoutInput, PayoutTransaction
from models.withdrawal import Withdrawal
from services import alerts, flows, leases, outbox
from services.payouts.reading import inputs_in_flight
from services.withdrawals.returns import lost_a_deposit, lost_its_deposit

BATCH_MAX = 50
ATTEMPTS_BEFORE_ALERT = 5


class InputsTaken(StrongroomError):
    """Another stored payment spends one of these inputs, or an input is in no block read: this must never be sent."""

    code: ClassVar[str] = "inputs_taken"


@dataclass(frozen=True, slots=True)
class Batch:
    """Withdrawals claimed for one payment, as (id, lease generation), with all that is needed after the transaction."""

    chain: str
    asset_id: str
    fee_asset_id: str
    claims: tuple[tuple[UUID, int], ...]
    payments: tuple[Payment, ...]
    fee_max_minor: int
    avoid: tuple[OutPoint, ...]

    def part(self, first: int, count: int) -> "Batch":
        """The same batch with only some of its withdrawals, for when the wallet cannot pay all."""
        last = first + count
        return replace(self, claims=self.claims[first:last], payments=self.payments[first:last])


def claim_approved(
    session: Session, asset: Asset, *, fee_asset_id: str, most: int, owner: str, now: datetime
) -> Batch | None:
    """Lease approved withdrawals of an asset that are due, oldest first, up to a number.

    None when there are none or the asset is paused. A return of a deposit waits while that deposit is in no block.
    """
    query = (
        select(Withdrawal)
        .join(WithdrawalPolicy, WithdrawalPolicy.asset_id == Withdrawal.asset_id)
        .where(
            Withdrawal.asset_id == asset.asset_id,
            Withdrawal.state == "approved",
            WithdrawalPolicy.paused.is_(False),
            ~lost_its_deposit(),
        )
        .order_by(Withdrawal.id)
        .limit(min(most, BATCH_MAX))
    )
    claimed = leases.claim(session, query, Withdrawal, owner=owner, now=now)
    if not claimed:
        return None
    policy = session.get_one(WithdrawalPolicy, asset.asset_id)
    return Batch(
        chain=asset.chain,
        asset_id=asset.asset_id,
        fee_asset_id=fee_asset_id,
        claims=tuple((row.id, row.lease_generation) for row in claimed),
        payments=tuple(
            Payment(row.destination, row.amount_minor, asset.contract or "", row.beneficiary_name or "")
            for row in claimed
        ),
        fee_max_minor=policy.network_fee_cap_minor,
        avoid=tuple(inputs_in_flight(session, asset.chain)),
    )


def record_signed(session: Session, batch: Batch, signed: SignedPayment, *, now: datetime, by: Actor) -> UUID | None:
    """Store the signed payment; only what is stored may ever leave. Returns the payout's id.

    None when withdrawals were paused, or one of these was cancelled, rejected, taken over, or returns a deposit that a
    reorganisation undid: the payment, which nobody has seen, is then dropped, and the others are tried again. Raises
    InputsTaken when another stored payment spends one of its inputs.
    """
    # Locked before the withdrawals, as pausing does: once a pause has been confirmed, nothing more is stored.
    policy = session.get_one(WithdrawalPolicy, batch.asset_id, with_for_update={"read": True}, populate_existing=True)
    claimed = still_claimed(session, batch)
    moved_on = any(
        row.state != "approved" or row.lease_generation != generation
        for row, (_, generation) in zip(claimed, batch.claims, strict=True)
    )
    if policy.paused or moved_on or lost_a_deposit(session, claimed):
        _release(claimed, batch, due_at=now)
        return None
    payout = store(session, batch.chain, batch.asset_id, batch.fee_asset_id, signed, now=now)
    detail = {"payout_id": str(payout.id), "txid": signed.txid, "network_fee_minor": str(signed.fee_minor)}
    flows.record_many(
        session,
        [flows.Step(row.flow_id, WITHDRAWAL, "approved", "signed", detail) for row in claimed],
        now=now,
        by=by,
    )
    for row in claimed:
        row.state, row.state_changed_at, row.payout_id, row.waiting_reason = "signed", now, payout.id, None
        if row.attempts >= ATTEMPTS_BEFORE_ALERT:
            alerts.clear(session, "withdrawal_waits", scope=f"withdrawal:{row.id}", now=now, reason="signed")
        leases.settle(row)
    outbox.promise(session, "payouts.send", now=now)
    session.flush()
    crash_point("withdrawal.storing")
    return payout.id


def store(
    session: Session,
    chain: str,
    asset_id: str,
    fee_asset_id: str,
    signed: SignedPayment,
    *,
    purpose: str = "withdrawal",
    sweep_id: UUID | None = None,
    now: datetime,
) -> Payout:
    """Store a signed payment, to be sent from now on.

    Raises InputsTaken when another payment spends one of its inputs, or when one of them is a deposit in no block that
    was read: a reorganisation may have undone it while the wallet was signing.
    """
    _refuse_undone(session, chain, signed.inputs)
    payout = Payout(
        id=new_id(),
        chain=chain,
        asset_id=asset_id,
        fee_asset_id=fee_asset_id,
        purpose=purpose,
        sweep_id=sweep_id,
        state="signed",
        created_at=now,
        state_changed_at=now,
        due_at=now,
        lease_generation=0,
        attempts=0,
    )
    session.add(payout)
    session.flush()
    # Inputs first: on a chain of accounts two workers may have signed the very same bytes.
    take_inputs(session, payout, signed.inputs)
    add_form(session, payout, signed, form=1, now=now)
    return payout


def add_form(
    session: Session, payout: Payout, signed: SignedPayment, *, form: int, is_cancellation: bool = False, now: datetime
) -> None:
    """Store one signed form of a payout; one that cancels it uses the same inputs and pays nobody."""
    session.execute(
        insert(PayoutTransaction),
        [
            {
                "id": new_id(),
                "payout_id": payout.id,
                "chain": payout.chain,
                "txid": signed.txid,
                "form": form,
                "raw_tx": signed.raw_tx,
                "fee_minor": signed.fee_minor,
                "amount_minor": signed.amount_minor,
                "vsize": signed.vsize,
                "inputs": [f"{spent.txid}:{spent.vout}" for spent in signed.inputs],
                "payment_vouts": list(signed.payment_vouts),
                "change_vout": signed.change_vout,
                "is_cancellation": is_cancellation,
                "signed_at": now,
            }
        ],
    )


def take_inputs(session: Session, payout: Payout, inputs: Sequence[OutPoint]) -> None:
    """Record that a payout spends these inputs. Raises InputsTaken when another one does.

    A failed payout outside any block gives its inputs up: should a reorganisation revive it, the new spender keeps it
    from being paid after its funds were released.
    """
    if not inputs:  # a provider's
        return
    rows = [{"chain": payout.chain, "txid": one.txid, "vout": one.vout, "payout_id": payout.id} for one in inputs]
    left = exists().where(Payout.id == PayoutInput.payout_id, Payout.state == "failed", Payout.block_height.is_(None))
    taking = insert(PayoutInput).values(rows)
    taken = session.execute(
        taking.on_conflict_do_update(
            index_elements=["chain", "txid", "vout"], set_={"payout_id": taking.excluded.payout_id}, where=left
        ).returning(PayoutInput.vout)
    ).all()
    if len(taken) != len(rows):
        raise InputsTaken


def _refuse_undone(session: Session, chain: str, inputs: Sequence[OutPoint]) -> None:
    """Raise InputsTaken for a deposit in no block; none of these can be undone before this transaction ends."""
    places = session.scalars(
        select(Deposit.block_height)
        .where(Deposit.chain == chain, tuple_(Deposit.txid, Deposit.vout).in_(inputs))
        .order_by(Deposit.id)
        .with_for_update(read=True)
    )
    if any(block_height is None for block_height in places):
        raise InputsTaken


def still_claimed(session: Session, batch: Batch) -> Sequence[Withdrawal]:
    """The withdrawals of a batch in its order, locked and read afresh."""
    rows = session.scalars(
        select(Withdrawal)
        .where(Withdrawal.id.in_([withdrawal_id for withdrawal_id, _ in batch.claims]))
        .order_by(Withdrawal.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    return sorted(rows, key=lambda row: [withdrawal_id for withdrawal_id, _ in batch.claims].index(row.id))


def _release(rows: Sequence[Withdrawal], batch: Batch, *, due_at: datetime) -> None:
    for row, (_, generation) in zip(rows, batch.claims, strict=True):
        if row.state == "approved" and row.lease_generation == generation:
            leases.release(row, due_at=due_at)
