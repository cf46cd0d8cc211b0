"""Everything on record about one alert: when it stood, what operators said about it, and whose money it concerns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, and_, or_, select, union
from sqlalchemy.orm import Session

from domain.alert_rule import NODATA, AlertRule
from domain.alert_rules import RULES
from models.alert import OpsAlert
from models.alert_state import AlertAcknowledgement, AlertSilence, AlertState
from models.audit import AuditLog
from models.deposit import Deposit
from models.flow import Flow
from models.payout import Payout
from models.sweep import Sweep
from models.verification import PaymentVerification
from models.withdrawal import Withdrawal
from services.alerts import handling
from services.alerts.handling import UnknownAlert

CHANGES_MAX: Final = 100
FLOWS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Dossier:
    """One alert: its newest transition and those before it, newest first, with what operators said and did.

    `state` is where it stands between two evaluations; None where it is normal or not evaluated. `acknowledged` and
    `silences` are those in force. `flows` are the movements of money that it concerns.
    """

    newest: OpsAlert
    rule: AlertRule | None
    transitions: Sequence[OpsAlert]
    said: Sequence[AuditLog]
    acknowledged: AlertAcknowledgement | None
    silences: Sequence[AlertSilence]
    state: AlertState | None
    flows: Sequence[Flow]

    @property
    def ends_by_word(self) -> bool:
        """Whether an operator may say that it is over."""
        return self.stands and (self.rule is None or self.rule.ends_by_word(self.newest.service_scope))

    @property
    def stands(self) -> bool:
        """Whether it was raised and has not cleared."""
        return self.newest.status == "raised"


def of_event(session: Session, alert_event_id: UUID, *, now: datetime) -> Dossier:
    """The alert that this transition belongs to. Raises UnknownAlert."""
    row = session.get(OpsAlert, alert_event_id)
    if row is None:
        raise UnknownAlert
    return _of(session, row.fingerprint, now=now)


def of_name(session: Session, code: str, scope: str, *, now: datetime) -> Dossier:
    """The alert of this code and scope, whether or not it stands. Raises UnknownAlert."""
    return _of(session, f"{code}:{scope}", now=now)


def _of(session: Session, fingerprint: str, *, now: datetime) -> Dossier:
    transitions = session.scalars(
        select(OpsAlert).where(OpsAlert.fingerprint == fingerprint).order_by(OpsAlert.seq.desc()).limit(CHANGES_MAX)
    ).all()
    if not transitions:
        raise UnknownAlert
    newest = transitions[0]
    return Dossier(
        newest=newest,
        rule=RULES.get(newest.alert_code),
        transitions=transitions,
        said=session.scalars(_said_of(newest)).all(),
        acknowledged=handling.acknowledgement(session, newest) if newest.status == "raised" else None,
        silences=[row for row in handling.in_force(session, now=now) if handling.covers(row, newest)],
        state=session.get(AlertState, fingerprint),
        flows=flows_about(session, newest.service_scope),
    )


def flows_about(session: Session, scope: str) -> Sequence[Flow]:
    """The flows that a scope names, or that the object it names belongs to; 20 at most."""
    noun, _, told = scope.removeprefix(NODATA).partition(":")
    try:
        item_id = UUID(told)
    except ValueError:
        return []
    query = _flow_ids(noun, item_id)
    if query is None:
        return []
    ids = session.scalars(query).all()
    return session.scalars(select(Flow).where(Flow.group_id.in_(ids)).order_by(Flow.group_id).limit(FLOWS_MAX)).all()


def _flow_ids(noun: str, item_id: UUID) -> Select[UUID] | None:
    if noun == "payout":
        swept = select(Sweep.flow_id).join(Payout, Payout.sweep_id == Sweep.id).where(Payout.id == item_id)
        paid = select(Withdrawal.flow_id).where(Withdrawal.payout_id == item_id)
        return select(union(paid, swept).subquery().c.flow_id)
    queries = {
        "flow": select(Flow.group_id).where(Flow.group_id == item_id),
        "deposit": select(Deposit.flow_id).where(Deposit.id == item_id),
        "withdrawal": select(Withdrawal.flow_id).where(Withdrawal.id == item_id),
        "verification": select(PaymentVerification.flow_id).where(PaymentVerification.id == item_id),
    }
    return queries.get(noun)


def _said_of(row: OpsAlert) -> Select[AuditLog]:
    """What operators did about an alert, newest first. Such audit lines are few, and are found by their event."""
    detail = AuditLog.detail
    by_name = and_(AuditLog.event == "alert.acknowledged", detail["alert"].astext == row.fingerprint)
    by_scope = and_(
        AuditLog.event.in_(("alert.silenced", "alert.unsilenced")),
        detail["alert_code"].astext == row.alert_code,
        or_(detail["scope"].astext.is_(None), detail["scope"].astext == row.service_scope),
    )
    return select(AuditLog).where(or_(by_name, by_scope)).order_by(AuditLog.id.desc()).limit(CHANGES_MAX)
