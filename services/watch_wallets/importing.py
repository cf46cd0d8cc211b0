"""Import a descriptor, and forget it again."""

import hashlib
from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.descriptors import Descriptor, PrivateDescriptor, parse_descriptor, parse_range
from domain.errors import StrongroomError
from domain.ids import new_id
from domain.networks import Network
from domain.private_keys import holds_private_key
from models.user import User
from models.watch_wallet import WatchAddress, WatchWallet
from services import audit, leases, outbox
from services.watch_wallets.reading import owned

WALLETS_MAX = 50


class TooManyWatchWallets(StrongroomError):
    """You have reached the maximum of watched wallets: remove one first."""

    code: ClassVar[str] = "too_many_watch_wallets"


class Imported(NamedTuple):
    """The wallet, and whether it is new here."""

    wallet: WatchWallet
    is_new: bool


def import_descriptor(
    session: Session,
    *,
    user_id: UUID,
    network: Network,
    text: object,
    indexes: object,
    label: str,
    now: datetime,
    by: Actor,
) -> Imported:
    """Watch a descriptor for a user. It is pending until a task has had the node check it and derived its addresses.

    Importing a descriptor again gives the same wallet: with another range it is derived anew, after a refusal by the
    node it is checked again, otherwise only its label changes. Works while the node is down. Raises InvalidDescriptor
    and its kinds, InvalidRange, TooManyWatchWallets.
    """
    if holds_private_key(label):
        raise PrivateDescriptor("label: holds a private key", fields={"label": ["holds a private key"]})
    descriptor = parse_descriptor(text, network)
    wanted = parse_range(indexes, descriptor) or (None, None)
    # One import at a time for each user, so that the limit holds.
    session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    wallet = _known(session, user_id, network, descriptor)
    is_new = wallet is None
    if wallet is None:
        wallet = _make(session, user_id, network, descriptor, now)
    changed = is_new or wallet.state == "refused" or (wallet.first_index, wallet.last_index) != wanted
    wallet.label = label or wallet.label
    if changed:
        wallet.first_index, wallet.last_index = wanted
        _begin(wallet)
        session.flush()
        outbox.promise(session, "watch_wallets.derive", now=now)
        detail = {"wallet_id": str(wallet.id), "chain": network.chain, "range": list(wanted)}
        audit.record(session, "wallet.imported", by=by, now=now, detail=detail)
    return Imported(wallet, is_new)


def forget(session: Session, *, user_id: UUID, wallet_id: UUID, now: datetime, by: Actor) -> None:
    """Stop watching a wallet and delete all that is known of it. Raises WatchWalletNotFound."""
    wallet = owned(session, user_id, wallet_id, lock=True)
    session.execute(delete(WatchAddress).where(WatchAddress.wallet_id == wallet.id))
    session.delete(wallet)
    audit.record(session, "wallet.forgotten", by=by, now=now, detail={"wallet_id": str(wallet_id)})


def _known(session: Session, user_id: UUID, network: Network, descriptor: Descriptor) -> WatchWallet | None:
    return session.scalars(
        select(WatchWallet)
        .where(
            WatchWallet.user_id == user_id,
            WatchWallet.chain == network.chain,
            WatchWallet.digest == _digest(descriptor),
        )
        .with_for_update()
    ).one_or_none()


def _make(session: Session, user_id: UUID, network: Network, descriptor: Descriptor, now: datetime) -> WatchWallet:
    count = session.scalar(select(func.count()).select_from(WatchWallet).where(WatchWallet.user_id == user_id)) or 0
    if count >= WALLETS_MAX:
        raise TooManyWatchWallets
    wallet = WatchWallet(
        id=new_id(),
        user_id=user_id,
        chain=network.chain,
        label="",
        descriptor=descriptor.text,
        digest=_digest(descriptor),
        public_keys=list(descriptor.public_keys),
        created_at=now,
        lease_generation=0,
    )
    session.add(wallet)
    return wallet


def _begin(wallet: WatchWallet) -> None:
    """Have it checked and derived from the start; a worker that is at it or scans for it loses its lease."""
    wallet.state = "pending"
    wallet.refusal = wallet.refusal_reason = wallet.waiting_reason = wallet.checked_at = None
    wallet.balance_minor = wallet.balance_outputs = wallet.balance_height = wallet.balance_at = None
    wallet.scan_requested_at = wallet.scan_pass = None
    wallet.address_count = 0
    wallet.lease_generation += 1
    leases.settle(wallet)


def _digest(descriptor: Descriptor) -> bytes:
    return hashlib.sha256(descriptor.text.encode()).digest()
