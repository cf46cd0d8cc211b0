"""Evaluate each rule in turn, and move its alerts accordingly."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.alert_rule import NODATA, AlertRule
from domain.alert_rules import NODATA_AFTER, RULES
from domain.alert_states import Reading, State, Step, step
from domain.host_facts import HostFacts
from models.alert_state import AlertEvaluation, AlertState
from services.alerts import pausing
from services.alerts.evaluation import Evaluation
from services.alerts.sources import SOURCES
from services.alerts.transitions import clear, raise_alert, stands

SLACK: Final = timedelta(seconds=2.5)
"""An evaluation may come this much early: half of the time between two wake-ups, so that a wake-up that is a little
early or late is neither skipped nor counted twice."""

_TURN: Final = text("SELECT pg_try_advisory_xact_lock(hashtextextended('alert_rule:' || :code, 1))")


def due(session: Session, *, now: datetime) -> Sequence[AlertRule]:
    """The rules that are due for another evaluation."""
    looked = {row.alert_code: row.evaluated_at for row in session.scalars(select(AlertEvaluation))}
    return [rule for rule in RULES.values() if rule.is_evaluated and _is_due(rule, looked.get(rule.code), now)]


def evaluate(session: Session, rule: AlertRule, facts: HostFacts, *, now: datetime) -> int:
    """Evaluate one rule and move its alerts.

    Returns how many were raised or cleared; 0 if paused, or if another process is at it.
    """
    if not _may_evaluate(session, rule, now):
        return 0
    known = frozenset(_states(session, rule))
    readings = list(SOURCES[rule.code](Evaluation(session, facts, now, rule, known)))
    outcome = "nodata" if any(reading.outcome == "unknown" for reading in readings) else "known"
    _record_evaluation(session, rule, outcome, None, now)
    return _move(session, rule, readings, facts.host, now)


def without_answer(session: Session, rule: AlertRule, facts: HostFacts, *, error: str, now: datetime) -> int:
    """Record that evaluating a rule failed: nothing clears, and the failure becomes an alert itself if it lasts."""
    if not _may_evaluate(session, rule, now):
        return 0
    _record_evaluation(session, rule, "error", error, now)
    states = _states(session, rule)
    readings = [Reading(row.service_scope, "unknown") for row in states.values() if not _is_nodata(row)]
    return _move(session, rule, [*readings, Reading("all", "unknown", error)], facts.host, now)


def _is_due(rule: AlertRule, looked_at: datetime | None, now: datetime) -> bool:
    if looked_at is None:
        return True
    age = now - looked_at
    # A time in the future was noted by a clock that is or was ahead: it says nothing about now.
    return age >= rule.every - SLACK or age < -SLACK


def _may_evaluate(session: Session, rule: AlertRule, now: datetime) -> bool:
    if pausing.is_paused(session, now=now):
        return False
    return bool(session.execute(_TURN, {"code": rule.code}).scalar_one())


def _move(session: Session, rule: AlertRule, readings: Iterable[Reading], host: str, now: datetime) -> int:
    states = _states(session, rule)
    found: dict[str, Reading] = {}
    for reading in readings:
        found[reading.scope] = reading
        if reading.outcome == "unknown":
            told = f"it cannot be told whether it is so: {reading.reason or 'no answer'}"
            found[f"{NODATA}{reading.scope}"] = replace(reading, scope=f"{NODATA}{reading.scope}", outcome="bad",
                                                        reason=told)  # fmt: skip
    for row in states.values():
        if rule.host_of(row.service_scope) not in {None, host}:
            continue  # only that host can say, and it evaluates the rule itself
        found.setdefault(row.service_scope, Reading(row.service_scope, "good", "it is so no more"))
    return sum(_judge(session, rule, reading, states.get(scope), now) for scope, reading in found.items())


def _judge(session: Session, rule: AlertRule, reading: Reading, row: AlertState | None, now: datetime) -> bool:
    is_explained = reading.outcome == "bad" and _is_explained(session, rule, reading)
    is_nodata = reading.scope.startswith(NODATA)
    # A time in the future was noted by a clock that was ahead: it would block everything until then.
    state, since = (cast("State", row.state), min(row.since, now)) if row is not None else ("normal", now)
    moved = step(
        state,
        since,
        "unknown" if is_explained else reading.outcome,
        now=now,
        hold_for=NODATA_AFTER if is_nodata else rule.hold_for,
        clear_for=timedelta(0) if is_nodata else rule.clear_for,
    )
    if moved.state == "normal":
        if row is not None:
            session.delete(row)
    else:
        _keep(row or _opened(session, rule, reading), reading, moved, now)
    if moved.news == "raise":
        raise_alert(
            session,
            rule.code,
            scope=reading.scope,
            severity="warning" if is_nodata else rule.severity,
            reason=reading.reason,
            now=now,
            asset_id=reading.asset_id,
            tx_hash=reading.tx_hash,
            details=reading.details,
        )
    elif moved.news == "clear":
        clear(session, rule.code, scope=reading.scope, now=now, reason=reading.reason or "it is so no more")
    return moved.news is not None


def _is_explained(session: Session, rule: AlertRule, reading: Reading) -> bool:
    """Whether another alert stands that explains this finding."""
    for fingerprint in sorted(reading.beside):
        code, _, scope = fingerprint.partition(":")
        if code in rule.inhibited_by and stands(session, code, scope=scope):
            return True
    return False


def _opened(session: Session, rule: AlertRule, reading: Reading) -> AlertState:
    fingerprint = f"{rule.code}:{reading.scope}"
    row = AlertState(fingerprint=fingerprint, alert_code=rule.code, service_scope=reading.scope, reason="", details={})
    session.add(row)
    return row


def _keep(row: AlertState, reading: Reading, moved: Step, now: datetime) -> None:
    row.state, row.since, row.looked_at = moved.state, moved.since, now
    if reading.outcome == "bad":
        row.reason, row.details = reading.reason, dict(reading.details)


def _states(session: Session, rule: AlertRule) -> dict[str, AlertState]:
    rows = session.scalars(select(AlertState).where(AlertState.alert_code == rule.code))
    return {row.service_scope: row for row in rows}


def _is_nodata(row: AlertState) -> bool:
    return row.service_scope.startswith(NODATA)


def _record_evaluation(session: Session, rule: AlertRule, outcome: str, error: str | None, now: datetime) -> None:
    values = {"evaluated_at": now, "outcome": outcome, "error": error}
    session.execute(
        insert(AlertEvaluation)
        .values(alert_code=rule.code, **values)
        .on_conflict_do_update(index_elements=["alert_code"], set_=values)
    )
