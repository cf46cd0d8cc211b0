"""`python -m cli screening`: whose money is not taken in."""

from typing import Final, TextIO

import click

from cli.listing import Listed
from cli.transaction import transaction
from domain.actor import Actor
from services import screening as rules

BY: Final = Actor("cli")
SHOWN_MAX: Final = 1000


@click.group(cls=Listed)
def screening() -> None:
    """Manage the list of addresses whose payments are quarantined, and which rails require screening."""


@screening.command()
def show() -> None:
    """Show which rails require screening, and the list."""
    with transaction() as (session, _):
        for chain, mode in rules.modes(session).items():
            click.echo(f"{chain} demands {mode}")
        known = rules.listed(session, limit=SHOWN_MAX)
        for row in known:
            click.echo(f"{row.chain:<18} {row.address}  {row.reason}")
        if not known:
            click.echo("Nobody is listed.")


@screening.command()
@click.argument("chain")
@click.argument("mode", type=click.Choice(rules.MODES))
def demand(chain: str, mode: str) -> None:
    """Require screening of deposits on CHAIN: off, list (ours), or hook (ours and the service's)."""
    with transaction() as (session, now):
        rules.set_mode(session, chain, mode, now=now, by=BY)


@screening.command()
@click.argument("chain")
@click.argument("address")
@click.argument("reason")
def add(chain: str, address: str, reason: str) -> None:
    """List ADDRESS on CHAIN."""
    with transaction() as (session, now):
        click.echo(rules.put_on(session, chain, address, reason=reason, now=now, by=BY))


@screening.command()
@click.argument("chain")
@click.argument("address")
@click.argument("reason")
def remove(chain: str, address: str, reason: str) -> None:
    """Take ADDRESS off the list. Deposits already quarantined stay so until decided."""
    with transaction() as (session, now):
        if not rules.take_off(session, chain, address, reason=reason, now=now, by=BY):
            raise click.ClickException("it is not on the list")


@screening.command(name="import")
@click.argument("file", type=click.File(encoding="utf-8"))
def import_list(file: TextIO) -> None:
    """List everything in FILE, a CSV with the columns chain, address and reason. If one line is wrong, nothing is."""
    entries = rules.read_sheet(file)
    with transaction() as (session, now):
        click.echo(f"{rules.put_on_many(session, entries, now=now, by=BY)} of {len(entries)} are new")
