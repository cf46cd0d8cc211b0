"""`python -m cli asset`: see what counts as money here, and add a token."""

from typing import Final

import click

from cli.listing import Listed
from cli.transaction import transaction
from domain.actor import Actor
from domain.money import parse_amount
from domain.rails import RAILS
from services import assets, prices, sweeps

BY: Final = Actor("cli")
DECIMALS_MAX: Final = 36
TOKEN_CHAINS: Final = tuple(sorted(chain for chain, rail in RAILS.items() if rail.has_accounts))


@click.group(cls=Listed)
def asset() -> None:
    """List assets and add tokens. A token that is not listed is ignored, whatever its symbol."""


@asset.command(name="list")
def list_assets() -> None:
    """List every asset with its chain and contracts."""
    with transaction() as (session, _):
        known = assets.every(session)
        if not known:
            click.echo("No assets yet: an asset is added once its chain is configured.")
        for row in known:
            contracts = [contract for contract in assets.contracts_of(session, row.asset_id) if contract]
            where = ", ".join(contracts) or "the coin itself"
            worth = prices.pair_of(row) or "no price"
            click.echo(f"{row.asset_id:<16} {row.chain:<18} {row.decimals:>2} decimals  {worth:<10}  {where}")


@asset.command()
@click.option("--chain", required=True, type=click.Choice(TOKEN_CHAINS), help="Where the contract is.")
@click.option("--contract", required=True, help="The token's contract.")
@click.option("--symbol", required=True, help="What people call it.")
@click.option("--decimals", required=True, type=click.IntRange(0, DECIMALS_MAX), help="As the contract says.")
@click.option("--name", default=None, help="Its full name; the symbol, if none is given.")
def add(chain: str, contract: str, symbol: str, decimals: int, name: str | None) -> None:
    """Add a token as SYMBOL.CHAIN. Every withdrawal of it needs approval until `policy` changes that.

    What was paid to the contract before is not looked for.
    """
    with transaction() as (session, now):
        row = assets.add_token(
            session, RAILS[chain], contract, symbol=symbol, decimals=decimals, name=name or symbol, now=now, by=BY
        )
        click.echo(f"{row.asset_id} is {row.contract} on {chain}")


@asset.command()
@click.argument("asset_id", metavar="ASSET")
@click.argument("contract")
def mirror(asset_id: str, contract: str) -> None:
    """Count another CONTRACT, such as an older version of the token, as ASSET too."""
    with transaction() as (session, now):
        spelled = assets.add_mirror(session, asset_id, contract, now=now, by=BY)
        click.echo(f"{asset_id} is {spelled} too")


@asset.command(name="sweep-from")
@click.argument("asset_id", metavar="ASSET")
@click.argument("amount")
def sweep_from(asset_id: str, amount: str) -> None:
    """Sweep a deposit address to the hot wallet once it holds AMOUNT."""
    with transaction() as (session, now):
        amount_minor = parse_amount(amount, assets.get(session, asset_id).decimals)
        sweeps.set_threshold(session, asset_id, amount_minor, now=now, by=BY)
        click.echo(f"{asset_id} is swept from {amount} on")


@asset.command(name="price-as")
@click.argument("asset_id", metavar="ASSET")
@click.argument("pair")
def price_as(asset_id: str, pair: str) -> None:
    """Price ASSET by PAIR, such as BTC/USD; `none` for no price at all.

    What an operator added has no price until this is said, whatever its symbol is.
    """
    with transaction() as (session, now):
        prices.price_as(session, asset_id, "" if pair == "none" else pair, now=now, by=BY)
        click.echo(f"{asset_id} has no price" if pair == "none" else f"{asset_id} is priced by {pair}")
