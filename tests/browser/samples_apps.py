"""Example pages about apps that act for people: the question, the list, the developer's page, a device."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from api.pages.apps import AppLine
from api.pages.consent import Limit
from api.pages.shapes import FormField, Money
from auth.oauth.scopes import SCOPES
from tests.browser.facts import BTC, COIN, ago

LONG = "A bookkeeping app whose makers gave it a name as long as they were let, eighty!!"
SECRET = "gT3vYh1Qm0Zx7cJ5rN8wKd2uLq9sPbE4aFiVoXyMnRk"
CALLBACK = "https://vault.example.org/developer/callback"


def _client(number: int = 0, **changes: Any) -> SimpleNamespace:
    known = {
        "client_id": f"app-k7f3m2n9q{number}",
        "name": "Ledger Lens",
        "client_uri": "https://lens.example.com",
        "auth_method": "client_secret_basic",
        "secret_set_at": ago(days=12),
        "redirect_uris": ["https://lens.example.com/callback", CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile:read wallet:read",
        "dpop_bound_access_tokens": False,
        "created_at": ago(days=40),
    }
    return SimpleNamespace(**{**known, **changes})


def consent() -> dict[str, Any]:
    return {
        "client": _client(),
        "scopes": [SCOPES[name] for name in ("openid", "profile:read", "wallet:read")],
        "limits": [],
        "goes_to": "lens.example.com",
        "action": "/oauth/authorize?client_id=x",
    }


def consent_spending() -> dict[str, Any]:
    wrong = FormField("much", ("is not an amount: write it like 0.05",))
    return consent() | {
        "client": _client(name=LONG, client_uri=None, created_at=ago(minutes=3)),
        "scopes": list(SCOPES.values()),
        "limits": [Limit(BTC, FormField("0.01")), Limit(COIN, wrong)],
        "goes_to": "a-very-long-name-of-a-host.with-many-parts.payments.staging.lens.example.com",
    }


def consent_done() -> dict[str, Any]:
    # An address that leads nowhere: the page goes on by itself, and a picture of it is wanted.
    return {"target": "#", "app": "lens.example.com"}


def consent_refused() -> dict[str, Any]:
    return {"code": "invalid_client", "description": "The client does not exist on this server."}


def _line(number: int, **changes: Any) -> AppLine:
    known: dict[str, Any] = {
        "grant_id": UUID(int=number),
        "name": "Ledger Lens",
        "home": "https://lens.example.com",
        "scopes": tuple(SCOPES[name] for name in ("openid", "wallet:read")),
        "limits": (),
        "since": ago(days=12),
        "last_used_at": ago(minutes=3),
    }
    return AppLine(**{**known, **changes})


def apps() -> dict[str, Any]:
    limits = (Money(1_000_000, BTC), Money(123_456_789_012_345_678, COIN))
    return {
        "apps": [
            _line(1),
            _line(2, name=LONG, home=None, scopes=tuple(SCOPES.values()), limits=limits, last_used_at=None),
        ]
    }


def apps_empty() -> dict[str, Any]:
    return {"apps": []}


def developer() -> dict[str, Any]:
    phone = _client(
        1,
        name=LONG,
        auth_method="none",
        secret_set_at=None,
        redirect_uris=["com.example.lens:/done", "http://127.0.0.1/done"],
        scope=" ".join(SCOPES),
        dpop_bound_access_tokens=True,
    )
    return {
        "clients": [_client(), phone],
        "fresh": None,
        "problem": "",
        "all_scopes": list(SCOPES.values()),
        "callback": CALLBACK,
        "issuer": "https://vault.example.org",
        "form": {},
        "chosen": ["openid", "profile:read", "wallet:read"],
    }


def developer_fresh() -> dict[str, Any]:
    made = _client()
    return developer() | {"clients": [made], "fresh": SimpleNamespace(client=made, secret=SECRET)}


def developer_refused() -> dict[str, Any]:
    problem = "Where answers may go: an address must use https, unless it is on the user's own machine."
    form = {"client_name": "Lens", "redirect_uris": "http://lens.example.com/cb"}
    return developer() | {"clients": [], "problem": problem, "form": form}


def developer_callback() -> dict[str, Any]:
    answer = (
        '{\n  "access_token": "' + "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9." * 12 + '",\n  "token_type": "Bearer"\n}'
    )
    claims = '{\n  "iss": "https://vault.example.org",\n  "scope": "openid wallet:read"\n}'
    sent = {"code": SECRET, "state": "app-k7f3m2n9q0", "iss": "https://vault.example.org"}
    return {"sent": sent, "answer": answer, "claims": claims, "problem": ""}


def developer_callback_code() -> dict[str, Any]:
    return developer_callback() | {"answer": None, "claims": None}


def device() -> dict[str, Any]:
    return {"code": FormField()}


def device_unknown() -> dict[str, Any]:
    reason = "No device waits for this code: it was mistyped, has expired or was used already."
    return {"code": FormField("BCDF-GHJK", (reason,))}


def device_consent() -> dict[str, Any]:
    return {
        "client": _client(name="Console", client_uri=None, created_at=ago(days=2)),
        "user_code": "BCDF-GHJK",
        "scopes": [SCOPES[name] for name in ("wallet:read", "withdrawals:create")],
        "limits": [Limit(BTC), Limit(COIN)],
    }


def device_done() -> dict[str, Any]:
    return {"app": "Console", "allowed": True}


APP_SAMPLES = {
    "consent": ("consent.html", True, consent),
    "consent-spending": ("consent.html", True, consent_spending),
    "consent-done": ("consent_done.html", True, consent_done),
    "consent-refused": ("consent_refused.html", True, consent_refused),
    "apps": ("apps.html", True, apps),
    "apps-empty": ("apps.html", True, apps_empty),
    "developer": ("developer.html", True, developer),
    "developer-fresh": ("developer.html", True, developer_fresh),
    "developer-refused": ("developer.html", True, developer_refused),
    "developer-callback": ("developer_callback.html", True, developer_callback),
    "developer-callback-code": ("developer_callback.html", True, developer_callback_code),
    "device": ("device.html", True, device),
    "device-unknown": ("device.html", True, device_unknown),
    "device-consent": ("device_consent.html", True, device_consent),
    "device-done": ("device_done.html", True, device_done),
}
