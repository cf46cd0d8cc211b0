"""Decide claims: lease them, and record what providers showed and everything that follows from it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.claim_reading import Reading
from domain.crash import crash_point
from domain.errors import ensure
from domain.flows import VERIFICATION, move
from domain.ledger import Transaction, Transfer
from domain.rails import RAILS
from domain.verification import REASONS, Claim, Decision, decide
from models.deposit import Deposit
from models.verification import ClaimedTransferRow, PaymentVerification
from services import alerts, assets, flows, leases, ledger, own_movements, screening
from services.verifications import addresses, evidence, looking_again
from services.verifications.rules import rule_of

LEASE = timedelta(minutes=3)
ATTEMPTS_MAX = 12
"""How many inconclusive looks before a claim stays uncertain until somebody asks again: about an hour, with the
back-off."""
WAIT_MAX = timedelta(hours=24)
"""How long a transaction that was seen may take to become final."""
OPEN = ("requested", "uncertain")


def claim_due(session: Session, *, owner: str, limit: int, now: datetime) -> Sequence[PaymentVerification]:
    """Lease some claims that are due: open ones first, then verified ones to be looked at again."""
    query = (
        select(PaymentVerification)
        .where(PaymentVerification.state.in_(OPEN), PaymentVerification.attempts < ATTEMPTS_MAX)
        .order_by(PaymentVerification.due_at)
        .limit(limit)
    )
    taken = leases.claim(session, query, PaymentVerification, owner=owner, now=now, lease=LEASE)
    left = limit - len(taken)
    return [*taken, *looking_again.claim_due(session, owner=owner, limit=left, lease=LEASE, now=now)]


def record(
    session: Session, verification_id: UUID, reading: Reading, *, generation: int, now: datetime, by: Actor
) -> Decision:
    """Record one look at the chain and what follows from it. Raises LeaseLost if another worker took over."""
    query = select(PaymentVerification).where(PaymentVerification.id == verification_id)
    row = leases.locked(session, query, generation)
    evidence.keep(session, row.id, generation, reading.exchanges)
    if row.state == "verified":
        return looking_again.record(session, row, reading, now=now)
    # At the first look no alert about this claim can stand, so none has to be looked for.
    is_first = generation == 1 and row.state == "requested"
    decision = apply(session, row, reading, is_first=is_first, now=now, by=by)
    crash_point("verification.recording")
    return decision


def apply(
    session: Session,
    row: PaymentVerification,
    reading: Reading,
    *,
    is_looked_at: bool = False,
    is_first: bool = False,
    now: datetime,
    by: Actor,
) -> Decision:
    """Move a locked claim to what follows from a reading: credit it, reject it, or schedule another look.

    `is_looked_at`: an operator carries it out, and answers for who paid. `is_first`: nobody looked before, so that no
    alert about it can stand.
    """
    decision = decided(session, row, reading, is_looked_at=is_looked_at, now=now)
    while decision.transfer is not None and not _taken(session, row, decision.transfer.place):
        # Another claim has used it up since, and committed: decide again without it.
        decision = decided(session, row, reading, is_looked_at=is_looked_at, now=now)
    credit_id = None
    if decision.transfer is not None and row.credits_user:
        credit_id = _credit(session, row, decision.transfer.amount_minor, now)
    before = row.state
    # Set together, with no query in between: the table's constraints hold for every state that is flushed.
    if decision.state != before:
        row.state, row.state_changed_at = move(VERIFICATION, before, decision.state), now
    row.reason = decision.reason or None
    if decision.transfer is not None:
        row.transfer_place, row.paid_minor = decision.transfer.place, decision.transfer.amount_minor
        row.credit_transaction_id = credit_id
    if decision.state == "uncertain":
        row.decided_at = None
        _again(session, row, now)
    else:
        leases.settle(row)
        if decision.state == "verified":
            looking_again.plan(row, reading.facts, now=now)
        row.decided_at = now
        if not is_first:
            reason = f"it is {decision.state}"
            alerts.clear(session, "verification_undecided", scope=f"verification:{row.id}", now=now, reason=reason)
    _note(session, row, before, decision, now=now, by=by)
    session.flush()
    return decision


def decided(
    session: Session, row: PaymentVerification, reading: Reading, *, is_looked_at: bool, now: datetime
) -> Decision:
    """What follows from a reading. Changes nothing.

    The house's own movements are nobody's payment. Where senders are screened, a claim does not tell who paid, so
    nothing is credited for one until an operator has looked at it.
    """
    if row.tx_hash in own_movements.among(session, row.chain, [row.tx_hash]):
        return Decision("rejected", "moved_by_the_house")
    asset = assets.get(session, row.asset_id)
    rule = rule_of(session, asset, credits_user=row.credits_user, now=now)
    claim = Claim(asset.contract or "", row.recipient, row.amount_minor, row.requested_at)
    own = addresses.of_owner(session, row.chain, row.recipient)
    decision = decide(claim, rule, reading.facts, doubt=reading.doubt, used=_used_places(session, row), own=own)
    is_to_be_credited = decision.state == "verified" and row.credits_user
    if is_to_be_credited and not is_looked_at and screening.mode_of(session, row.chain) != "off":
        return Decision("uncertain", "sender_not_screened")
    return decision


def _used_places(session: Session, row: PaymentVerification) -> set[int]:
    """The transfers of this transaction that another claim, or a deposit, has used."""
    claimed = select(ClaimedTransferRow.place).where(
        ClaimedTransferRow.chain == row.chain,
        ClaimedTransferRow.tx_hash == row.tx_hash,
        ClaimedTransferRow.verification_id != row.id,
    )
    deposited = select(Deposit.vout).where(Deposit.chain == row.chain, Deposit.txid == row.tx_hash)
    return {*session.scalars(claimed), *session.scalars(deposited)}


def _taken(session: Session, row: PaymentVerification, place: int) -> bool:
    """Use a transfer up for this claim; False when another claim has. Waits for one that is about to."""
    # The claim's own row first: the transfer names it.
    session.flush()
    return (
        session.execute(
            insert(ClaimedTransferRow)
            .values(chain=row.chain, tx_hash=row.tx_hash, place=place, verification_id=row.id)
            .on_conflict_do_nothing(index_elements=["chain", "tx_hash", "place"])
            .returning(ClaimedTransferRow.place)
        ).one_or_none()
        is not None
    )


def _credit(session: Session, row: PaymentVerification, amount_minor: int, now: datetime) -> int:
    transfer = Transfer(
        debit_account=ledger.system_account(session, "hot_wallet", row.asset_id),
        credit_account=ledger.user_account(session, row.user_id, row.asset_id),
        amount_minor=amount_minor,
    )
    transaction = Transaction(
        key=f"verification:{row.id}:credit",
        kind="verification_credit",
        legs=(transfer,),
        flow_id=row.flow_id,
        effective_at=now,
    )
    [outcome] = ledger.post(session, [transaction])
    ensure(outcome.refused is None, f"the ledger refused to credit claim {row.id}: {outcome.refused}")
    return outcome.transaction_id


def _again(session: Session, row: PaymentVerification, now: datetime) -> None:
    """Schedule another look: soon if the chain only needs time, else with growing intervals, in the end not at all."""
    if row.reason == "confirming" and now - row.requested_at < WAIT_MAX:
        row.attempts = 0
        interval = RAILS[row.chain].block_interval if row.chain in RAILS else timedelta(seconds=30)
        leases.release(row, due_at=now + min(max(interval, timedelta(seconds=2)), timedelta(minutes=1)))
        return
    if row.reason == "confirming":
        row.attempts = ATTEMPTS_MAX
    leases.release(row, due_at=now + leases.back_off(row.attempts))
    if row.attempts >= ATTEMPTS_MAX:
        alerts.raise_alert(
            session,
            "verification_undecided",
            scope=f"verification:{row.id}",
            severity="warning",
            reason=f"A claimed payment cannot be decided: {REASONS[row.reason or 'not_found']}",
            now=now,
            asset_id=row.asset_id,
            tx_hash=row.tx_hash,
        )


def _note(
    session: Session, row: PaymentVerification, before: str, decision: Decision, *, now: datetime, by: Actor
) -> None:
    detail = {"reason": decision.reason} if decision.reason else {"transaction_id": row.credit_transaction_id}
    if decision.state == before:
        flows.note(session, row.flow_id, before, detail, now=now, by=by)
        return
    flows.record(session, flows.Step(row.flow_id, VERIFICATION, before, row.state, detail), now=now, by=by)
