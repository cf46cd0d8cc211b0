"""Example pages of what is held, and of the orders that fund it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from api.pages.buffers import BufferLines, OrderLine
from api.pages.shapes import AssetName, Money, Worth
from services.replenishments import CANCELLABLE
from tests.browser.facts import ADDRESS, BTC, COIN, SHORT, ago


def _lines(asset: AssetName, **more: Any) -> BufferLines:
    unit = 10**asset.decimals
    facts: dict[str, Any] = {
        "asset": asset,
        "verdict": "ok",
        "meaning": "yours",
        "reason": "",
        "at": ago(seconds=40),
        "parts": (
            ("in the hot wallet, to be paid out", Money(7 * unit // 2, asset)),
            ("in the hot wallet, in no block yet", Money(unit // 4, asset)),
            ("in the hot wallet, newly mined", Money(0, asset)),
            ("on deposit addresses, not swept yet", Money(unit // 4, asset)),
        ),
        "holding": Money(4 * unit, asset),
        "ledger": Money(9 * unit // 2, asset),
        "lines": (
            ("deposits that are not credited yet", Money(unit // 4, asset)),
            ("withdrawals that left and are not final", Money(-unit // 2, asset)),
            ("network fees of those", Money(-unit // 4, asset)),
        ),
        "difference": Money(0, asset),
        "low": Money(unit, asset),
        "high": Money(3 * unit, asset),
        "worth": Worth("256\u2009000.40 USD", ago(seconds=55)),
        "history": ((ago(minutes=1), "ok", "4.00000000"), (ago(minutes=2), "unknown", "not known")),
    }
    return BufferLines(**{**facts, **more})


def _order(flow: str, state: str, since: datetime, **more: Any) -> OrderLine:
    facts: dict[str, Any] = {
        "id": UUID(int=int.from_bytes(flow.encode())),
        "flow": flow,
        "asset": BTC,
        "money": Money(250_000_000, BTC),
        "received": Money(0, BTC),
        "state": state,
        "reason": "0.50000000 BTC can be paid out; the low mark is 1.00000000 BTC",
        "address": None,
        "since": since,
        "expires_at": ago(hours=-20),
        "is_open": state in {"proposed", "approved"},
        "may_be_cancelled": state in CANCELLABLE,
    }
    return OrderLine(**{**facts, **more})


def buffers() -> dict[str, Any]:
    orders = [
        _order(SHORT, "proposed", ago(minutes=12)),
        _order("5f6g7h8j9k", "approved", ago(hours=4), address=ADDRESS, received=Money(50_000_000, BTC)),
        _order("m2n9qdk7f3", "completed", ago(days=3), address=ADDRESS, received=Money(250_000_000, BTC)),
        _order("q7f3m2n9qd", "expired", ago(days=9), reason="nobody approved it in time"),
    ]
    unknown = {"verdict": "unknown", "meaning": "waiting", "reason": "node_refused", "parts": (), "lines": ()}
    lines = [_lines(BTC), _lines(COIN, holding=None, difference=None, worth=None, **unknown)]
    return {"lines": lines, "orders": orders, "choice": (BTC, COIN), "may_decide": True, "problem": ""}


def buffers_empty() -> dict[str, Any]:
    problem = "Nothing was changed: a reason is missing."
    return {"lines": [], "orders": [], "choice": (BTC,), "may_decide": True, "problem": problem}


BUFFERS = {"buffers": ("buffers.html", True, buffers), "buffers-empty": ("buffers.html", True, buffers_empty)}
