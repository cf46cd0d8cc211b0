"""Example pages of converting one asset into another."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from api.pages.conversion_pairs import PairLine
from api.pages.shapes import FormField, Money, Offer, QuoteCard
from tests.browser.facts import BTC, COIN, NOW, ONE

_OFFER = Offer(
    BTC,
    COIN,
    Money(18_422_000, BTC),
    Money(100_000, BTC),
    Money(1_000_000_000, BTC),
    "0.5\u00a0%",
    "0.25\u00a0%",
    timedelta(seconds=30),
)
_BACK = replace(
    _OFFER, sold=COIN, bought=BTC, available=Money(0, COIN), minimum=Money(10**18, COIN), maximum=Money(10**24, COIN)
)
_CARD = QuoteCard(
    ONE,
    Money(9_999_999, BTC),
    Money(2_117_333_333_333_333_333_333, COIN),
    Money(1, BTC),
    Money(50_000, BTC),
    Money(24_999, BTC),
    "21333.33333",
    NOW + timedelta(seconds=24),
    left_s=24,
)

_PAIR = PairLine(
    sold=BTC,
    bought=COIN,
    is_open=True,
    rate="21333.33333",
    refusal="",
    prices=("BTC/USD", "wVERYLONGTOKEN/USD"),
    minimum=Money(100_000, BTC),
    maximum=Money(1_000_000_000, BTC),
    spread="0.5\u00a0%",
    fee="0.25\u00a0%",
    lifetime=timedelta(seconds=30),
    tolerance="1\u00a0%",
    is_worth_waiting_for=True,
    aside=Money(2_117_333_333_333_333_333_333, COIN),
)
_PAIR_BACK = replace(
    _PAIR,
    sold=COIN,
    bought=BTC,
    rate="",
    refusal="BTC/USD: 0 of 2 sources have a price that is fresh.",
    minimum=Money(10**18, COIN),
    maximum=Money(10**24 - 1, COIN),
    tolerance="0.5\u00a0%",
    is_worth_waiting_for=False,
    aside=Money(0, BTC),
)


def convert() -> dict[str, Any]:
    return {"offers": (_OFFER, _BACK), "offer": _OFFER, "typed": FormField(), "problem": ""}


def convert_errors() -> dict[str, Any]:
    reason = "Must be between 0.00100000 and 10.00000000 BTC."
    return convert() | {"offers": (_OFFER,), "typed": FormField("0.0000001", (reason,))}


def convert_empty() -> dict[str, Any]:
    return {"offers": (), "offer": None, "typed": FormField(), "problem": ""}


def quote() -> dict[str, Any]:
    return {"quote": _CARD, "idempotency_key": "x", "problem": ""}


def quote_over() -> dict[str, Any]:
    return {"quote": replace(_CARD, left_s=0), "idempotency_key": "x", "problem": ""}


def pairs() -> dict[str, Any]:
    lines = [_PAIR, _PAIR_BACK, replace(_PAIR_BACK, bought=replace(BTC, symbol="rBTC", asset_id="rBTC"), is_open=False)]
    return {"lines": lines, "may_change": True, "problem": ""}


def pairs_empty() -> dict[str, Any]:
    problem = "Nothing was changed: There is no conversion of this asset into that one."
    return {"lines": [], "may_change": False, "problem": problem}


CONVERSIONS = {
    "convert": ("convert.html", True, convert),
    "convert-errors": ("convert.html", True, convert_errors),
    "convert-empty": ("convert.html", True, convert_empty),
    "convert-quote": ("convert_quote.html", True, quote),
    "conversion-pairs": ("conversion_pairs.html", True, pairs),
    "conversion-pairs-empty": ("conversion_pairs.html", True, pairs_empty),
    "convert-quote-over": ("convert_quote.html", True, quote_over),
}
