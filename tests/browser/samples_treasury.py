"""Example pages of prices, of screening, and of the days of buffers."""

from datetime import date, timedelta
from typing import Any

from api.pages.buffer_days import DayLine
from api.pages.prices import PairLine, SourceLine
from api.pages.screening import RailLine, WaitingLine
from api.pages.shapes import AssetName, Money
from models.screening import ListedAddress
from services.screening import MODES
from tests.browser.facts import ADDRESS, BTC, COIN, SHORT, ago

_MINUTE = timedelta(minutes=1)
_RULE = "2 of them must be fresh and within 5 % of the middle"


def prices() -> dict[str, Any]:
    counts = ("yours", "counts")
    btc = (
        SourceLine("exchange-with-a-long-name", "64123.456789012345678901", ago(seconds=12), *counts, _MINUTE, ""),
        SourceLine("kraken", "64000.1", ago(seconds=40), *counts, _MINUTE, ""),
        SourceLine("lagging", "58000", ago(hours=3), "waiting", "too old to count", _MINUTE, "41 times in a row: it "
                   "answered 503"),
        SourceLine("lying", "6.4", ago(seconds=9), "wrong", "apart from the others, left out", _MINUTE, ""),
        SourceLine("operator", "64010", ago(minutes=4), *counts, None, ""),
    )  # fmt: skip
    stale = "ETH/USD: 0 of 2 sources have a price that is fresh"
    eth = (
        SourceLine("kraken", "", None, "waiting", "has said nothing yet", _MINUTE, "3 times in a row: its answer has "
                   "nothing at 'result.XETHZUSD.c.0'"),
    )  # fmt: skip
    lines = [
        PairLine("BTC/USD", "64005.05", ago(minutes=4), "", _RULE, timedelta(minutes=5), btc),
        PairLine("ETH/USD", "", None, stale, _RULE, timedelta(minutes=5), eth),
        PairLine("USDC/USD", "", None, "USDC/USD: 0 of 1 sources have a price that is fresh", _RULE, _MINUTE, ()),
    ]
    return {"lines": lines, "may_set": True, "problem": ""}


def prices_empty() -> dict[str, Any]:
    problem = "Nothing was changed: This is not a price: a positive decimal number of at most 20 digits."
    return {"lines": [], "may_set": True, "problem": problem}


def _listed(chain: str, address: str, reason: str) -> ListedAddress:
    return ListedAddress(chain=chain, address=address, reason=reason, added_at=ago(days=3), added_by="operator:0a1b2c")


def screening() -> dict[str, Any]:
    slow = "it did not answer: ReadTimeout"
    reason = (
        "Named in the order of the court of 12 March, whose text is with the papers of that week; ask before paying."
    )
    return {
        "waiting": [
            WaitingLine(SHORT, Money(5_000_000, BTC, "+"), slow, 1, ago(seconds=8), ago(seconds=-7)),
            WaitingLine("m2n9qdk7f3", Money(123_456_789_012_345_678_901, COIN, "+"), slow, 44, ago(minutes=6), ago()),
        ],
        "rails": [
            RailLine("bitcoin", "Bitcoin", "list", 1204),
            RailLine("gnosis", "Gnosis", "hook", 3),
            RailLine("litecoin-regtest", "Litecoin (private regtest)", "off", 0),
        ],
        "listed": [_listed("gnosis", "0x" + "ab" * 20, "stolen coins"), _listed("bitcoin", ADDRESS, reason)],
        "asked": {"chain": "", "search": "0x", "after": "", "after_chain": ""},
        "older": "/operator/screening?after=x",
        "modes": MODES,
        "has_service": False,
        "may_change": True,
        "problem": "",
    }


def screening_empty() -> dict[str, Any]:
    problem = "Nothing was changed: 'nowhere' is not an address on bitcoin."
    nothing: dict[str, Any] = {"waiting": [], "rails": [], "listed": [], "older": None, "may_change": False}
    return {**screening(), **nothing, "problem": problem}


def _day(back: int, asset: AssetName, **more: Any) -> DayLine:
    unit = 10**asset.decimals
    facts: dict[str, Any] = {
        "day": date(2025, 11, 21) - timedelta(days=back),
        "asset": asset,
        "comparisons": "1440 ok",
        "meaning": "yours",
        "holding": Money(400 * unit + 7, asset),
        "ledger": Money(400 * unit + 7, asset),
        "difference": Money(0, asset),
        "least": Money(unit // 4, asset),
        "most": Money(400 * unit, asset),
        "credited": Money(12 * unit, asset),
        "paid_out": Money(7 * unit, asset),
    }
    return DayLine(**{**facts, **more})


def buffer_days() -> dict[str, Any]:
    odd = {"comparisons": "1400 ok, 3 mismatch, 37 unknown", "meaning": "wrong", "difference": Money(-1_000, BTC)}
    unread = {"comparisons": "1440 unknown", "meaning": "waiting", "holding": None, "difference": None}
    lines = [
        _day(1, BTC),
        _day(1, COIN),
        _day(2, BTC, **odd),
        _day(2, COIN, **unread, least=None, most=None),
    ]
    return {"lines": lines, "assets": (BTC, COIN), "chosen": None, "sheet": "/operator/buffers.csv"}


def buffer_days_empty() -> dict[str, Any]:
    return {**buffer_days(), "lines": [], "assets": (BTC,)}


TREASURY = {
    "prices": ("prices.html", True, prices),
    "prices-empty": ("prices.html", True, prices_empty),
    "screening": ("screening.html", True, screening),
    "screening-empty": ("screening.html", True, screening_empty),
    "buffer-days": ("buffer_days.html", True, buffer_days),
    "buffer-days-empty": ("buffer_days.html", True, buffer_days_empty),
}
