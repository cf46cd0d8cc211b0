"""`python -m cli ledger`: verify the ledger, show the house's accounts, fund them, split the busy ones."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from cli.listing import Listed
from domain.ids import new_id
from domain.ledger import CHART, FLOORS, REFUSALS, Transaction, Transfer
from domain.money import format_amount, parse_amount
from services import assets, checking, invariants
from services.ledger import accounts
from services.ledger import seals as sealing
from services.ledger.verify import size, verify
from wiring.container import Container, build_container
from wiring.embedded.services import provided
from wiring.posting import post_alone
from wiring.settings import read_settings


@click.group(cls=Listed)
def ledger() -> None:
    """Verify the ledger, show its accounts, and fund the house."""


@ledger.command("verify")
def verify_() -> None:
    """Recompute everything from the first row. Names the first altered row, with exit status 1, if anything differs."""
    with _opened() as parts:
        with click.progressbar(length=size(parts.engine), label="Verifying") as bar:
            report = verify(parts.engine, progress=bar.update)
        click.echo(
            f"{report.accounts:,} accounts, {report.transactions:,} transactions, {report.transfers:,} transfers, "
            f"{report.seals:,} seals read."
        )
        if report.finding is not None:
            raise click.ClickException(f"altered: {report.finding}")
        with parts.reading() as session:
            findings = invariants.check(session)
    for finding in findings:
        click.echo(f"broken: {finding}", err=True)
    if findings:
        raise click.ClickException(f"{len(findings)} invariants do not hold")
    click.echo("All is well.")


@ledger.command("check")
def check_() -> None:
    """Check the whole ledger now instead of waiting for the daily check; raises or ends its alert."""
    findings: list[invariants.Finding] = []
    rows = 0
    with _opened() as parts:
        with parts.transaction() as session:
            checking.begin(session, now=parts.now())
        turn = None
        while turn is None or not turn.is_last:
            with parts.transaction() as session:
                turn = checking.check_next_slice(session, now=parts.now())
            if turn is None:
                raise click.ClickException("a worker ended this check; the log and the alert say what it found")
            findings += turn.findings
            rows += turn.rows
    for finding in findings:
        click.echo(f"broken: {finding}", err=True)
    if findings:
        raise click.ClickException(f"{len(findings)} rows break an invariant")
    click.echo(f"{rows:,} rows checked. All is well.")


@ledger.command()
def seal() -> None:
    """Seal the ledger now instead of waiting for the schedule; rows just written follow at the next call."""
    with _opened() as parts, parts.transaction() as session:
        made = sealing.seal(session)
    click.echo(f"{made} seals made.")


@ledger.command("accounts")
def accounts_() -> None:
    """Show the balances of the house's accounts, and what all users together are owed."""
    with _opened() as parts, parts.reading() as session:
        decimals = assets.decimals(session)
        for total in accounts.totals(session):
            posted = format_amount(total.posted_minor, decimals[total.asset_id])
            held = format_amount(total.held_minor, decimals[total.asset_id])
            click.echo(f"{total.asset_id:<6} {total.kind:<10} {total.code:<18} {posted:>24}   held {held:>24}")


@ledger.command()
@click.argument("asset")
@click.argument("amount")
@click.option("--key", help="Makes a repeated command count once; a new one each time if not given.")
def fund(asset: str, amount: str, key: str | None) -> None:
    """Record that the owner put AMOUNT of ASSET into the hot wallet: owner's equity, not a user's money."""
    with _opened() as parts:
        with parts.transaction() as session:
            kept = assets.get(session, asset)
            amount_minor = parse_amount(amount, kept.decimals)
            hot = accounts.system_account(session, "hot_wallet", asset)
            owner = accounts.system_account(session, "owner_equity", asset)
        leg = Transfer(hot, owner, amount_minor)
        funding = Transaction(f"owner-funding:{key or new_id()}", "owner_funding", (leg,), parts.now())
        outcome = post_alone(parts.engine, funding)
        if outcome.refused is not None:
            raise REFUSALS[outcome.refused]
    done = "was recorded before" if outcome.replayed else "recorded"
    click.echo(f"{format_amount(amount_minor, kept.decimals)} {asset} {done}, transaction {outcome.transaction_id}.")


@ledger.command()
@click.argument("asset")
@click.argument("code", type=click.Choice(sorted(CHART.keys() - FLOORS.keys())))
@click.option("--shards", default=32, show_default=True, type=click.IntRange(2, 1024), help="Over how many.")
def split(asset: str, code: str, shards: int) -> None:
    """Split a busy house account into several rows, so that postings need not queue. Permanent."""
    with _opened() as parts, parts.transaction() as session:
        assets.get(session, asset)
        accounts.split(session, accounts.system_account(session, code, asset), shards=shards)
    click.echo(f"{asset} {code} is split.")


@contextmanager
def _opened() -> Iterator[Container]:
    with provided(read_settings(os.environ), "postgres") as settings:
        parts = build_container(settings, chains={})
        try:
            yield parts
        finally:
            parts.engine.dispose()
