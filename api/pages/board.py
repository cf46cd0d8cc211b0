"""Read the operator's board."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from api.health import CHAIN_STALE_AFTER, redis_answers
from api.pages import sentences
from api.pages.context import every_asset, on_rails
from api.pages.shapes import AlertLine, AssetName, Board, BufferCard, Gauge, Money, WaitingLine
from api.pages.wording import amount, counted, spoken
from auth.sessions import Principal
from domain.ids import short_id
from domain.rails import RAILS
from models.buffer import BufferSnapshot
from models.chain import ChainCursor
from models.withdrawal import Withdrawal, WithdrawalApproval
from services import alerts, buffers, chains, heartbeats, overview, state, withdrawals
from services.alerts import pausing
from wiring.container import Container

# Heartbeats come every ten seconds: after three missing ones a process is late.
HEARTBEAT_LATE_AFTER: Final = timedelta(seconds=30)
BUFFER_STALE_AFTER: Final = timedelta(minutes=5)
LISTED_MAX: Final = 200

_VERDICTS: Final[Mapping[str, str]] = {"ok": "yours", "mismatch": "wrong", "unknown": "waiting"}


def read(session: Session, parts: Container, caller: Principal) -> Board:
    """The whole board as of now."""
    now = parts.now()
    known = every_asset(session)

    def waiting(*states: str) -> list[WaitingLine]:
        found = withdrawals.in_states(session, states, limit=LISTED_MAX)
        rows = [row for row in found if _needs_an_eye(row)]
        given = withdrawals.approvals_of_many(session, [row.id for row in rows])
        return [_waiting(row, known[row.asset_id], given[row.id], caller) for row in rows]

    return Board(
        health=tuple(_health(session, parts, known, now)),
        buffers=tuple(
            _buffer(snapshot, known[snapshot.asset_id], now)
            for asset_id in known
            for snapshot in buffers.newest(session, asset_id)
        ),
        alerts=tuple(
            AlertLine(row.alert_event_id, row.alert_code, row.severity, row.reason, row.service_scope, row.raised_at)
            for row in alerts.standing(session)
        ),
        uncertain=tuple(waiting("uncertain")),
        approvals=tuple(waiting("pending_approval")),
        held_up=tuple(waiting("approved", "signed")),
        may_decide="approver" in caller.roles,
    )


def _needs_an_eye(row: Withdrawal) -> bool:
    """Whether a withdrawal needs an operator; an approved one that waits for its turn does not."""
    return row.state not in {"approved", "signed"} or row.waiting_reason is not None


def _health(session: Session, parts: Container, known: Mapping[str, AssetName], now: datetime) -> list[Gauge]:
    cursors = {cursor.chain: cursor for cursor in chains.every(session)}
    followed = dict.fromkeys(asset.chain for asset in on_rails(known))
    gauges = [_chain(RAILS[chain].name, cursors.get(chain), now) for chain in followed]
    if not gauges:
        gauges.append(Gauge("Chains", "waiting", "none is set up", "STRONGROOM_CHAINS is empty"))
    beats = heartbeats.every(session)
    gauges += [_queue(beat.queue, beat.ran_at, now) for beat in beats]
    gauges += [Gauge(f"Queue {queue}", "wrong", "never consumed") for queue in heartbeats.never(beats)]
    if not beats:
        gauges.append(Gauge("Queues", "wrong", "no worker has run yet"))
    gauges.append(looking(session, now))
    delay = overview.database_delay(session)
    gauges.append(Gauge("Database", "yours", "answers", f"in {delay.total_seconds() * 1000:.1f} ms"))
    is_up = redis_answers(parts)
    gauges.append(Gauge("Redis", "yours" if is_up else "wrong", "answers" if is_up else "does not answer"))
    seal = overview.last_seal(session)
    if seal is not None:
        gauges.append(Gauge("Last seal", "yours", "sealed", f"to transfer {seal.last_id},", seal.sealed_at))
    return gauges


def looking(session: Session, now: datetime) -> Gauge:
    """Whether alerts are evaluated; otherwise their absence means nothing."""
    found = pausing.current(session, now=now)
    if found is not None:
        return Gauge("Alerts", "wrong", f"paused by {sentences.actor(found.paused_by)}", "ends", found.ends_at)
    seen = state.looked(session)
    if seen is None:
        return Gauge("Alerts", "wrong", "not looked for yet")
    is_late = now - seen > state.STALLED_AFTER
    return Gauge("Alerts", "wrong" if is_late else "yours", "not looked for" if is_late else "looked for", "", seen)


def _chain(name: str, cursor: ChainCursor | None, now: datetime) -> Gauge:
    if cursor is None or cursor.polled_at is None:
        return Gauge(name, "waiting", "not read yet")
    detail = f"block {amount(cursor.height, 0)}, read"
    if cursor.paused_at is not None:
        return Gauge(name, "waiting", f"paused by {sentences.actor(cursor.paused_by or '')}", detail, cursor.polled_at)
    if cursor.failing_since is not None:
        return Gauge(name, "wrong", spoken(cursor.error or "does not answer"), detail, cursor.polled_at)
    if now - cursor.polled_at > CHAIN_STALE_AFTER:
        return Gauge(name, "wrong", "not read lately", detail, cursor.polled_at)
    if cursor.height < cursor.tip_height:
        left = cursor.tip_height - cursor.height
        return Gauge(name, "waiting", f"{left} blocks behind", detail, cursor.polled_at)
    return Gauge(name, "yours", "at the tip", detail, cursor.polled_at)


def _queue(queue: str, ran_at: datetime, now: datetime) -> Gauge:
    is_late = now - ran_at > HEARTBEAT_LATE_AFTER
    return Gauge(f"Queue {queue}", "wrong" if is_late else "yours", "late" if is_late else "consumed", "beat", ran_at)


def _buffer(snapshot: BufferSnapshot, asset: AssetName, now: datetime) -> BufferCard:
    is_old = now - snapshot.at > BUFFER_STALE_AFTER
    return BufferCard(
        asset=asset,
        verdict=snapshot.verdict,
        meaning="waiting" if is_old else _VERDICTS[snapshot.verdict],
        words=_verdict_words(snapshot, asset) + (", not compared lately" if is_old else ""),
        at=snapshot.at,
        ledger=Money(snapshot.ledger_minor, asset),
        holding=None if snapshot.holding_minor is None else Money(snapshot.holding_minor, asset),
        difference=None if snapshot.difference_minor is None else Money(snapshot.difference_minor, asset),
        lines=tuple((str(label), Money(int(minor), asset)) for label, minor in snapshot.lines),
    )


def _verdict_words(snapshot: BufferSnapshot, asset: AssetName) -> str:
    if snapshot.difference_minor is None:
        return f"not known: {spoken(snapshot.reason or 'no answer')}"
    if snapshot.difference_minor == 0:
        return "holding and ledger agree"
    spelled = f"{amount(abs(snapshot.difference_minor), asset.decimals)}\u00a0{asset.symbol}"
    return f"{spelled} {'more' if snapshot.difference_minor > 0 else 'less'} than the ledger says"


def _waiting(
    row: Withdrawal, asset: AssetName, approvals: Sequence[WithdrawalApproval], caller: Principal
) -> WaitingLine:
    given = sum(1 for approval in approvals if approval.decision == "approve")
    return WaitingLine(
        id=row.id,
        flow=short_id(row.flow_id),
        money=Money(row.amount_minor, asset),
        destination=row.destination,
        owner=f"user {short_id(row.user_id)}",
        since=row.state_changed_at,
        approvals=f"{given} of {counted(row.approvals_needed, 'approval')}" if row.approvals_needed else "",
        state=row.state,
        mine=row.user_id == caller.user_id,
        reason=sentences.waiting(row.waiting_reason) if row.waiting_reason else "",
    )
