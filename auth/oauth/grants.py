"""Grants: what users allow apps, with limits per day where money leaves, revocable at any time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from auth import invalidation
from auth.oauth import scopes
from domain.errors import StrongroomError
from domain.ids import new_id
from models.oauth import OAuthClient, OAuthFamily, OAuthGrant, OAuthSpendingLimit
from models.session import UserSession


class GrantNotFound(StrongroomError):
    """This app has no access to your account."""

    code: ClassVar[str] = "grant_not_found"


@dataclass(frozen=True, slots=True)
class Connected:
    """An app with a user's grant, and its limits by asset in the smallest unit."""

    grant: OAuthGrant
    client: OAuthClient
    limits: Mapping[str, int]


def standing(session: Session, *, user_id: UUID, client_pk: UUID) -> OAuthGrant | None:
    """The user's present grant to this app, or None."""
    return session.scalars(
        select(OAuthGrant).where(
            OAuthGrant.user_id == user_id, OAuthGrant.client_id == client_pk, OAuthGrant.revoked_at.is_(None)
        )
    ).one_or_none()


def consent(
    session: Session, *, user_id: UUID, client_pk: UUID, scope: str, limits: Mapping[str, int] | None, now: datetime
) -> OAuthGrant:
    """Add scopes to a user's grant, creating it if there is none.

    `limits` replaces what the app may spend per day, by asset in the smallest unit; None leaves it unchanged.
    """
    session.execute(
        insert(OAuthGrant)
        .values(id=new_id(), user_id=user_id, client_id=client_pk, scope="", created_at=now, changed_at=now)
        .on_conflict_do_nothing(index_elements=["user_id", "client_id"], index_where=text("revoked_at IS NULL"))
    )
    grant = session.scalars(
        select(OAuthGrant)
        .where(OAuthGrant.user_id == user_id, OAuthGrant.client_id == client_pk, OAuthGrant.revoked_at.is_(None))
        .with_for_update()
    ).one()
    grant.scope = scopes.spell([*grant.scope.split(), *scope.split()])
    grant.changed_at = now
    if limits is not None:
        _limit(session, grant.id, limits)
    session.flush()
    return grant


def connected(session: Session, user_id: UUID) -> Sequence[Connected]:
    """Every app with a grant of this user, the newest first."""
    rows = session.execute(
        select(OAuthGrant, OAuthClient)
        .join(OAuthClient, OAuthClient.id == OAuthGrant.client_id)
        .where(OAuthGrant.user_id == user_id, OAuthGrant.revoked_at.is_(None), OAuthClient.disabled_at.is_(None))
        .order_by(OAuthGrant.id.desc())
    ).all()
    return [Connected(grant, client, limits_of(session, grant.id)) for grant, client in rows]


def limits_of(session: Session, grant_id: UUID) -> dict[str, int]:
    """What an app may spend per day, by asset in the smallest unit."""
    rows = session.scalars(select(OAuthSpendingLimit).where(OAuthSpendingLimit.grant_id == grant_id))
    return {row.asset_id: row.daily_minor for row in rows}


def revoke(session: Session, grant_id: UUID, *, user_id: UUID, now: datetime) -> OAuthGrant:
    """Revoke a grant and every token under it. Raises GrantNotFound."""
    grant = session.scalars(
        select(OAuthGrant)
        .where(OAuthGrant.id == grant_id, OAuthGrant.user_id == user_id, OAuthGrant.revoked_at.is_(None))
        .with_for_update()
    ).one_or_none()
    if grant is None:
        raise GrantNotFound
    grant.revoked_at = now
    session.flush()
    invalidation.note_ended(session, grant_id)
    return grant


def open_family(
    session: Session, grant_id: UUID, *, scope: str, audience: Sequence[str], auth_time: datetime, now: datetime
) -> OAuthFamily:
    """Begin one authorization under a grant."""
    family = OAuthFamily(
        id=new_id(),
        grant_id=grant_id,
        scope=scope,
        audience=list(audience),
        auth_time=auth_time,
        created_at=now,
    )
    session.add(family)
    session.flush()
    return family


_REVOKE_FAMILY = text(
    "UPDATE oauth_families SET revoked_at = :now, revoked_because = :reason WHERE id = :id AND revoked_at IS NULL"
)


def revoke_family(session: Session, family_id: UUID, *, reason: str, now: datetime) -> None:
    """Revoke every token of one authorization; does nothing if it has ended already."""
    session.execute(_REVOKE_FAMILY, {"id": family_id, "reason": reason, "now": now})
    invalidation.note_ended(session, family_id)


def signed_in_at(session: Session, session_id: UUID, *, lifetime: timedelta) -> datetime:
    """When the holder of a session signed in; `lifetime` is how long sessions last.

    It is computed from the session's end: a session that replaced another, because the account's keys changed, keeps
    the first one's end.
    """
    created_at, expires_at = session.execute(
        select(UserSession.created_at, UserSession.expires_at).where(UserSession.id == session_id)
    ).one()
    return min(created_at, expires_at - lifetime)


def _limit(session: Session, grant_id: UUID, limits: Mapping[str, int]) -> None:
    session.execute(
        delete(OAuthSpendingLimit)
        .where(OAuthSpendingLimit.grant_id == grant_id)
        .execution_options(synchronize_session=False)
    )
    session.add_all(
        OAuthSpendingLimit(grant_id=grant_id, asset_id=asset_id, daily_minor=daily_minor)
        for asset_id, daily_minor in limits.items()
    )
