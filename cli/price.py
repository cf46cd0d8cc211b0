"""`python -m cli price`: follow prices, say who is asked, and set one by hand."""

import os
import re
from datetime import timedelta
from typing import Final

import click

from cli.listing import Listed
from cli.transaction import transaction
from domain.actor import Actor
from domain.cleartext import allowed_hosts, in_the_clear
from domain.prices import PriceRule, parse_price, spell_price
from services import assets, prices
from wiring.settings import read_settings

BY: Final = Actor("cli")


@click.group(cls=Listed)
def price() -> None:
    """Follow reference prices. A pair is written BTC/USD: the price of one BTC in USD."""


@price.command()
def show() -> None:
    """Show every pair: its price, or why there is none, and each source's last answer."""
    with transaction() as (session, now):
        followed = prices.every(session, now=now)
        if not followed:
            click.echo("No price is followed: python -m cli price follow BTC/USD")
        for row in followed:
            said = row.refusal if row.price is None else spell_price(row.price.price)
            click.echo(f"{row.rule.pair:<12} {said}")
            for source in row.newest:
                age_s = int((now - source.observed_at).total_seconds())
                click.echo(f"    {source.source:<16} {spell_price(source.price)}, {age_s} s old")
            for asked in prices.of_pair(session, row.rule.pair):
                if asked.last_error:
                    click.echo(f"    {asked.name:<16} failed {asked.failures} times: {asked.last_error}")


@price.command()
@click.argument("pair")
@click.option("--max-age-s", default=300, type=click.IntRange(1), help="An older price is refused.")
@click.option("--sources-min", default=1, type=click.IntRange(1, 100), help="How many sources must agree.")
@click.option(
    "--outlier-bps", default=500, type=click.IntRange(0, 10_000), help="A price further from the median is ignored."
)
def follow(pair: str, max_age_s: int, sources_min: int, outlier_bps: int) -> None:
    """Follow PAIR, or change its rule."""
    with transaction() as (session, now):
        prices.set_rule(
            session, pair, PriceRule(timedelta(seconds=max_age_s), sources_min, outlier_bps), now=now, by=BY
        )


@price.command()
@click.argument("pair")
def unfollow(pair: str) -> None:
    """Stop following PAIR: its sources are no longer asked, and its alert ends. Past prices stay on record."""
    with transaction() as (session, now):
        prices.unfollow(session, pair, now=now, by=BY)
        for asset in assets.every(session):
            if prices.pair_of(asset) == pair:
                click.echo(
                    f"note: pages show no worth of {asset.asset_id} now, and a claimed payment of it has the tolerance "
                    "of its rule, half a unit of a dollar token, or none"
                )


@price.command()
@click.argument("pair")
@click.argument("name")
@click.option("--url", default="", help="An address that answers in JSON.")
@click.option("--price-path", default="", help="Where the price is in it, such as result.0.price.")
@click.option("--time-path", default="", help="Where its time is, in seconds since 1970 or RFC 3339.")
@click.option("--key-header", default="", help="Send the key that STRONGROOM_PRICE_KEYS has of NAME in this header.")
@click.option("--fixed", default=None, help="Instead of an address: a price that never changes.")
@click.option("--interval-s", default=60, type=click.IntRange(1), help="How often to ask.")
def source(
    pair: str,
    name: str,
    *,
    url: str,
    price_path: str,
    time_path: str,
    key_header: str,
    fixed: str | None,
    interval_s: int,
) -> None:
    """Add NAME as a source of PAIR."""
    if bool(url) == (fixed is not None) or bool(url) != bool(price_path):
        raise click.UsageError("give --url with --price-path, or --fixed")
    if key_header and re.fullmatch(r"[A-Za-z0-9-]{1,64}", key_header, re.ASCII) is None:
        raise click.BadParameter("is not the name of a header", param_hint="--key-header")
    host = in_the_clear(url, allowed_hosts(read_settings(os.environ).plain_http_hosts)) if key_header else ""
    if host:
        raise click.BadParameter(f"would send the key to {host} over plain http: use https://", param_hint="--url")
    with transaction() as (session, now):
        prices.add_source(
            session,
            pair,
            name,
            interval_s=interval_s,
            url=url,
            price_path=price_path,
            time_path=time_path,
            key_header=key_header,
            fixed=None if fixed is None else parse_price(fixed),
            now=now,
            by=BY,
        )


@price.command()
@click.argument("pair")
@click.argument("name")
def drop(pair: str, name: str) -> None:
    """Remove NAME as a source of PAIR."""
    with transaction() as (session, now):
        prices.remove_source(session, pair, name, now=now, by=BY)


@price.command(name="set")
@click.argument("pair")
@click.argument("value")
def set_price(pair: str, value: str) -> None:
    """Enter VALUE as the price of PAIR; it counts like the answer of one source."""
    with transaction() as (session, now):
        prices.set_manually(session, pair, parse_price(value), now=now, by=BY)
