"""The destinations that a user has put on their allowlist."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.ids import new_id
from models.withdrawal import AllowedDestination
from services import assets, audit
from services.withdrawals.policy import rail_of


def allow(
    session: Session, *, user_id: UUID, asset_id: str, destination: str, now: datetime, by: Actor
) -> AllowedDestination:
    """Put a destination on the list; repeating it does not restart its cool-down. Raises InvalidAddress."""
    spelled = rail_of(assets.get(session, asset_id)).parse_destination(destination).text
    added = session.execute(
        insert(AllowedDestination)
        .values(id=new_id(), user_id=user_id, asset_id=asset_id, destination=spelled, added_at=now)
        .on_conflict_do_nothing()
        .returning(AllowedDestination.id)
    ).scalar()
    if added is not None:
        audit.record(session, "destination.allowed", by=by, now=now, detail={"destination": spelled})
    return session.scalars(
        select(AllowedDestination).where(
            AllowedDestination.user_id == user_id,
            AllowedDestination.asset_id == asset_id,
            AllowedDestination.destination == spelled,
        )
    ).one()


def forget(session: Session, *, user_id: UUID, destination_id: UUID, now: datetime, by: Actor) -> None:
    """Take a destination off the list; one that is not on it changes nothing."""
    removed = session.execute(
        delete(AllowedDestination)
        .where(AllowedDestination.id == destination_id, AllowedDestination.user_id == user_id)
        .returning(AllowedDestination.destination)
    ).scalar()
    if removed is not None:
        audit.record(session, "destination.forgotten", by=by, now=now, detail={"destination": removed})


def allowed(session: Session, user_id: UUID) -> Sequence[AllowedDestination]:
    """A user's list, newest first."""
    return session.scalars(
        select(AllowedDestination)
        .where(AllowedDestination.user_id == user_id)
        .order_by(AllowedDestination.added_at.desc())
    ).all()
