"""Balances of watched wallets: requested, found by the one scan that a node does at a time, kept for ten minutes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.scanning import ScanObject, ScanResult
from models.watch_wallet import WatchAddress, WatchScanner, WatchWallet
from services import leases, outbox

FRESH_FOR = timedelta(minutes=10)
WALLETS_PER_PASS = 100
ADDRESSES_PER_PASS = 50_000
"""How many addresses one pass looks for: it serves everybody who waits, and more would take too much memory."""
LEASE = timedelta(seconds=30)
WAIT_MAX = timedelta(seconds=30)
SCRIPTS_PER_QUERY = 5_000


@dataclass(frozen=True, slots=True)
class ScanOrder:
    """A pass to make.

    `follows_abandoned`: an earlier pass was never finished, and the node may still be busy with it.
    """

    generation: int
    objects: tuple[ScanObject, ...]
    follows_abandoned: bool


def is_fresh(wallet: WatchWallet, now: datetime) -> bool:
    """Whether the balance on record is young enough to be shown as it is."""
    return wallet.balance_at is not None and now - wallet.balance_at < FRESH_FOR


def request_scan(session: Session, wallet: WatchWallet, *, now: datetime) -> None:
    """Include this wallet in the next pass; one that waits already keeps its place."""
    if wallet.scan_requested_at is None:
        wallet.scan_requested_at = now
        outbox.promise(session, "watch_wallets.scan", now=now)


def refresh(session: Session, wallets: Sequence[WatchWallet], *, now: datetime) -> None:
    """Ask for a scan of those whose balance is older than ten minutes. The rows must be locked or the caller's."""
    for wallet in wallets:
        if wallet.state == "ready" and not is_fresh(wallet, now):
            request_scan(session, wallet, now=now)


def claim_scan(session: Session, chain: str, *, owner: str, now: datetime) -> ScanOrder | None:
    """The lease on the one pass of this chain, with all who wait for it; None when nobody waits, or it is taken."""
    if session.scalar(_waiting(chain).with_only_columns(WatchWallet.id).limit(1)) is None and not _is_left(
        session, chain, now
    ):
        return None
    session.execute(insert(WatchScanner).values(chain=chain).on_conflict_do_nothing())
    query = select(WatchScanner).where(WatchScanner.chain == chain)
    claimed = leases.claim(session, query, WatchScanner, owner=owner, now=now, lease=LEASE)
    if not claimed:
        return None
    scanner = claimed[0]
    was_abandoned = scanner.started_at is not None
    _put_back(session, chain)
    objects = _take(session, chain, scanner.lease_generation)
    if not objects:
        # Also after an abandoned pass: whatever the node still does for it runs out by itself.
        _rest(scanner)
        return None
    scanner.started_at, scanner.progress = now, 0
    return ScanOrder(scanner.lease_generation, objects, was_abandoned)


def report_scan(session: Session, chain: str, *, generation: int, progress: int, now: datetime) -> None:
    """Renew the lease on the pass, and show how far it is. Raises LeaseLost."""
    scanner = _held(session, chain, generation)
    scanner.progress, scanner.lease_until = progress, now + LEASE


def finish_scan(session: Session, chain: str, result: ScanResult, *, generation: int, now: datetime) -> int:
    """Record what the pass found, for everyone who was part of it. Returns how many. Raises LeaseLost."""
    scanner = _held(session, chain, generation)
    wallets = session.scalars(
        select(WatchWallet)
        .where(WatchWallet.chain == chain, WatchWallet.scan_pass == generation)
        .order_by(WatchWallet.id)
        .with_for_update()
    ).all()
    found = _matched(session, [wallet.id for wallet in wallets], result)
    for wallet in wallets:
        amounts = found.get(wallet.id, [])
        wallet.balance_minor, wallet.balance_outputs = sum(amounts), len(amounts)
        wallet.balance_height, wallet.balance_at = result.height, now
        wallet.scan_requested_at = wallet.scan_pass = None
    scanner.error = scanner.error_at = None
    _rest(scanner)
    return len(wallets)


def fail_scan(session: Session, chain: str, *, code: str, generation: int, now: datetime) -> None:
    """Record that the pass failed: its wallets go on waiting, with the reason shown. Raises LeaseLost."""
    scanner = _held(session, chain, generation)
    _put_back(session, chain)
    scanner.started_at = scanner.progress = None
    scanner.error, scanner.error_at = code, now
    leases.release(scanner, due_at=now + min(leases.back_off(scanner.attempts), WAIT_MAX))


def _waiting(chain: str) -> Select[WatchWallet]:
    return (
        select(WatchWallet)
        .where(WatchWallet.chain == chain, WatchWallet.scan_requested_at.is_not(None))
        .where(WatchWallet.state == "ready", WatchWallet.scan_pass.is_(None))
    )


def _is_left(session: Session, chain: str, now: datetime) -> bool:
    """Whether a pass was begun by a worker whose lease has run out."""
    query = select(WatchScanner.chain).where(
        WatchScanner.chain == chain, WatchScanner.started_at.is_not(None), WatchScanner.lease_until <= now
    )
    return session.scalar(query) is not None


def _take(session: Session, chain: str, generation: int) -> tuple[ScanObject, ...]:
    """Include the wallets that have waited longest in this pass; at least one, however large."""
    query = _waiting(chain).order_by(WatchWallet.scan_requested_at, WatchWallet.id).limit(WALLETS_PER_PASS)
    objects: list[ScanObject] = []
    addresses = 0
    for wallet in session.scalars(query.with_for_update(skip_locked=True)):
        addresses += wallet.address_count
        if objects and addresses > ADDRESSES_PER_PASS:
            break
        wallet.scan_pass = generation
        objects.append(ScanObject(wallet.descriptor, wallet.indexes()))
    session.flush()
    return tuple(objects)


def _put_back(session: Session, chain: str) -> None:
    session.execute(
        update(WatchWallet)
        .where(WatchWallet.chain == chain, WatchWallet.scan_pass.is_not(None))
        .values(scan_pass=None)
        .execution_options(synchronize_session=False)
    )


def _rest(scanner: WatchScanner) -> None:
    scanner.started_at = scanner.progress = None
    leases.settle(scanner)


def _held(session: Session, chain: str, generation: int) -> WatchScanner:
    return leases.locked(session, select(WatchScanner).where(WatchScanner.chain == chain), generation)


def _matched(session: Session, wallet_ids: Sequence[UUID], result: ScanResult) -> dict[UUID, list[int]]:
    """The amounts found for each wallet; one output may lie on several wallets' addresses."""
    amounts: dict[bytes, list[int]] = {}
    for output in result.outputs:
        amounts.setdefault(output.script, []).append(output.amount_minor)
    found: dict[UUID, list[int]] = {}
    scripts = list(amounts)
    for first in range(0, len(scripts), SCRIPTS_PER_QUERY):
        # A wallet may derive a script twice (a multisig that names a key twice): it counts once.
        rows = session.execute(
            select(WatchAddress.wallet_id, WatchAddress.script)
            .where(WatchAddress.wallet_id.in_(wallet_ids))
            .where(WatchAddress.script.in_(scripts[first : first + SCRIPTS_PER_QUERY]))
            .distinct()
        )
        for wallet_id, script in rows:
            found.setdefault(wallet_id, []).extend(amounts[script])
    return found
