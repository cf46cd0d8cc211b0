"""Find and book what the hot wallet's account sent that is not in the ledger."""

from collections.abc import Collection, Sequence
from typing import Final

import click

from domain.account_ports import CountingChain
from domain.actor import Actor
from domain.crash import crash_point
from domain.money import format_amount
from domain.wallet_facts import SentTransaction
from services import assets, chains, payouts, withdrawals
from wiring.container import Container

BY: Final = Actor("cli")
_SAID: Final = {
    "withdrawal": "booked as the payment of the withdrawal that asks for it",
    "form": "booked as the replacement of a payment that the ledger knows",
    "gas": "gas for a deposit address: suspense carries it (python -m cli loss list)",
    "suspense": "nothing explains it: suspense carries it (python -m cli loss list)",
    "fee": "paid nobody; its fee is booked",
    "not final": "NOT BOOKED: nothing explains it, and it is not final yet. Run this again later",
    "unclear": "NOT BOOKED: another payment is recorded under its nonce, or only part of it was requested",
}
_LEFT: Final = frozenset({"not final", "unclear"})


def look_at_account(parts: Container, chain: CountingChain, since: int | None = None) -> int:
    """Print and return how many transactions the account made that are not in the ledger.

    If there are any, withdrawals of the chain's assets are paused: those open in the dump may have been paid by them.
    """
    sent, missing = _read(parts, chain, since)
    name = chain.rail.chain
    with parts.transaction() as session:
        unknown = payouts.unknown(session, name, sent)
        if not unknown and not missing:
            return 0
        for kept in assets.of_chain(session, name):
            withdrawals.pause(session, kept.asset_id, now=parts.now(), by=BY)
    click.echo(f"{name}: withdrawals are paused; {chain.account} made transactions that are not in the ledger")
    for one in unknown:
        _show(parts, name, one)
    _show_missing(missing)
    click.echo(f"Book them: python -m cli recover account {name}")
    return len(unknown) + len(missing)


def book_account(parts: Container, chain: CountingChain, since: int | None = None) -> int:
    """Book what the account sent, oldest first, each in a transaction of its own; returns how many could not be booked.

    Safe to repeat, also after an interruption.
    """
    name, final_height, left = chain.rail.chain, chain.tip().final_height, 0
    sent, missing = _read(parts, chain, since)
    for one in sent:
        with parts.transaction() as session:
            how = payouts.account_for(session, name, one, final_height=final_height, now=parts.now(), by=BY)
            crash_point("recovery.booking")
        crash_point("recovery.booked")
        if how == "known":
            continue
        _show(parts, name, one)
        click.echo(f"  {_SAID[how]}")
        left += how in _LEFT
    _show_missing(missing)
    return left + len(missing)


def _read(
    parts: Container, chain: CountingChain, since: int | None
) -> tuple[Sequence[SentTransaction], Collection[int]]:
    """What the account sent that is not booked, read from the blocks, and the nonces that were not found there."""
    name, made = chain.rail.chain, chain.transactions_made()
    with parts.reading() as session:
        wanted = payouts.nonces_to_explain(session, name, chain.account, made=made)
        contracts = {one: asset.contract or "" for one, asset in assets.by_contract(session, name).items() if one}
        # Deeper than any reorganisation undone automatically: what was signed after the dump is in later blocks.
        height = max(0, chains.get(session, name).height - chains.BLOCKS_KEPT) if since is None else since
        known = payouts.nonces_known(session, name, chain.account)
    sent = chain.sent_since(height, wanted, contracts=contracts) if wanted else ()
    found = {one.inputs[0].vout for one in sent}
    return sent, sorted(nonce for nonce in wanted if nonce >= known and nonce not in found)


def _show(parts: Container, name: str, one: SentTransaction) -> None:
    with parts.reading() as session:
        money = assets.by_contract(session, name)
    fee = format_amount(one.fee_minor, money[""].decimals)
    click.echo(f"{one.txid}  nonce {one.inputs[0].vout}, {one.confirmations} confirmations, network fee {fee}")
    for output in one.outputs:
        asset = money[output.contract]
        click.echo(f"  paid {format_amount(output.amount_minor, asset.decimals)} {asset.asset_id} to {output.address}")


def _show_missing(nonces: Collection[int]) -> None:
    if nonces:
        spelled = ", ".join(map(str, nonces))
        click.echo(
            f"nonces {spelled}: in no block that was looked at. Wait for their blocks, or look further back (--since)"
        )
