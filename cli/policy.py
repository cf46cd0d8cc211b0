"""`python -m cli policy`: read and change what may leave, and on whose word."""

from typing import Any, Final

import click
from sqlalchemy.orm import Session

from cli.listing import Listed
from cli.transaction import transaction
from domain.actor import Actor
from domain.errors import StrongroomError
from domain.money import format_amount, parse_amount
from domain.rails import RAILS
from models.asset import Asset
from services import assets, audit, withdrawals

BY: Final = Actor("cli")
OFF: Final = "none"
AMOUNTS: Final = {
    "minimum": "minimum_minor",
    "fee": "fee_minor",
    "network_fee_cap": "network_fee_cap_minor",
    "auto_limit": "auto_limit_minor",
    "daily_user_limit": "daily_user_limit_minor",
    "daily_system_limit": "daily_system_limit_minor",
    "two_approvals_above": "two_approvals_above_minor",
}
NUMBERS: Final = {"key_cooldown_s": range(366 * 24 * 3600 + 1), "confirmations": range(1, 1001)}
"""The valid values in seconds or blocks; beyond them every withdrawal would be refused, or wait for ever."""
SWITCHES: Final = ("transfers_count", "allowlist_only", "paused")
NAMES: Final = (*AMOUNTS, *NUMBERS, *SWITCHES)


@click.group(cls=Listed)
def policy() -> None:
    """Read and change limits, fees and approvals. Amounts are in whole units of the asset."""


@policy.command()
@click.argument("asset")
def show(asset: str) -> None:
    """Show the policy of ASSET."""
    with transaction() as (session, _):
        for line in _lines(session, asset):
            click.echo(line)


@policy.command(name="set")
@click.argument("asset")
@click.argument("name", type=click.Choice(NAMES), metavar="NAME")
@click.argument("value")
def change(asset: str, name: str, value: str) -> None:
    """Set NAME of ASSET's policy to VALUE: an amount, a number, yes or no; daily_system_limit may be "none".

    `policy show` has every NAME.
    """
    with transaction() as (session, now):
        row = assets.policy(session, asset)
        column, parsed = _parsed(name, value, _measure(session, asset, name).decimals)
        before = getattr(row, column)
        if name == "paused":
            (withdrawals.pause if parsed else withdrawals.resume)(session, asset, now=now, by=BY)
        setattr(row, column, parsed)
        # Otherwise withdrawals that need two approvals would be approved automatically. Nothing else is checked, least
        # of all a pause.
        if name in {"auto_limit", "two_approvals_above"} and row.auto_limit_minor >= row.two_approvals_above_minor:
            raise click.BadParameter("must leave auto_limit below two_approvals_above", param_hint=name)
        session.flush()
        detail = {"asset_id": asset, "name": name, "before": str(before), "after": str(parsed)}
        audit.record(session, "policy.changed", by=BY, now=now, detail=detail)
        for line in _lines(session, asset):
            click.echo(line)


def _parsed(name: str, value: str, decimals: int) -> tuple[str, Any]:
    if name in SWITCHES:
        if value not in {"yes", "no"}:
            raise click.BadParameter("must be yes or no", param_hint=name)
        return name, value == "yes"
    if name in NUMBERS:
        allowed = NUMBERS[name]
        if not value.isdecimal() or len(value) > len(str(allowed[-1])) or int(value) not in allowed:
            raise click.BadParameter(f"must be a whole number from {allowed[0]} to {allowed[-1]}", param_hint=name)
        return name, int(value)
    if name == "daily_system_limit" and value == OFF:
        return AMOUNTS[name], None
    if name in {"fee", "auto_limit"} and value == "0":
        return AMOUNTS[name], 0
    try:
        return AMOUNTS[name], parse_amount(value, decimals, field=name)
    except StrongroomError as refusal:
        raise click.BadParameter(" ".join(refusal.fields[name]), param_hint=name) from refusal


def _lines(session: Session, asset: str) -> list[str]:
    row = assets.policy(session, asset)
    lines = []
    for name in NAMES:
        value = getattr(row, AMOUNTS.get(name, name))
        if name in AMOUNTS:
            measure = _measure(session, asset, name)
            value = OFF if value is None else f"{format_amount(int(value), measure.decimals)} {measure.asset_id}"
        elif name in SWITCHES:
            value = "yes" if value else "no"
        lines.append(f"{name:<20} {value}")
    return lines


def _measure(session: Session, asset_id: str, name: str) -> Asset:
    """The asset of an amount: the asset itself, except for network fees."""
    asset = assets.get(session, asset_id)
    if name != "network_fee_cap" or asset.chain not in RAILS:
        return asset
    return assets.get(session, RAILS[asset.chain].fee_asset_id(asset_id))
