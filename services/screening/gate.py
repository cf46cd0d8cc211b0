"""What a rail demands of a deposit before it is credited."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Final

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.rails import RAILS
from models.deposit import Deposit
from models.quarantine import DepositQuarantine
from models.screening import DepositScreening, ScreeningPolicy
from services import audit

MODES: Final = ("off", "list", "hook")


class NotScreenable(StrongroomError):
    """This rail does not tell who paid, so its deposits cannot be screened."""

    code: ClassVar[str] = "not_screenable"


def mode_of(session: Session, chain: str) -> str:
    """How deposits of this rail are screened: off, list (ours), or hook (ours and the service's)."""
    row = session.get(ScreeningPolicy, chain)
    return "off" if row is None else row.mode


def modes(session: Session) -> Mapping[str, str]:
    """The same for every rail for which it was ever set."""
    return {row.chain: row.mode for row in session.scalars(select(ScreeningPolicy).order_by(ScreeningPolicy.chain))}


def set_mode(session: Session, chain: str, mode: str, *, now: datetime, by: Actor) -> None:
    """Demand this from now on, also of deposits on their way. Raises NotScreenable."""
    if mode != "off" and (chain not in RAILS or not RAILS[chain].tells_senders):
        raise NotScreenable(f"{chain}: nobody can say who paid there")
    row = session.get(ScreeningPolicy, chain, with_for_update=True)
    before = "off" if row is None else row.mode
    if row is None:
        session.add(ScreeningPolicy(chain=chain, mode=mode))
    else:
        row.mode = mode
    session.flush()
    detail = {"chain": chain, "before": before, "after": mode}
    audit.record(session, "screening.mode_set", by=by, now=now, detail=detail)


def may_be_credited(session: Session, chain: str) -> ColumnElement[bool]:
    """The condition under which a deposit of this rail may be credited: it is clear, or an operator has released it."""
    mode = mode_of(session, chain)
    if mode == "off":
        return true()
    enough = ("hook",) if mode == "hook" else ("list", "hook")
    clear = select(DepositScreening.deposit_id).where(
        DepositScreening.deposit_id == Deposit.id,
        DepositScreening.verdict == "clear",
        DepositScreening.mode.in_(enough),
    )
    return clear.correlate(Deposit).exists() | released()


def released() -> ColumnElement[bool]:
    """Whether an operator has released the deposit."""
    decided = select(DepositQuarantine.deposit_id).where(
        DepositQuarantine.deposit_id == Deposit.id, DepositQuarantine.decision == "release"
    )
    return decided.correlate(Deposit).exists()
