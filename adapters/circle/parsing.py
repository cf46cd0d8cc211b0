"""Parse transfers, amounts and times of Circle's API strictly: an unreadable field raises ChainUncertain."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from domain.errors import StrongroomError
from domain.node_refusals import ChainUncertain
from domain.provider_facts import IncomingTransfer, Report
from domain.providers import Custodian

_REPORTED: Final[Mapping[str, Literal["completed", "failed"]]] = {"complete": "completed", "failed": "failed"}
_ARRIVED: Final[Mapping[str, Literal["final", "failed"]]] = {"complete": "final", "failed": "failed"}

DIGITS_MAX: Final = 60
"""No amount has as many digits: one like 1e999999999 would fill the memory when written out."""


def minor_units(amount: Any, rail: Custodian) -> int:
    """`{"amount": "3.14", "currency": "USD"}` in the smallest unit. Raises ChainUncertain when it cannot be read."""
    try:
        scaled = Decimal(str(amount["amount"])).scaleb(rail.coin.decimals)
        whole = int(scaled) if scaled.adjusted() < DIGITS_MAX else 0
    except (ArithmeticError, ValueError, KeyError, TypeError) as error:
        raise unreadable("amount") from error
    if scaled != whole or not scaled.is_finite() or whole < 0:
        raise unreadable("amount")
    return whole


def decimal_text(amount_minor: int, rail: Custodian) -> str:
    """A decimal amount with at least two places, as Circle writes dollars."""
    whole, rest = divmod(amount_minor, 10**rail.coin.decimals)
    places = f"{rest:0{rail.coin.decimals}d}".rstrip("0")
    return f"{whole}.{places:0<2}"


def moment(text: Any) -> datetime:
    """A time of Circle's, in UTC. Raises ChainUncertain."""
    try:
        read = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise unreadable("time") from error
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def report_of(transfer: Mapping[str, Any], rail: Custodian) -> Report:
    """The report on a transfer of ours; an unknown status is not final."""
    return Report(
        state=_REPORTED.get(str(transfer.get("status")), "pending"),
        fee_minor=_fees(transfer, rail),
        reason=_why(transfer),
        provider_id=str(transfer.get("id") or ""),
        tx_hash=str(transfer.get("transactionHash") or ""),
    )


def fits(transfer: Mapping[str, Any], asked: Mapping[str, Any], rail: Custodian) -> bool:
    """Whether a transfer may be the result of this request of ours. Raises ChainUncertain for missing fields."""
    source, destination = _part(transfer, "source"), _part(transfer, "destination")
    if source.get("type") != "wallet" or str(source.get("id")) != asked["source"]["id"]:
        return False
    if destination.get("type") != "blockchain":
        return False
    amount = _part(transfer, "amount")
    if str(amount.get("currency")) != asked["amount"]["currency"]:
        return False
    if minor_units(amount, rail) != minor_units(asked["amount"], rail):
        return False
    wanted = asked["destination"]
    chain = str(destination.get("chain")).upper()
    if rail.also_called.get(chain, chain) != wanted["chain"]:
        return False
    try:
        told = rail.parse_destination(f"{chain}:{destination.get('address')}")
    except StrongroomError as error:
        raise unreadable("destination") from error
    return told == rail.parse_destination(f"{wanted['chain']}:{wanted['address']}")


def incoming_of(transfer: Mapping[str, Any], rail: Custodian, wallet_id: str) -> IncomingTransfer | None:
    """A transfer from a chain to our wallet; None for any other, or if it went to no valid address of the rail."""
    source, destination = _part(transfer, "source"), _part(transfer, "destination")
    to_us = destination.get("type") == "wallet" and str(destination.get("id")) == wallet_id
    if not to_us or source.get("type") != "blockchain" or not transfer.get("id"):
        return None
    network = destination.get("chain") or source.get("chain")
    try:
        address = rail.parse_destination(f"{network}:{destination.get('address')}").text
    except StrongroomError:
        return None
    return IncomingTransfer(
        transfer_id=str(transfer["id"]),
        contract=str(_part(transfer, "amount").get("currency")),
        address=address,
        amount_minor=minor_units(transfer.get("amount"), rail),
        state=_ARRIVED.get(str(transfer.get("status")), "pending"),
        at=moment(transfer.get("createDate")),
        tx_hash=str(transfer.get("transactionHash") or ""),
    )


def unreadable(what: str) -> ChainUncertain:
    """The error for an answer that lacks a documented field."""
    return ChainUncertain(f"Circle's answer has no {what} that can be read")


def _why(transfer: Mapping[str, Any]) -> str:
    """Why it failed, with the code of Circle's risk decision."""
    number = _part(transfer, "riskEvaluation").get("reason")
    return f"{transfer.get('errorCode') or ''}{f' ({number})' if number else ''}".strip()[:200]


def _fees(transfer: Mapping[str, Any], rail: Custodian) -> int | None:
    fees = transfer.get("fees")
    if not isinstance(fees, list):
        return None
    ours = [fee for fee in fees if isinstance(fee, dict) and fee.get("currency") == rail.coin.contracts[0]]
    return sum(minor_units(fee, rail) for fee in ours)


def _part(transfer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = transfer.get(name)
    return part if isinstance(part, dict) else {}
