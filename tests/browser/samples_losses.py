"""Example pages of what suspense carries for good."""

from typing import Any
from uuid import UUID

from api.pages.losses import LossLine
from api.pages.shapes import Money
from domain.flows import LOSS
from tests.browser.facts import BTC, COIN, SHORT, TXID, ago


def _line(flow: str, state: str, **more: Any) -> LossLine:
    known = LOSS.states[state]
    facts: dict[str, Any] = {
        "id": UUID(int=int.from_bytes(flow.encode())),
        "flow": flow,
        "money": Money(25_000_000, BTC),
        "is_gain": False,
        "txid": "",
        "state": state,
        "meaning": known.meaning,
        "sentence": known.sentence,
        "reason": "the fork of 3 May, which two users had spent before",
        "since": ago(hours=5),
        "proposed_by": "operator 7h8j9k",
        "decided_by": "",
        "is_mine": False,
    }
    return LossLine(**{**facts, **more})


def losses() -> dict[str, Any]:
    lacking = [(BTC, Money(75_000_000, BTC), False), (COIN, Money(123_456_789_012_345_678_901, COIN), True)]
    lines = [
        _line(SHORT, "carried", txid=TXID, proposed_by="", reason="left after the dump; no withdrawal explains it"),
        _line("5f6g7h8j9k", "proposed"),
        _line("m2n9qdk7f3", "proposed", is_mine=True, is_gain=True),
        _line("q7f3m2n9qd", "booked", decided_by="operator 9kapq3"),
        _line("9kapq3rstv", "refused", decided_by="operator 9kapq3"),
    ]
    return {"lacking": lacking, "lines": lines, "may_decide": True, "problem": ""}


def losses_empty() -> dict[str, Any]:
    return {"lacking": [], "lines": [], "may_decide": True, "problem": ""}


LOSSES = {"losses": ("losses.html", True, losses), "losses-empty": ("losses.html", True, losses_empty)}
