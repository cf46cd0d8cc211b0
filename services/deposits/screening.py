"""Screen deposits: which are to be screened, and what follows from the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from models.deposit import Deposit
from models.screening import DepositScreening, ScreeningPolicy
from services import alerts, flows, outbox
from services.deposits.quarantine import quarantine
from services.screening import hits, may_be_credited, mode_of, released, spelled_by_node

BATCH_MAX = 100
BACKOFF_MAX = timedelta(minutes=5)
ALERT = "screening_waits"
LISTED = "bad_actor_list"
NAMED = "screening_service"


@dataclass(frozen=True, slots=True)
class Question:
    """A deposit whose senders are to be screened, and how."""

    deposit_id: UUID
    txid: str
    vout: int
    block_hash: str | None
    mode: str


def due(session: Session, chain: str, *, now: datetime) -> Sequence[Question]:
    """The deposits of a rail that are in a block and not yet cleared or refused."""
    mode = mode_of(session, chain)
    if mode == "off":
        return []
    rows = session.execute(
        select(Deposit.id, Deposit.txid, Deposit.vout, Deposit.block_hash)
        .outerjoin(DepositScreening, DepositScreening.deposit_id == Deposit.id)
        .where(
            Deposit.chain == chain,
            Deposit.state == "confirming",
            ~may_be_credited(session, chain),
            or_(DepositScreening.due_at.is_(None), DepositScreening.due_at <= now),
        )
        .order_by(Deposit.id)
        .limit(BATCH_MAX)
    )
    return [Question(*row, mode) for row in rows]


def waiting(session: Session, *, limit: int) -> Sequence[tuple[Deposit, DepositScreening]]:
    """The deposits that could not be screened yet, longest waiting first."""
    rows = session.execute(
        select(Deposit, DepositScreening)
        .join(DepositScreening, DepositScreening.deposit_id == Deposit.id)
        .where(DepositScreening.verdict == "waiting", Deposit.state == "confirming", ~released())
        .order_by(Deposit.id)
        .limit(limit)
    )
    return [(row.Deposit, row.DepositScreening) for row in rows]


def record(
    session: Session, question: Question, senders: Sequence[str], named: str | None, *, now: datetime, by: Actor
) -> str:
    """Record who paid and what the service said (`named`: why they are refused); returns the verdict.

    A deposit with a sender who is listed or named is set aside. A deposit that was decided about meanwhile is left
    alone.
    """
    deposit = _locked(session, question)
    if deposit is None:
        return "gone"
    # The list cannot grow between looking at it and calling this deposit clear.
    session.get(ScreeningPolicy, deposit.chain, with_for_update={"read": True}, populate_existing=True)
    spelled = spelled_by_node(deposit.chain, senders)
    found = hits(session, deposit.chain, spelled)
    reason = f"{found[0].address} is listed: {found[0].reason}" if found else named
    row = _row(session, question, now=now)
    row.verdict, row.senders, row.reason, row.due_at = "hit" if reason else "clear", spelled, reason, None
    session.flush()
    alerts.clear(session, ALERT, scope=f"deposit:{deposit.id}", now=now, reason="it was screened")
    if reason:
        quarantine(session, deposit.id, cause=LISTED if found else NAMED, reason=reason, now=now, by=by)
    else:
        outbox.promise(session, "deposits.credit", now=now)
    return row.verdict


def wait(session: Session, question: Question, *, reason: str, now: datetime, by: Actor) -> None:
    """Hold a deposit because the node or the service gave no answer; ask again later, and show why."""
    deposit = _locked(session, question)
    if deposit is None:
        return
    row = _row(session, question, now=now)
    if row.verdict != "waiting" or row.reason != reason:
        # The reason is for operators (row and alert): it names internals, and the owner reads the flow.
        flows.note(session, deposit.flow_id, deposit.state, {"screening": "waits"}, now=now, by=by)
    row.verdict, row.reason = "waiting", reason
    row.due_at = now + min(BACKOFF_MAX, timedelta(seconds=5 * 2 ** min(row.attempts, 10)))
    row.attempts += 1
    session.flush()
    alerts.raise_alert(
        session,
        ALERT,
        scope=f"deposit:{deposit.id}",
        severity="warning",
        reason=f"a deposit cannot be screened, so it is not credited: {reason}",
        now=now,
        asset_id=deposit.asset_id,
        tx_hash=deposit.txid,
        details={"deposit_id": str(deposit.id), "amount_minor": str(deposit.amount_minor)},
    )


def _locked(session: Session, question: Question) -> Deposit | None:
    """The deposit, if it is still undecided and in the same block as when it was asked about."""
    return session.scalars(
        select(Deposit)
        .where(
            Deposit.id == question.deposit_id,
            Deposit.state == "confirming",
            Deposit.block_hash == question.block_hash,
            ~released(),
        )
        .with_for_update()
    ).one_or_none()


def _row(session: Session, question: Question, *, now: datetime) -> DepositScreening:
    row = session.get(DepositScreening, question.deposit_id, with_for_update=True)
    if row is None:
        # It waits until it is known; whoever calls says so, or better.
        row = DepositScreening(deposit_id=question.deposit_id, senders=[], verdict="waiting", due_at=now, attempts=0)
    row.mode, row.checked_at = question.mode, now
    session.add(row)
    return row
