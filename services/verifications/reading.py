"""Read claims."""

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from models.verification import PaymentVerification


class VerificationNotFound(StrongroomError):
    """There is no such claim, or it is not yours to see."""

    code: ClassVar[str] = "verification_not_found"


def one(
    session: Session, verification_id: UUID, *, user_id: UUID | None = None, client_id: str | None = None
) -> PaymentVerification:
    """A claim; with `user_id` only theirs, with `client_id` only that app's. Raises VerificationNotFound."""
    row = session.get(PaymentVerification, verification_id)
    return _visible(row, user_id, client_id)


def locked(session: Session, verification_id: UUID) -> PaymentVerification:
    """The same, locked until the transaction ends and read afresh."""
    row = session.get(PaymentVerification, verification_id, with_for_update=True, populate_existing=True)
    return _visible(row, None, None)


def newest(
    session: Session, user_id: UUID, *, client_id: str | None, before: UUID | None, limit: int
) -> Sequence[PaymentVerification]:
    """A page of a user's claims, newest first; for an app only those that it made itself."""
    query = select(PaymentVerification).where(PaymentVerification.user_id == user_id)
    if client_id is not None:
        query = query.where(PaymentVerification.client_id == client_id)
    if before is not None:
        query = query.where(PaymentVerification.id < before)
    return session.scalars(query.order_by(PaymentVerification.id.desc()).limit(limit)).all()


def listed(
    session: Session, *, state: str | None = None, before: UUID | None = None, limit: int = 50
) -> Sequence[PaymentVerification]:
    """A page of everybody's claims, newest first."""
    query = select(PaymentVerification)
    if state is not None:
        query = query.where(PaymentVerification.state == state)
    if before is not None:
        query = query.where(PaymentVerification.id < before)
    return session.scalars(query.order_by(PaymentVerification.id.desc()).limit(limit)).all()


def _visible(row: PaymentVerification | None, user_id: UUID | None, client_id: str | None) -> PaymentVerification:
    if row is None or (user_id is not None and row.user_id != user_id):
        raise VerificationNotFound
    if client_id is not None and row.client_id != client_id:
        raise VerificationNotFound
    return row
