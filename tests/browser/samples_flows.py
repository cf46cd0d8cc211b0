"""Example pages of the search for movements of money."""

from datetime import timedelta
from typing import Any

from api.pages import sentences
from api.pages.flow_filters import FIELDS, STATES
from api.pages.flows import Choice, FlowLine
from api.pages.shapes import FormField, Money
from domain.flows import FLOW_KINDS
from tests.browser.facts import ADDRESS, BTC, COIN, KEY, ONE, SHORT, ago


def _line(flow: str, kind: str, state: str, money: Money | None, *, minutes: int, **more: Any) -> FlowLine:
    limit, lasted = FLOW_KINDS[kind].states[state].time_limit, timedelta(minutes=minutes)
    return FlowLine(
        flow=flow,
        kind=sentences.kind_word(kind),
        money=money,
        state=state,
        meaning=sentences.meaning(kind, state),
        since=ago(minutes=minutes),
        limit=limit,
        is_late=limit is not None and lasted > limit,
        **{"user_id": ONE, "user": "0a1b2c3d4e", **more},
    )


def _page(**more: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "box": FormField(),
        "choices": [],
        "fields": {name: FormField() for name in FIELDS},
        "asked": {},
        "is_refused": False,
        "lines": [],
        "more": None,
        "first": None,
        "kinds": [(kind, sentences.kind_word(kind)) for kind in FLOW_KINDS],
        "states": STATES,
        "assets": [BTC.asset_id, COIN.asset_id],
    }
    return facts | more


def flows() -> dict[str, Any]:
    lines = [
        _line(SHORT, "deposit", "confirming", Money(5_000_000, BTC, "+"), minutes=2),
        _line("5f6g7h8j9k", "withdrawal", "pending_approval", Money(1_000_000, BTC, "-"), minutes=60 * 49),
        _line("m2n9qdk7f3", "withdrawal", "uncertain", Money(123_456_789_012_345_678_901_234, COIN, "-"), minutes=75),
        _line("q7f3m2n9qd", "sweep", "completed", Money(10**18, COIN), minutes=60 * 24 * 3, user_id=None, user=""),
        _line("0a1b2c3d4e", "internal_transfer", "completed", Money(2_100_000_000_000_000, BTC), minutes=60 * 24 * 300),
        _line("9kapq3rstv", "verification", "rejected", None, minutes=60 * 30),
    ]
    asked = {"asset": "wVERYLONGTOKEN", "user": KEY, "newer": "52 w"}
    fields = {name: FormField(asked.get(name, "")) for name in FIELDS}
    return _page(lines=lines, fields=fields, asked=asked, more="/operator/flows?before=x", first="/operator/flows")


def flows_errors() -> dict[str, Any]:
    wrong = {
        "kind": FormField("withdrawal"),
        "state": FormField("credited", ("No withdrawal is ever credited. Its states are: requested, approved.",)),
        "older": FormField("a while", ("Write a number and s, min, h, d or w, such as 90 min or 2 d.",)),
        "user": FormField(KEY[:-1], ("Nobody here has this id, key or address.",)),
    }
    return _page(fields={name: wrong.get(name, FormField()) for name in FIELDS}, is_refused=True)


def flows_nothing() -> dict[str, Any]:
    told = "No movement of money is known by this. It may be cut short or mistyped, or belong to another house."
    return _page(box=FormField(ADDRESS, (told,)), is_refused=True)


def flows_several() -> dict[str, Any]:
    found = ("movements to and from this address", "movements of the person whose key or id it is")
    return _page(box=FormField(ADDRESS), choices=[Choice(words, "/operator/flows?user=x") for words in found])


FLOWS = {
    "flows": ("flows.html", True, flows),
    "flows-errors": ("flows.html", True, flows_errors),
    "flows-nothing": ("flows.html", True, flows_nothing),
    "flows-several": ("flows.html", True, flows_several),
}
