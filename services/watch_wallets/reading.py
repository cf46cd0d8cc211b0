"""A user's watched wallets, and the state of their scans."""

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Final, Literal
from uuid import UUID

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from domain.addresses import InvalidAddress, UnsupportedAddress, WrongNetwork, parse_address
from domain.errors import StrongroomError
from domain.key_scripts import scripts_of
from domain.networks import NETWORKS
from models.watch_wallet import WatchAddress, WatchScanner, WatchWallet
from services.watch_wallets import child_keys

_PUBLIC_KEY: Final = re.compile(r"0[23][0-9a-f]{64}")


class WatchWalletNotFound(StrongroomError):
    """You watch no such wallet."""

    code: ClassVar[str] = "watch_wallet_not_found"


@dataclass(frozen=True, slots=True)
class ScanView:
    """Whether a wallet's coins are being looked for.

    `waiting`: `reason` says for what, another scan or the code of the node's last refusal; None when it is next.
    `running`: how far it is, in per cent.
    """

    state: Literal["none", "waiting", "running"]
    progress: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class WalletView:
    """A wallet and the state of its scan."""

    wallet: WatchWallet
    scan: ScanView


def of_user(session: Session, user_id: UUID) -> Sequence[WalletView]:
    """All wallets of a user, newest first; there are never many."""
    return _viewed(session, _mine(user_id))


def one(session: Session, user_id: UUID, wallet_id: UUID) -> WalletView:
    """One wallet of a user. Raises WatchWalletNotFound."""
    found = _viewed(session, _mine(user_id).where(WatchWallet.id == wallet_id))
    if not found:
        raise WatchWalletNotFound
    return found[0]


def belonging_to(session: Session, user_id: UUID, signer: str) -> Sequence[WalletView]:
    """Those of a user's wallets that a signer can spend from, or co-signs.

    By a compressed public key in hex: wallets in which it stands, which have an address of this key alone, or whose
    extended keys derive to it. By an address: wallets that contain it.
    """
    is_derived = exists().where(
        WatchAddress.wallet_id == WatchWallet.id, WatchAddress.script.in_(_scripts_of_signer(signer))
    )
    stands = WatchWallet.public_keys.contains([signer])
    is_child = WatchWallet.id.in_(_with_child(session, user_id, signer))
    return _viewed(session, _mine(user_id).where(stands | is_derived | is_child))


def owned(session: Session, user_id: UUID, wallet_id: UUID, *, lock: bool = False) -> WatchWallet:
    """The row of one wallet of a user, to be changed. Raises WatchWalletNotFound."""
    query = select(WatchWallet).where(WatchWallet.id == wallet_id, WatchWallet.user_id == user_id)
    wallet = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if wallet is None:
        raise WatchWalletNotFound
    return wallet


def _with_child(session: Session, user_id: UUID, signer: str) -> list[UUID]:
    """The user's wallets whose extended keys derive to the signer's; one wallet's keys in memory at a time."""
    if not _PUBLIC_KEY.fullmatch(signer):
        return []
    query = select(WatchWallet.id).where(WatchWallet.user_id == user_id, WatchWallet.derived_keys != b"")
    return [
        wallet_id
        for wallet_id in session.scalars(query).all()
        if child_keys.holds(session.scalar(select(WatchWallet.derived_keys).where(WatchWallet.id == wallet_id)), signer)
    ]


def _scripts_of_signer(signer: str) -> Collection[bytes]:
    if _PUBLIC_KEY.fullmatch(signer):
        return scripts_of(signer)
    scripts = set()
    for network in NETWORKS.values():
        # An address belongs to some networks and not to others.
        with suppress(InvalidAddress, WrongNetwork, UnsupportedAddress):
            scripts.add(parse_address(signer, network).script)
    return scripts


def _mine(user_id: UUID) -> Select[WatchWallet]:
    return select(WatchWallet).where(WatchWallet.user_id == user_id).order_by(WatchWallet.id.desc())


def _viewed(session: Session, query: Select[WatchWallet]) -> Sequence[WalletView]:
    wallets = session.scalars(query).all()
    chains = {wallet.chain for wallet in wallets}
    scanners = {
        scanner.chain: scanner
        for scanner in session.scalars(select(WatchScanner).where(WatchScanner.chain.in_(chains)))
    }
    return [WalletView(wallet, _scan(wallet, scanners.get(wallet.chain))) for wallet in wallets]


def _scan(wallet: WatchWallet, scanner: WatchScanner | None) -> ScanView:
    if wallet.scan_requested_at is None:
        return ScanView("none")
    if scanner is None:
        return ScanView("waiting")
    if scanner.started_at is None:
        return ScanView("waiting", reason=scanner.error)
    if wallet.scan_pass == scanner.lease_generation:
        return ScanView("running", progress=scanner.progress or 0)
    return ScanView("waiting", reason="scan_in_progress")
