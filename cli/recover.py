"""`python -m cli recover`: after a restore from an older dump, find what the wallet paid since, and book it once."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import click
from sqlalchemy.orm import Session

from auth import users
from cli.listing import Listed
from cli.recover_account import book_account, look_at_account
from domain.account_ports import counts_own
from domain.actor import Actor
from domain.money import format_amount
from domain.ports import DescriptorChain, understands_descriptors
from domain.wallet_facts import SentTransaction
from models.asset import Asset
from models.user import User
from services import addresses, assets, chains, payouts, withdrawals
from wiring.container import Container, build_container
from wiring.embedded.services import provided
from wiring.settings import read_settings

BY: Final = Actor("cli")
SKIPPED: Final = 10_000
_TXID = click.argument("txid")
_ASSET = click.option("--asset", help="Needed where there are several rails.")
_SINCE = click.option("--since", type=click.IntRange(0), help="Search the blocks above this height.")


@dataclass(frozen=True, slots=True)
class _Rail:
    parts: Container
    chain: DescriptorChain
    asset: Asset
    sent: Sequence[SentTransaction]

    def found(self, txid: str) -> SentTransaction:
        """One of the transactions that were looked at."""
        for row in self.sent:
            if row.txid == txid:
                return row
        raise click.BadParameter(
            "the wallet sent no such transaction since that block; look further back with --since", param_hint="TXID"
        )

    def spelled(self, amount_minor: int) -> str:
        """An amount in whole units."""
        return f"{format_amount(amount_minor, self.asset.decimals)} {self.asset.asset_id}"


@click.group(cls=Listed)
def recover() -> None:
    """After a restore: find and book payments that the ledger does not know.

    Run it after a restore from an older dump, before any worker starts: a withdrawal that waits in the dump may have
    left already, and would be paid again.
    """


@recover.command()
@_ASSET
@_SINCE
def look(asset: str | None, since: int | None) -> None:
    """List the wallet's payments that the ledger does not know; if there are any, pause withdrawals."""
    with _rails(asset, since) as rails:
        total = sum([_look(rail) for rail in rails])
    if total:
        click.echo(
            "Book each: recover book TXID, or recover charge TXID. Then: python -m cli policy set ASSET paused no"
        )
    if not asset:
        with _parts() as parts:
            total += sum([look_at_account(parts, chain, since) for chain in parts.chains.values() if counts_own(chain)])
    if total:
        raise SystemExit(1)
    click.echo("Every payment of the wallet is in the ledger.")


@recover.command()
@_TXID
@click.option("--withdrawal", "withdrawal_ids", multiple=True, type=click.UUID, help="One that it paid; repeatable.")
@_ASSET
@_SINCE
def book(txid: str, withdrawal_ids: tuple[UUID, ...], asset: str | None, since: int | None) -> None:
    """Book TXID as the payment of the withdrawals that it pays: those named, or those that `look` shows with it."""
    with _rails(asset, since) as rails, _one(rails).parts.transaction() as session:
        rail = _one(rails)
        sent, chain = rail.found(txid), rail.chain.network.chain
        chosen = withdrawal_ids or [row.id for row in payouts.claimants(session, chain, sent)]
        payout = payouts.adopt(session, chain, sent, chosen, now=rail.parts.now(), by=BY)
        click.echo(f"{txid} is payout {payout.id} ({payout.state}), for withdrawals {', '.join(map(str, chosen))}")


@recover.command()
@_TXID
@click.option("--reason", required=True, help="Why, for the audit log.")
@click.option("--user", "user_id", type=click.UUID, help="The id of the user whose money it was.")
@_ASSET
@_SINCE
def charge(txid: str, reason: str, user_id: UUID | None, asset: str | None, since: int | None) -> None:
    """Book TXID, which no withdrawal in the dump explains: against a user's balance, or as an expense of the house."""
    with _rails(asset, since) as rails, _one(rails).parts.transaction() as session:
        rail = _one(rails)
        if user_id is not None and session.get(User, user_id) is None:
            raise users.UserNotFound
        moved = payouts.charge(
            session, rail.asset, rail.found(txid), user_id=user_id, reason=reason, now=rail.parts.now(), by=BY
        )
        click.echo(f"{txid} is ledger transaction {moved}")


@recover.command()
@click.argument("chain_name", metavar="CHAIN")
@_SINCE
def account(chain_name: str, since: int | None) -> None:
    """Book what the hot wallet's account on CHAIN sent since the dump: each as the payment of the withdrawal it paid.

    What no withdrawal in the dump explains is carried by suspense once it is final: see `loss`.
    """
    with _parts() as parts:
        chain = parts.chains.get(chain_name)
        if chain is None or not counts_own(chain):
            raise click.BadParameter("is not an account-based chain that is followed here", param_hint="CHAIN")
        if book_account(parts, chain, since):
            raise SystemExit(1)
    click.echo("Every payment of the account is in the ledger. Then: python -m cli policy set ASSET paused no")


@recover.command("addresses")
@click.option(
    "--skip", type=click.IntRange(1), default=SKIPPED, show_default=True, help="How many indexes of a key to skip."
)
def retire_addresses(skip: int) -> None:
    """Retire the unissued addresses of the dump: some were issued after it was made.

    Where addresses are derived from an extended key, the next ones are passed over as well: more than were derived
    since the dump.
    """
    with _parts() as parts:
        retire(parts, skip=skip)


@contextmanager
def _parts() -> Iterator[Container]:
    with provided(read_settings(os.environ), "postgres", "node", "anvil") as settings:
        parts = build_container(settings)
        try:
            yield parts
        finally:
            parts.engine.dispose()


def retire(parts: Container, *, skip: int) -> None:
    """Retire pooled addresses, and skip this many indexes of each extended key."""
    with parts.transaction() as session:
        count = addresses.retire_pool(session, now=parts.now(), by=BY)
    click.echo(f"{count} pooled addresses are retired")
    for name, chain in parts.chains.items():
        with parts.reading() as session:
            first = addresses.next_index(session, name)
        if not first:
            continue
        [last] = chain.new_addresses(1, first_index=first + skip - 1)
        with parts.transaction() as session:
            addresses.skip_to(session, name, last, now=parts.now())
        click.echo(f"{name}: the next address is the one with index {first + skip}")


def _look(rail: _Rail) -> int:
    """Pause withdrawals and print what is not booked; returns how many transactions that is."""
    chain, parts = rail.chain.network.chain, rail.parts
    with parts.transaction() as session:
        unbooked = payouts.unbooked(session, chain, rail.sent)
        if unbooked:
            withdrawals.pause(session, rail.asset.asset_id, now=parts.now(), by=BY)
            click.echo(f"{rail.asset.asset_id}: withdrawals are paused; {len(unbooked)} payments are not in the ledger")
        for sent in unbooked:
            _show(session, rail, sent)
    return len(unbooked)


def _show(session: Session, rail: _Rail, sent: SentTransaction) -> None:
    click.echo(f"{sent.txid}  {sent.confirmations} confirmations, network fee {rail.spelled(sent.fee_minor)}")
    for output in sent.outputs:
        click.echo(f"  paid {rail.spelled(output.amount_minor)} to {output.address or 'a script without an address'}")
    for row in payouts.claimants(session, rail.chain.network.chain, sent):
        amount = rail.spelled(row.amount_minor)
        click.echo(f"  withdrawal {row.id} ({row.state}) asks for {amount} to {row.destination}")


@contextmanager
def _rails(asset_id: str | None, since: int | None) -> Iterator[list[_Rail]]:
    """The rails and what their wallets sent, read from the nodes while no transaction is open."""
    with provided(read_settings(os.environ), "postgres", "node", "anvil") as settings:
        parts = build_container(settings)
        try:
            yield [
                _read(parts, chain, since)
                for chain in parts.chains.values()
                if understands_descriptors(chain) and asset_id in {None, chain.network.asset_id}
            ]
        finally:
            parts.engine.dispose()


def _read(parts: Container, chain: DescriptorChain, since: int | None) -> _Rail:
    with parts.reading() as session:
        asset = assets.get(session, chain.network.asset_id)
        followed = chains.get(session, chain.network.chain)
        # Deeper than any reorganisation undone automatically: what was signed after the dump is in later blocks.
        height = max(0, followed.height - chains.BLOCKS_KEPT) if since is None else since
    chain.ensure_wallet()
    return _Rail(parts, chain, asset, chain.sent_since(height))


def _one(rails: Sequence[_Rail]) -> _Rail:
    if len(rails) != 1:
        raise click.UsageError("name the asset with --asset: there is not exactly one rail")
    return rails[0]
