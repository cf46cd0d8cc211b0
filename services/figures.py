"""Figures of the whole house for monitoring, from the database: each query reads sums or few rows."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from domain import metrics
from domain.alert_rules import RULES
from domain.flows import FLOW_KINDS
from domain.metrics import Metric
from domain.queues import QUEUES
from models.alert_state import AlertEvaluation
from models.chain import ChainCursor
from models.flow_stats import FlowStepStats
from models.work import OutboxMessage
from services import alerts, checking, flow_stats, heartbeats, traffic

_UNSOUND: Final = frozenset({"ledger_invariant_broken", "seal_broken"})
_MICROSECONDS: Final = 1_000_000

_STOCKS: Final = text("SELECT kind, state, sum(flow_count) FROM flow_stocks GROUP BY kind, state")
_BUFFERS: Final = text(
    """
    SELECT assets.asset_id, assets.decimals, newest.* FROM assets CROSS JOIN LATERAL (
        SELECT at, verdict, holding_minor, ledger_minor, spendable_minor FROM buffer_snapshots AS s
        WHERE s.asset_id = assets.asset_id ORDER BY at DESC LIMIT 1) AS newest
    """
)
_SAID: Final = text("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM chat_messages_number_seq")
_SIGN_INS: Final = text(
    """
    SELECT (SELECT count(*) FROM auth_challenges WHERE expires_at > :now AND used_at IS NULL)
         + (SELECT count(*) FROM lnurl_challenges WHERE expires_at > :now AND claimed_at IS NULL)
    """
)
_TOKENS: Final = text("SELECT count(*) FROM oauth_access_tokens WHERE expires_at > :now AND revoked_at IS NULL")


class Figure(NamedTuple):
    """One value: of which metric, with which labels."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


def read(session: Session, *, now: datetime) -> Iterator[Figure]:
    """Every figure that comes from the database."""
    yield from _people(session, now)
    yield from _work(session, now)
    yield from _flows(session)
    yield from _alerts(session, now)
    yield from _buffers(session, now)
    yield from _chains(session, now)


def _people(session: Session, now: datetime) -> Iterator[Figure]:
    yield Figure(metrics.MESSAGES, (), float(session.execute(_SAID).scalar_one()))
    yield Figure(metrics.CHALLENGES, (), session.execute(_SIGN_INS, {"now": now}).scalar_one())
    yield Figure(metrics.TOKENS, (), session.execute(_TOKENS, {"now": now}).scalar_one())


def _work(session: Session, now: datetime) -> Iterator[Figure]:
    depth, oldest = session.execute(select(func.count(), func.min(OutboxMessage.created_at))).one()
    yield Figure(metrics.OUTBOX_DEPTH, (), depth)
    yield Figure(metrics.OUTBOX_AGE, (), _age(oldest, now))
    for beat in heartbeats.every(session):
        if beat.queue in QUEUES:
            yield Figure(metrics.HEARTBEAT_AGE, (beat.queue,), _age(beat.ran_at, now))
    for run, counted in traffic.tasks(session).items():
        yield Figure(metrics.TASKS, run, counted.count)
        yield Figure(metrics.TASK_SECONDS, run, counted.duration_us / _MICROSECONDS)


def _flows(session: Session) -> Iterator[Figure]:
    stocks = {(kind, state): int(count) for kind, state, count in session.execute(_STOCKS)}
    known = {(kind.name, state) for kind in FLOW_KINDS.values() for state in kind.states}
    for place in sorted(known | stocks.keys()):
        yield Figure(metrics.FLOWS, place, stocks.get(place, 0))
    for row in session.scalars(select(FlowStepStats).where(FlowStepStats.step_count >= flow_stats.STEPS_MIN)):
        for quantile, seconds in (("0.5", row.p50_s), ("0.9", row.p90_s), ("0.99", row.p99_s)):
            yield Figure(metrics.STEP_SECONDS, (row.kind, row.state, quantile), seconds)


def _alerts(session: Session, now: datetime) -> Iterator[Figure]:
    standing = alerts.standing(session)
    severities = Counter(row.severity for row in standing)
    codes = Counter(row.alert_code for row in standing)
    for severity in ("info", "warning", "critical"):
        yield Figure(metrics.ALERTS, (severity,), severities[severity])
    for code in sorted({*RULES, *codes}):
        yield Figure(metrics.ALERT, (code,), codes[code])
    yield Figure(metrics.LEDGER_SOUND, (), not _UNSOUND & codes.keys())
    looked = session.execute(select(func.max(AlertEvaluation.evaluated_at))).scalar_one()
    if looked is not None:
        yield Figure(metrics.LOOKED_AGE, (), _age(looked, now))
    checked = checking.last_ended(session)
    if checked is not None:
        yield Figure(metrics.CHECKED_AGE, (), _age(checked, now))


def _buffers(session: Session, now: datetime) -> Iterator[Figure]:
    for row in session.execute(_BUFFERS):
        parts = {"held": row.holding_minor, "booked": row.ledger_minor, "spendable": row.spendable_minor}
        for part, minor in parts.items():
            if minor is not None:
                yield Figure(metrics.BUFFER, (row.asset_id, part), float(minor) / 10**row.decimals)
        if row.verdict != "unknown":
            yield Figure(metrics.BUFFER_OK, (row.asset_id,), row.verdict == "ok")
        yield Figure(metrics.BUFFER_AGE, (row.asset_id,), _age(row.at, now))


def _chains(session: Session, now: datetime) -> Iterator[Figure]:
    for row in session.scalars(select(ChainCursor)):
        place = (row.chain,)
        yield Figure(metrics.CHAIN_HEIGHT, place, row.height)
        yield Figure(metrics.CHAIN_LAG, place, max(0, row.tip_height - row.height))
        yield Figure(metrics.CHAIN_FAILING, place, row.failing_since is not None)
        yield Figure(metrics.CHAIN_PAUSED, place, row.paused_at is not None)
        if row.polled_at is not None:
            yield Figure(metrics.CHAIN_AGE, place, _age(row.polled_at, now))


def _age(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())
