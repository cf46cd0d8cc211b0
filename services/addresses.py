"""Deposit addresses: a pool filled ahead of need, from which issuing is one statement."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.ids import new_id
from domain.rail_rows import RailRow
from domain.rails import RAILS
from domain.wallet_facts import NewAddress
from models.chain import DepositAddress
from models.deposit import Deposit
from models.user import User
from services import assets, audit, outbox

POOL_TARGET = 200
POOL_LOW = 100
UNUSED_MAX = 20


class AddressPoolEmpty(StrongroomError):
    """No address is ready: the pool is empty until the node refills it. Nothing was lost; retry soon."""

    code: ClassVar[str] = "address_pool_empty"


class UnknownNetwork(StrongroomError):
    """This asset does not exist on that network; the message lists those on which it does."""

    code: ClassVar[str] = "unknown_network"


class NothingComesIn(StrongroomError):
    """This rail accepts no deposits: it has no deposit addresses."""

    code: ClassVar[str] = "nothing_comes_in"


class TooManyUnusedAddresses(StrongroomError):
    """You have reached the maximum of unused addresses: use one of those first."""

    code: ClassVar[str] = "too_many_unused_addresses"


_ISSUE = text(
    """
    UPDATE deposit_addresses SET user_id = :user_id, issued_at = :now
    WHERE id = (
        SELECT id FROM deposit_addresses
        WHERE chain = :chain AND user_id IS NULL AND retired_at IS NULL AND starts_with(address, :prefix)
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id
    """
)


def issue(
    session: Session, *, user_id: UUID, asset_id: str, now: datetime, by: Actor, network: str = ""
) -> DepositAddress:
    """Give the user a fresh deposit address; on a chain of accounts, the one that they have for good.

    A custodian's asset has one address for each user and `network`; by default that is the rail's first. Works while
    the node is down. Raises UnknownAsset, NothingComesIn, UnknownNetwork, AddressPoolEmpty, TooManyUnusedAddresses.
    """
    chain = assets.get(session, asset_id).chain
    if not RAILS[chain].takes_deposits:
        raise NothingComesIn(f"{asset_id} is paid out here; nothing is taken in")
    prefix = _prefix(RAILS[chain], network)
    if RAILS[chain].has_accounts or prefix:
        session.get_one(User, user_id, with_for_update=True)
        for address in of_user(session, user_id, chain):
            if address.address.startswith(prefix):
                return address
    if _unused(session, user_id, chain) >= UNUSED_MAX:
        raise TooManyUnusedAddresses
    issued_id = session.execute(_ISSUE, {"user_id": user_id, "chain": chain, "prefix": prefix, "now": now}).scalar()
    outbox.promise(session, "addresses.refill", now=now)
    if issued_id is None:
        raise AddressPoolEmpty
    address = session.get_one(DepositAddress, issued_id)
    audit.record(session, "address.issued", by=by, now=now, detail={"chain": chain, "address": address.address})
    return address


def of_user(session: Session, user_id: UUID, chain: str | None = None, *, limit: int = 100) -> Sequence[DepositAddress]:
    """The newest addresses issued to a user."""
    query = select(DepositAddress).where(DepositAddress.user_id == user_id)
    if chain is not None:
        query = query.where(DepositAddress.chain == chain)
    return session.scalars(query.order_by(DepositAddress.issued_at.desc()).limit(limit)).all()


def is_kept(session: Session, spelled: Collection[str]) -> bool:
    """Whether one of these is a deposit address, issued or in the pool."""
    query = select(DepositAddress.id).where(DepositAddress.address.in_(spelled)).limit(1)
    return session.scalar(query) is not None


def shortage(session: Session, chain: str, network: str = "") -> int:
    """How many addresses the pool lacks now, on this network of a custodian if it has networks.

    0 until the pool has run low, then as many as fill it.
    """
    pooled = session.scalar(
        select(func.count())
        .select_from(DepositAddress)
        .where(DepositAddress.chain == chain, DepositAddress.user_id.is_(None), DepositAddress.retired_at.is_(None))
        .where(func.starts_with(DepositAddress.address, f"{network}:" if network else ""))
    )
    return POOL_TARGET - (pooled or 0) if (pooled or 0) < POOL_LOW else 0


def next_index(session: Session, chain: str) -> int:
    """The first index under the chain's extended key that no address was derived from yet."""
    highest = session.scalar(
        select(func.max(DepositAddress.derivation_index)).where(
            DepositAddress.chain == chain, DepositAddress.derivation_index.is_not(None)
        )
    )
    return 0 if highest is None else highest + 1


def add_to_pool(session: Session, chain: str, addresses: Sequence[NewAddress], *, now: datetime) -> None:
    """Put fresh addresses into the pool; one that is there already stays as it is."""
    if addresses:
        session.execute(
            insert(DepositAddress)
            .values(
                [
                    {
                        "id": new_id(),
                        "chain": chain,
                        "address": fresh.address,
                        "script": fresh.script,
                        "derivation_index": fresh.derivation_index,
                        "created_at": now,
                    }
                    for fresh in addresses
                ]
            )
            .on_conflict_do_nothing(index_elements=["chain", "script"])
        )


def retire_pool(session: Session, *, now: datetime, by: Actor) -> int:
    """Retire every address that is still in a pool, on any rail; returns how many.

    For a restore from an older dump: since the dump was made some of them were issued, and whoever was issued one a
    second time would get what its first owner is paid.
    """
    pooled = (DepositAddress.user_id.is_(None), DepositAddress.retired_at.is_(None))
    retired = session.scalars(update(DepositAddress).where(*pooled).values(retired_at=now).returning(DepositAddress.id))
    count = len(retired.all())
    audit.record(session, "address.pool_retired", by=by, now=now, detail={"addresses": count})
    return count


def skip_to(session: Session, chain: str, last: NewAddress, *, now: datetime) -> None:
    """Derive no address below this index any more: those may have been issued after the dump was made."""
    add_to_pool(session, chain, [last], now=now)
    is_it = (DepositAddress.chain == chain, DepositAddress.script == last.script, DepositAddress.user_id.is_(None))
    session.execute(update(DepositAddress).where(*is_it).values(retired_at=now))


def _prefix(rail: RailRow, network: str) -> str:
    """The prefix that the addresses of this network begin with."""
    if not network and not rail.networks:
        return ""
    wanted = network.upper() or next(iter(rail.networks), "")
    if wanted not in rail.networks:
        known = ", ".join(rail.networks) or "none by name"
        reason = f"is not one of the networks of this asset: {known}"
        raise UnknownNetwork(f"network: {reason}", fields={"network": [reason]})
    return f"{wanted}:"


def _unused(session: Session, user_id: UUID, chain: str) -> int:
    used = select(Deposit.id).where(Deposit.address_id == DepositAddress.id).exists()
    return (
        session.scalar(
            select(func.count())
            .select_from(DepositAddress)
            .where(DepositAddress.user_id == user_id, DepositAddress.chain == chain, ~used)
        )
        or 0
    )
