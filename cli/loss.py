"""`python -m cli loss`: what suspense carries for good. Another operator agrees to it, on the page or over the API."""

from typing import Final
from uuid import UUID

import click

from cli.listing import Listed
from cli.transaction import transaction
from domain.actor import Actor
from domain.ids import short_id
from domain.money import format_amount, parse_amount
from services import assets, losses

BY: Final = Actor("cli")
LISTED_MAX: Final = 200
_REASON = click.option("--reason", required=True, help="Why, for the audit log.")
_LOSS = click.argument("loss_id", type=click.UUID)


@click.group(cls=Listed)
def loss() -> None:
    """Show what suspense carries and propose to book it."""


@loss.command("list")
def list_losses() -> None:
    """List what suspense lacks by asset, and what was proposed about it, newest first."""
    with transaction() as (session, _):
        is_sound = True
        for asset in assets.every(session):
            minor = losses.carried(session, asset.asset_id)
            if minor:
                is_sound = False
                word = "lacks" if minor > 0 else "has a surplus of"
                click.echo(f"suspense {word} {format_amount(abs(minor), asset.decimals)} {asset.asset_id}")
        if is_sound:
            click.echo("Suspense lacks nothing.")
        for row in losses.newest(session, limit=LISTED_MAX):
            amount = format_amount(row.amount_minor, assets.get(session, row.asset_id).decimals)
            about = f"{row.txid}, " if row.txid else ""
            click.echo(f"{row.id}  {row.state:<8} {amount} {row.asset_id}  ({about}flow {short_id(row.flow_id)})")


@loss.command()
@click.argument("asset_id", metavar="ASSET")
@click.argument("amount")
@_REASON
def propose(asset_id: str, amount: str, reason: str) -> None:
    """Propose to book AMOUNT of ASSET that suspense lacks as lost, or that it has in surplus as recovered."""
    with transaction() as (session, now):
        amount_minor = parse_amount(amount, assets.get(session, asset_id).decimals)
        row = losses.propose(session, asset_id, amount_minor, reason=reason, now=now, by=BY)
        click.echo(f"{row.id} is proposed; an approver agrees to it on /operator/losses")


@loss.command("propose-payment")
@_LOSS
@_REASON
def propose_payment(loss_id: UUID, reason: str) -> None:
    """Propose to book LOSS_ID, a payment that suspense carries, as lost."""
    with transaction() as (session, now):
        losses.propose_payment(session, loss_id, reason=reason, now=now, by=BY)
        click.echo(f"{loss_id} is proposed; an approver agrees to it on /operator/losses")


@loss.command()
@_LOSS
@_REASON
def refuse(loss_id: UUID, reason: str) -> None:
    """Leave LOSS_ID, which was proposed, in suspense."""
    with transaction() as (session, now):
        losses.refuse(session, loss_id, reason=reason, now=now, by=BY)
        click.echo(f"{loss_id} stays in suspense")
