"""The addresses to which payments may be claimed: the house's own, and those of apps."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.rails import RAILS
from models.verification import ReceivingAddress
from services import assets, audit


class NotAReceivingAddress(StrongroomError):
    """Payments to this address cannot be claimed: it is not a receiving address of the house or the app."""

    code: ClassVar[str] = "not_a_receiving_address"


def add_address(
    session: Session, chain: str, address: str, *, client_id: str | None, now: datetime, by: Actor
) -> ReceivingAddress:
    """Accept claims of payments to this address: credited if it is the house's, reported to the app if it is an app's.

    The house must control the money on its address, and it must not be a deposit address. Adding an address again gives
    it to the new owner. Raises UnknownAsset for an unknown chain, and what parse_destination refuses.
    """
    rail = RAILS.get(chain)
    if rail is None:
        raise assets.UnknownAsset(f"there is no chain {chain!r}")
    assets.ensure_rail(session, rail)
    parsed = rail.parse_destination(address, field="address").text
    row = session.merge(ReceivingAddress(chain=chain, address=parsed, client_id=client_id, added_at=now))
    detail = {"chain": chain, "address": row.address, "client_id": client_id}
    audit.record(session, "receiving_address.added", by=by, now=now, detail=detail)
    return row


def addresses_of(session: Session) -> Sequence[ReceivingAddress]:
    """All of them."""
    query = select(ReceivingAddress).order_by(ReceivingAddress.chain, ReceivingAddress.added_at)
    return session.scalars(query).all()


def house_address(session: Session, chain: str) -> str | None:
    """Where people pay this house on a chain: the address added last."""
    return session.scalars(
        select(ReceivingAddress.address)
        .where(ReceivingAddress.chain == chain, ReceivingAddress.client_id.is_(None))
        .order_by(ReceivingAddress.added_at.desc())
        .limit(1)
    ).one_or_none()


def of_owner(session: Session, chain: str, address: str) -> frozenset[str]:
    """All receiving addresses, on a chain, of whoever owns this one: a transfer between them is no payment."""
    owner = select(ReceivingAddress.client_id).where(
        ReceivingAddress.chain == chain, ReceivingAddress.address == address
    )
    same = ReceivingAddress.client_id.is_not_distinct_from(owner.scalar_subquery())
    return frozenset(session.scalars(select(ReceivingAddress.address).where(ReceivingAddress.chain == chain, same)))


def recipient(session: Session, chain: str, to: str | None, *, client_id: str | None) -> ReceivingAddress:
    """The address that a claim is about; the house's if `to` is None. Raises NotAReceivingAddress, InvalidAddress."""
    spelled = house_address(session, chain) if to is None else RAILS[chain].parse_destination(to, field="to").text
    row = session.get(ReceivingAddress, (chain, spelled)) if spelled is not None else None
    if row is None or row.client_id not in {None, client_id}:
        raise NotAReceivingAddress(fields={"to": ["is not an address to which payments can be claimed"]})
    return row
