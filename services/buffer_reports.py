"""Daily reports of every buffer, written once when a day is over."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.buffer import BufferReport, BufferSnapshot
from models.deposit import Deposit
from models.withdrawal import Withdrawal

DAYS_BACK = 7
"""How many past days an installation that was down reports on when it is back."""
KEPT_WHOLE = timedelta(days=90)
BATCH = 5000
_THIN = text("SELECT looked_count, gone_count FROM thin_buffer_snapshots(:before, :batch)")


def write_due(session: Session, *, now: datetime) -> int:
    """Write the missing reports of the last days. Safe to repeat; returns how many lines are new."""
    today = now.astimezone(UTC).date()
    return sum(_write(session, today - timedelta(days=back)) for back in range(1, DAYS_BACK + 1))


def thin(session: Session, *, now: datetime) -> tuple[int, int]:
    """Look at the next comparisons older than ninety days, and drop all but each hour's last and every difference.

    Returns how many rows were looked at, `BATCH` at most, and how many are gone; fewer than `BATCH` means that there
    are no more. By then the days that they were of are summed up. The table is append-only to everybody but the
    database's own function, which refuses the last thirty days whoever asks.
    """
    found = session.execute(_THIN, {"before": now - KEPT_WHOLE, "batch": BATCH}).one()
    return found.looked_count, found.gone_count


def newest(session: Session, *, asset_id: str | None = None, limit: int) -> Sequence[BufferReport]:
    """The latest days, newest first."""
    query = select(BufferReport).order_by(BufferReport.day.desc(), BufferReport.asset_id).limit(limit)
    return session.scalars(query if asset_id is None else query.where(BufferReport.asset_id == asset_id)).all()


def _write(session: Session, day: date) -> int:
    begin = datetime.combine(day, time(), UTC)
    end = begin + timedelta(days=1)
    snapshot = BufferSnapshot
    done = select(BufferReport.asset_id).where(BufferReport.day == day)
    counted = session.execute(
        select(
            snapshot.asset_id,
            func.count().filter(snapshot.verdict == "ok"),
            func.count().filter(snapshot.verdict == "mismatch"),
            func.count().filter(snapshot.verdict == "unknown"),
            func.min(snapshot.spendable_minor),
            func.max(snapshot.spendable_minor),
        )
        .where(snapshot.at >= begin, snapshot.at < end, snapshot.asset_id.not_in(done))
        .group_by(snapshot.asset_id)
    ).all()
    for asset_id, ok_count, mismatch_count, unknown_count, least_minor, most_minor in counted:
        figures = {
            "ok_count": ok_count,
            "mismatch_count": mismatch_count,
            "unknown_count": unknown_count,
            "spendable_least_minor": least_minor,
            "spendable_most_minor": most_minor,
            **_closing(session, asset_id, begin, end),
        }
        statement = insert(BufferReport).values(day=day, asset_id=asset_id, **figures)
        session.execute(statement.on_conflict_do_nothing())
    return len(counted)


def _closing(session: Session, asset_id: str, begin: datetime, end: datetime) -> dict[str, Any]:
    """How the day ended, and what went in and out by it."""
    last = session.scalars(
        select(BufferSnapshot)
        .where(BufferSnapshot.asset_id == asset_id, BufferSnapshot.at >= begin, BufferSnapshot.at < end)
        .order_by(BufferSnapshot.at.desc(), BufferSnapshot.id.desc())
        .limit(1)
    ).one()
    credited = select(func.coalesce(func.sum(Deposit.amount_minor), 0)).where(
        Deposit.asset_id == asset_id, Deposit.credited_at >= begin, Deposit.credited_at < end
    )
    paid_out = select(func.coalesce(func.sum(Withdrawal.amount_minor), 0)).where(
        Withdrawal.asset_id == asset_id,
        Withdrawal.state == "completed",
        Withdrawal.closed_at >= begin,
        Withdrawal.closed_at < end,
    )
    return {
        "holding_minor": last.holding_minor,
        "ledger_minor": last.ledger_minor,
        "difference_minor": last.difference_minor,
        "credited_minor": int(session.scalar(credited) or 0),
        "paid_out_minor": int(session.scalar(paid_out) or 0),
    }
