"""Example pages about letters and webhooks: the list, a new one, one that fails, the house's."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from api.pages.webhooks import OF_THE_HOUSE
from tests.browser.facts import NOW, SHORT, ago

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
LONG = "https://a-very-long-name-of-a-host.with-many-parts.payments.staging.example.com/hooks/strongroom/incoming?tenant=4711"
KINDS = [("*", "Everything"), *((f"{kind}.*", words) for kind, words in OF_THE_HOUSE.items())]


def _endpoint(number: int = 0, **changes: Any) -> SimpleNamespace:
    known: dict[str, Any] = {
        "id": UUID(int=number),
        "url": "https://shop.example.com/hooks",
        "description": "",
        "kinds": ["deposit.credited", "withdrawal.*"],
        "created_at": ago(days=12),
        "disabled_at": None,
        "disabled_because": None,
        "failures": 0,
        "failing_since": None,
    }
    return SimpleNamespace(**{**known, **changes})


def _attempt(**changes: Any) -> SimpleNamespace:
    known: dict[str, Any] = {"at": ago(minutes=3), "status": 200, "error": None, "excerpt": "ok", "duration_ms": 41}
    return SimpleNamespace(**{**known, **changes})


def _message(number: int, **changes: Any) -> SimpleNamespace:
    known: dict[str, Any] = {
        "id": UUID(int=number),
        "event_id": f"flow-{1000 + number}",
        "event_type": "deposit.credited",
        "event": {"data": {"short_id": SHORT}},
        "occurred_at": ago(minutes=3 + number),
        "state": "delivered",
        "error": None,
        "due_at": None,
    }
    return SimpleNamespace(**{**known, **changes})


def listed() -> dict[str, Any]:
    endpoints = [
        _endpoint(1),
        _endpoint(2, description="Bookkeeping", url=LONG, kinds=["*"], failures=4, failing_since=ago(hours=2)),
        _endpoint(3, disabled_at=ago(days=1), disabled_because="failing", failures=30, failing_since=ago(days=6)),
    ]
    apps = [SimpleNamespace(client_id="app-1", name="Ledger Lens")]
    return {
        "endpoints": endpoints, "apps": apps, "base": "/developer/webhooks", "may_change": True, "form": {},
        "problem": "The address: must begin with https://.", "kinds": KINDS, "chosen": ["deposit.*"],
    }  # fmt: skip


def empty() -> dict[str, Any]:
    return listed() | {
        "endpoints": [], "apps": [], "base": "/operator/webhooks", "may_change": False, "problem": "", "chosen": [],
    }  # fmt: skip


def fresh() -> dict[str, Any]:
    return {
        "endpoint": _endpoint(1, description="Shop"), "messages": [], "kinds": KINDS, "chosen": ["withdrawal.*"],
        "rotating_until": NOW + timedelta(hours=23), "base": "/developer/webhooks", "may_change": True,
        "secret": SECRET, "problem": "",
    }  # fmt: skip


def failing() -> dict[str, Any]:
    html = "<html><body><h1>502 Bad Gateway</h1></body></html> " * 4
    tried = [
        _attempt(status=502, error="status_502", excerpt=html, at=ago(hours=2)),
        _attempt(status=None, error="timed_out", excerpt="", duration_ms=15003),
    ]
    messages = [
        (_message(1, state="waiting", due_at=NOW + timedelta(minutes=28), error="timed_out"), tried),
        (_message(2, state="waiting", due_at=NOW, event_type="withdrawal.pending_approval"), []),
        (_message(3, event_type="alert.raised", event={"data": {}}, event_id="alert-12"), [_attempt()]),
        (_message(4, state="failed", error="endpoint_disabled"), []),
        (_message(5, state="failed", error="address_refused"), [_attempt(status=None, error="address_refused")]),
    ]
    endpoint = _endpoint(1, url=LONG, failures=4, failing_since=ago(hours=2))
    return fresh() | {"endpoint": endpoint, "messages": messages, "secret": "", "rotating_until": None}


def mail() -> dict[str, Any]:
    row = SimpleNamespace(address="night.watch@operations.example.com", confirmed_at=None, code_sent_at=ago(minutes=3))
    return {"row": row, "problem": "", "has_server": False, "typed": ""}


def mail_confirm() -> dict[str, Any]:
    return {"code": "x", "problem": ""}


def mail_leave() -> dict[str, Any]:
    return {"done": False}


WEBHOOK_SAMPLES = {
    "mail": ("mail.html", True, mail),
    "mail-confirm": ("mail_confirm.html", True, mail_confirm),
    "mail-leave": ("mail_leave.html", False, mail_leave),
    "webhooks": ("webhooks.html", True, listed),
    "webhooks-empty": ("webhooks.html", True, empty),
    "webhook-fresh": ("webhook.html", True, fresh),
    "webhook-failing": ("webhook.html", True, failing),
}
