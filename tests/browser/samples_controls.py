"""Example pages of what operators switch and set aside, and of a person's list of destinations."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from api.pages.controls import ObserverLine, WithdrawalLine
from api.pages.destinations import DestinationLine, ListRule
from api.pages.quarantined import QuarantinedLine
from api.pages.shapes import FormField, Gauge, Money
from tests.browser.facts import ADDRESS, BTC, COIN, SHORT, TXID, ago
from tests.browser.samples_alerts import ALERTS, pause
from tests.browser.samples_buffers import BUFFERS


def controls() -> dict[str, Any]:
    return {
        "problem": "",
        "may_switch": True,
        "hours_max": 24,
        "alerts": Gauge("Alerts", "yours", "looked for", "", ago(seconds=9)),
        "pause": None,
        "withdrawals": [WithdrawalLine(BTC, False, 0), WithdrawalLine(COIN, True, 17)],
        "observers": [
            ObserverLine("bitcoin", "Bitcoin", "yours", "at the tip", "923 456", ago(minutes=3), False),
            ObserverLine(
                "litecoin", "Litecoin", "waiting", "paused by operator 4e5f6g7h8j", "2 200", ago(hours=2), True
            ),
            ObserverLine(
                "litecoin-regtest", "Litecoin (private regtest)", "wrong", "node refused", "200", ago(hours=2), False
            ),
        ],
    }


def controls_viewer() -> dict[str, Any]:
    return {**controls(), "may_switch": False, "problem": "Nothing was changed: no observer follows 'x' here"}


def controls_empty() -> dict[str, Any]:
    """Of a house that has begun, in which nobody looks for alerts."""
    looking = Gauge("Alerts", "wrong", "paused by operator 4e5f6g7h8j", "ends", ago(hours=-2))
    return {**controls(), "withdrawals": [], "observers": [], "alerts": looking, "pause": pause()}


def _line(flow: str, **more: Any) -> QuarantinedLine:
    facts: dict[str, Any] = {
        "id": UUID(int=int.from_bytes(flow.encode())),
        "flow": flow,
        "money": Money(5_000_000, BTC, "+"),
        "txid": TXID,
        "owner": "user 0a1b2c3d4e",
        "mine": False,
        "state": "Confirmed. Suspense has its money.",
        "cause": "operator",
        "reason": "The sender's exchange reports these coins as stolen and asks us to hold them until Monday.",
        "since": ago(hours=5),
        "is_held": True,
    }
    return QuarantinedLine(**{**facts, **more})


def quarantined() -> dict[str, Any]:
    lines = [
        _line(SHORT),
        _line("5f6g7h8j9k", is_held=False, state="In a block, not confirmed yet.", cause="bad actor list"),
        _line("m2n9qdk7f3", mine=True, money=Money(123_456_789_012_345_678_901, COIN, "+")),
    ]
    return {"lines": lines, "may_decide": True, "problem": ""}


def quarantined_empty() -> dict[str, Any]:
    return {"lines": [], "may_decide": True, "problem": ""}


def destinations() -> dict[str, Any]:
    return {
        "lines": [
            DestinationLine(UUID(int=1), BTC, ADDRESS, ago(minutes=20), ago(hours=-23, minutes=-40)),
            DestinationLine(UUID(int=2), COIN, "0x" + "ab" * 20, ago(days=40), ago(days=39)),
        ],
        "rules": [ListRule((BTC,), True, timedelta(days=1)), ListRule((COIN,), False, timedelta(0))],
        "choice": (BTC, COIN),
        "chosen": BTC,
        "destination": FormField(),
        "problem": "",
    }


def destinations_empty() -> dict[str, Any]:
    wrong = FormField("bc1qnothing", ["Is not an address: a character is mistyped or missing."])
    rules = [ListRule((BTC, COIN), False, timedelta(days=1))]
    return {**destinations(), "lines": [], "rules": rules, "choice": (BTC,), "destination": wrong}


CONTROLS = {
    "controls": ("controls.html", True, controls),
    "controls-viewer": ("controls.html", True, controls_viewer),
    "controls-empty": ("controls.html", True, controls_empty),
    "quarantined": ("quarantined.html", True, quarantined),
    "quarantined-empty": ("quarantined.html", True, quarantined_empty),
    **ALERTS,
    **BUFFERS,
    "destinations": ("destinations.html", True, destinations),
    "destinations-empty": ("destinations.html", True, destinations_empty),
}
