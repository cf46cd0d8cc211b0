"""The health of reading a chain: how far it was read, what is final, and the alerts when it cannot be read."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from models.chain import ChainCursor
from services import alerts, leases
from services.chains.cursors import held

STALE_AFTER: Final = timedelta(seconds=60)
FINALITY_SILENT: Final = timedelta(minutes=40)
"""Ethereum's blocks become final about every six minutes, and the chains that settle on it take a few of those
steps."""


def cannot_follow(session: Session, chain: str, *, code: str, now: datetime) -> None:
    """Record that a configured chain has never been readable: payments to it would not be seen."""
    alerts.raise_alert(
        session,
        "chain_source_stale",
        scope=f"chain:{chain}",
        severity="warning",
        reason=f"{chain} has never been readable: {_spoken(code)}",
        now=now,
        details={"error": code},
    )


def finish(
    session: Session, chain: str, *, generation: int, tip_height: int, final_height: int | None = None, now: datetime
) -> None:
    """Record that the chain was read to its tip: the source is healthy. A final height never moves back."""
    cursor = held(session, chain, generation)
    leases.settle(cursor)
    cursor.polled_at, cursor.tip_height = now, tip_height
    if final_height is not None:
        _follow_finality(session, cursor, final_height, now=now)
    if cursor.failing_since is not None:
        cursor.failing_since = cursor.error = None
        alerts.clear(session, "chain_source_stale", scope=f"chain:{chain}", now=now, reason="the node answers again")


def unread_since(session: Session, chain: str, *, now: datetime) -> datetime | None:
    """Since when a chain is paused, or its node has failed for `STALE_AFTER`; None while it is read as ever."""
    cursor = session.get(ChainCursor, chain)
    if cursor is None:
        return None
    failing = cursor.failing_since
    return cursor.paused_at or (failing if failing is not None and now - failing >= STALE_AFTER else None)


def _follow_finality(session: Session, cursor: ChainCursor, final_height: int, *, now: datetime) -> None:
    """Move the final height up, or raise an alert if it stands still: deposits and payments then wait for it."""
    if cursor.final_height is None or final_height > cursor.final_height:
        cursor.final_height, cursor.final_moved_at = final_height, now
        scope = f"chain:{cursor.chain}"
        alerts.clear(session, "finality_lagging", scope=scope, now=now, reason="blocks become final again")
    elif cursor.final_moved_at is None:
        cursor.final_moved_at = now
    elif now - cursor.final_moved_at >= FINALITY_SILENT:
        alerts.raise_alert(
            session,
            "finality_lagging",
            scope=f"chain:{cursor.chain}",
            severity="critical",
            reason=f"no block of {cursor.chain} has become final since {cursor.final_moved_at:%Y-%m-%d %H:%M} UTC",
            now=now,
            details={"final_height": cursor.final_height, "height": cursor.height},
        )


def fail(session: Session, chain: str, *, generation: int, code: str, now: datetime, critical: bool = False) -> None:
    """Record that the chain could not be read: nothing about it is known now, and nothing moves."""
    cursor = held(session, chain, generation)
    leases.release(cursor, due_at=now + min(leases.back_off(cursor.attempts), timedelta(seconds=15)))
    cursor.failing_since = cursor.failing_since or now
    cursor.error = code
    if critical or now - cursor.failing_since >= STALE_AFTER or now - (cursor.polled_at or now) >= STALE_AFTER:
        alerts.raise_alert(
            session,
            "chain_source_stale",
            scope=f"chain:{chain}",
            severity="critical",
            reason=f"{chain} has not been readable since {cursor.failing_since:%Y-%m-%d %H:%M:%S} UTC: {_spoken(code)}",
            now=now,
            details={"error": code, "height": cursor.height},
        )


def _spoken(code: str) -> str:
    return code.replace("_", " ")
