"""Example pages of claimed payments."""

from typing import Any

from api.pages.claims import ClaimLine, Payable
from api.pages.shapes import FormField, Money
from domain.verification import REASONS
from tests.browser.facts import ADDRESS, BTC, COIN, SHORT, TXID, ago

_TWO_LINES = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d" * 2
"""A signature of Solana is as long as this."""


def claims() -> dict[str, Any]:
    found = Money(123_456_789_012_345_678_901, COIN)
    return {
        "payable": [Payable(BTC, ADDRESS), Payable(COIN, "0x" + "ab" * 20)],
        "chosen": "BTC",
        "lines": [
            ClaimLine(SHORT, BTC, None, TXID, "waiting", "requested", "Claimed. The chain is being asked.", ago()),
            ClaimLine(
                "5f6g7h8j9k", BTC, None, TXID, "waiting", "uncertain", REASONS["providers_disagree"], ago(hours=1)
            ),
            ClaimLine("m2n9qdk7f3", COIN, found, _TWO_LINES, "yours", "verified", "It is final.", ago(days=3)),
            ClaimLine("q7f3m2n9qd", COIN, None, "0x" + TXID, "wrong", "rejected", REASONS["wrong_token"], ago(days=9)),
        ],
        "idempotency_key": "page-1",
        "tx_hash": FormField(),
        "typed": FormField(),
        "problem": "",
    }


def claims_errors() -> dict[str, Any]:
    wrong = FormField("0x12", ["Is no transaction of Bitcoin: 64 hexadecimal digits are."])
    return {
        **claims(),
        "lines": [],
        "tx_hash": wrong,
        "typed": FormField("1,5,0", ["Must be a number such as 1.5."]),
        "problem": "Nothing was claimed.",
    }


def claims_empty() -> dict[str, Any]:
    return {**claims(), "payable": [], "lines": []}


CLAIMS = {
    "claims": ("claims.html", True, claims),
    "claims-errors": ("claims.html", True, claims_errors),
    "claims-empty": ("claims.html", True, claims_empty),
}
