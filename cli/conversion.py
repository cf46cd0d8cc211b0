"""`python -m cli conversion`: say what is converted into what, and set money aside for it."""

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

import click
from sqlalchemy.orm import Session

from cli.listing import Listed
from cli.transaction import transaction
from domain.actor import Actor
from domain.conversions import PPM, Charges
from domain.money import format_amount, parse_amount
from models.conversion import ConversionPair
from services import assets, conversions
from services.conversions import Terms

BY: Final = Actor("cli")
_PER_CENT: Final = 100


def _share(_ctx: click.Context, _param: click.Parameter, text: str) -> int:
    """A percentage as an exact number of millionths: 0.25 becomes 2500."""
    try:
        ppm = Decimal(text) * PPM / _PER_CENT
    except InvalidOperation as error:
        raise click.BadParameter("is not a number") from error
    if not ppm.is_finite() or ppm != int(ppm) or not 0 <= ppm < PPM:
        raise click.BadParameter("must be from 0 to 99.9999 per cent")
    return int(ppm)


@click.group(cls=Listed)
def conversion() -> None:
    """Configure conversions and set money aside for them."""


@conversion.command(name="list")
def list_pairs() -> None:
    """List every pair with its terms, and what is set aside of what it pays out."""
    with transaction() as (session, _):
        decimals = assets.decimals(session)
        pairs = conversions.every(session)
        if not pairs:
            click.echo("No pair is converted yet: python -m cli conversion set FROM_ASSET TO_ASSET …")
        for row in pairs:
            aside = format_amount(conversions.available(session, row.to_asset_id), decimals[row.to_asset_id])
            click.echo(f"{_terms(row, decimals[row.from_asset_id])}, {aside} {row.to_asset_id} set aside")


@conversion.command(name="set")
@click.argument("from_asset")
@click.argument("to_asset")
@click.option("--minimum", required=True, help="The least of FROM_ASSET that is converted at once.")
@click.option("--maximum", required=True, help="The most.")
@click.option("--spread", default="0.5", show_default=True, callback=_share, help="Per cent of what is sold.")
@click.option("--fee", default="0.25", show_default=True, callback=_share, help="Per cent of what is sold.")
@click.option(
    "--quote-lifetime-s", default=30, show_default=True, type=click.IntRange(1, 3600), help="How long a quote holds."
)
@click.option("--tolerance", default="0.5", show_default=True, callback=_share, help="Per cent the price may move.")
@click.option("--from-price", default="", help="Its reference price, such as BTC/USD; the asset's own if not given.")
@click.option("--to-price", default="", help="The same of TO_ASSET, in the same money.")
def set_terms(  # noqa: PLR0917 - click passes each option by its name
    from_asset: str,
    to_asset: str,
    minimum: str,
    maximum: str,
    spread: int,
    fee: int,
    quote_lifetime_s: int,
    tolerance: int,
    from_price: str,
    to_price: str,
) -> None:
    """Convert FROM_ASSET into TO_ASSET on these terms from now on."""
    with transaction() as (session, now):
        decimals = assets.get(session, from_asset).decimals
        terms = Terms(
            charges=Charges(spread, fee),
            minimum_minor=parse_amount(minimum, decimals, field="minimum"),
            maximum_minor=parse_amount(maximum, decimals, field="maximum"),
            quote_lifetime=timedelta(seconds=quote_lifetime_s),
            tolerance_ppm=tolerance,
            from_price=from_price,
            to_price=to_price,
        )
        row = conversions.set_terms(session, from_asset, to_asset, terms, now=now, by=BY)
        click.echo(_terms(row, decimals))
        if tolerance > spread + fee:
            click.echo(
                "note: the price may move by more than spread and fee together: users can gain by waiting for that"
            )
        if not conversions.available(session, to_asset):
            click.echo(f"note: nothing is set aside of {to_asset} yet; `conversion fund {to_asset} AMOUNT` does that")


@conversion.command()
@click.argument("from_asset")
@click.argument("to_asset")
def pause(from_asset: str, to_asset: str) -> None:
    """Stop converting FROM_ASSET into TO_ASSET. Conversions under way fail and are refunded."""
    with transaction() as (session, now):
        conversions.set_open(session, from_asset, to_asset, is_open=False, now=now, by=BY)


@conversion.command()
@click.argument("from_asset")
@click.argument("to_asset")
def resume(from_asset: str, to_asset: str) -> None:
    """Resume converting FROM_ASSET into TO_ASSET."""
    with transaction() as (session, now):
        conversions.set_open(session, from_asset, to_asset, is_open=True, now=now, by=BY)


@conversion.command()
@click.argument("asset")
@click.argument("amount")
@click.option("--key", help="Makes a repeated command count once; a new one each time if not given.")
def fund(asset: str, amount: str, key: str | None) -> None:
    """Set AMOUNT of ASSET aside for conversions, from the owner's equity, never from users' money. No coins move."""
    with transaction() as (session, now):
        amount_minor = parse_amount(amount, assets.get(session, asset).decimals)
        outcome = conversions.fund(session, asset, amount_minor, now=now, by=BY, key=key)
        _tell(session, asset, outcome.transaction_id, was_known=outcome.replayed)


@conversion.command()
@click.argument("asset")
@click.argument("amount")
@click.option("--key", help="Makes a repeated command count once; a new one each time if not given.")
def draw(asset: str, amount: str, key: str | None) -> None:
    """Move AMOUNT of ASSET that is set aside back to the owner's equity."""
    with transaction() as (session, now):
        amount_minor = parse_amount(amount, assets.get(session, asset).decimals)
        outcome = conversions.draw(session, asset, amount_minor, now=now, by=BY, key=key)
        _tell(session, asset, outcome.transaction_id, was_known=outcome.replayed)


def _tell(session: Session, asset_id: str, transaction_id: int, *, was_known: bool) -> None:
    aside = format_amount(conversions.available(session, asset_id), assets.get(session, asset_id).decimals)
    done = "was recorded before" if was_known else "is recorded"
    click.echo(f"transaction {transaction_id} {done}; {aside} {asset_id} are set aside")


def _terms(row: ConversionPair, decimals: int) -> str:
    least, most = (format_amount(minor, decimals) for minor in (row.minimum_minor, row.maximum_minor))
    shares = [f"{format_amount(ppm, 4).rstrip('0').rstrip('.')} %" for ppm in (row.spread_ppm, row.fee_ppm)]
    return (
        f"{row.from_asset_id} > {row.to_asset_id}  {'open' if row.is_open else 'paused'}  {least} to {most}, "
        f"spread {shares[0]}, fee {shares[1]}, by {row.from_price} and {row.to_price}, "
        f"quotes hold {row.quote_lifetime_s} s"
    )
