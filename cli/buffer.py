"""`python -m cli buffer`: what is held, and which amounts are too little."""

from typing import Final

import click

from cli.listing import Listed
from cli.transaction import transaction
from domain.actor import Actor
from domain.money import format_amount, parse_amount
from models.asset import Asset
from services import assets, buffer_marks, buffers

BY: Final = Actor("cli")
NOTHING: Final = "0"


@click.group(cls=Listed)
def buffer() -> None:
    """Show holdings on each rail and set the marks. Amounts are in whole units of the asset."""


@buffer.command()
def show() -> None:
    """Show the newest comparison and the marks of every asset."""
    with transaction() as (session, _):
        for asset in assets.every(session):
            for snapshot in buffers.newest(session, asset.asset_id):
                held = snapshot.reason if snapshot.holding_minor is None else _spelled(snapshot.holding_minor, asset)
                click.echo(f"{asset.asset_id:<18} {snapshot.verdict:<9} {held}")
            marks = buffer_marks.of(session, asset.asset_id)
            low, high = _spelled(marks.low_minor, asset), _spelled(marks.high_minor, asset)
            click.echo(f"{asset.asset_id:<18} low mark {low}, high mark {high}")


@buffer.command()
@click.argument("asset_id", metavar="ASSET")
@click.option("--low", required=True, help="Below it the buffer is low.")
@click.option("--high", required=True, help="From it on the buffer is no longer low; orders fill up to it.")
@click.option("--discrepancy", default=NOTHING, help="A difference up to this much counts as none.")
@click.option("--mismatches", default=3, type=click.IntRange(1, 100), help="How many in a row raise an alert.")
def marks(asset_id: str, low: str, high: str, discrepancy: str, mismatches: int) -> None:
    """Set the marks of ASSET."""
    with transaction() as (session, now):
        decimals = assets.get(session, asset_id).decimals
        low_minor, high_minor, discrepancy_minor = (
            0 if text == NOTHING else parse_amount(text, decimals) for text in (low, high, discrepancy)
        )
        if high_minor < low_minor:
            raise click.BadParameter("is below the low mark", param_hint="--high")
        buffer_marks.put(
            session,
            asset_id,
            low_minor=low_minor,
            high_minor=high_minor,
            discrepancy_minor=discrepancy_minor,
            mismatches_min=mismatches,
            now=now,
            by=BY,
        )


def _spelled(minor: int, asset: Asset) -> str:
    return f"{format_amount(minor, asset.decimals)} {asset.symbol}"
