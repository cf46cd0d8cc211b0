"""A third-party app as its developer would write it, and its user's browser."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.house import ASSET, DESTINATION, House, Person

CALLBACK = "https://app.example/callback"
ORIGIN = "http://localhost"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
EVERY_SCOPE = "openid profile:read wallet:read deposits:read deposits:create withdrawals:read withdrawals:create"


@dataclass
class App:
    """A registered app, and its own state."""

    house: House
    client_id: str
    secret: str | None
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    @property
    def headers(self) -> dict[str, str]:
        if self.secret is None:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()}

    def query(self, **changes: str | None) -> dict[str, str]:
        """The query of its authorization request."""
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid profile:read wallet:read",
            "state": "state-1",
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def post(self, path: str, **form: Any) -> TestResponse:
        if self.secret is None:
            form.setdefault("client_id", self.client_id)
        return self.house.visitor().post(path, data=form, headers=self.headers)

    def redeem(self, code: str, /, **changes: Any) -> TestResponse:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
            **changes,
        }
        return self.post("/oauth/token", **{name: value for name, value in form.items() if value is not None})

    def refresh(self, refresh_token: str, /, **changes: Any) -> TestResponse:
        return self.post("/oauth/token", grant_type="refresh_token", refresh_token=refresh_token, **changes)

    def introspect(self, token: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.post("/oauth/introspect", token=token).get_json()
        return answer

    def tokens(self, person: Person, **changes: Any) -> dict[str, Any]:
        """Tokens that this user consented to."""
        answer = self.redeem(self.code(person, **changes))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.get_json()
        return body

    def code(self, person: Person, limit: str = "", **changes: str | None) -> str:
        sent = sent_back(allow(person, self.query(**changes), limit=limit))
        assert "code" in sent, sent
        return sent["code"]

    def get(self, path: str, token: str, **options: Any) -> TestResponse:
        return self.house.visitor().get(path, headers={"Authorization": f"Bearer {token}"}, **options)

    def withdraw(self, token: str, amount: str, *, key: str) -> TestResponse:
        return self.house.visitor().post(
            "/api/v1/withdrawals",
            json={"asset": ASSET, "amount": amount, "destination": DESTINATION},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
        )


def register(house: House, owner: Person | None = None, **changes: Any) -> App:
    """Register a developer's app."""
    metadata = {"client_name": "Ledger Lens", "redirect_uris": [CALLBACK], "scope": EVERY_SCOPE, **changes}
    answer = send_registration(house, metadata, owner)
    body = answer.get_json()
    assert answer.status_code == 201, body
    return App(house, body["client_id"], body.get("client_secret"))


def send_registration(house: House, metadata: Any, owner: Person | None = None) -> TestResponse:
    """The answer to a registration."""
    token = (owner or house.person()).token
    return house.visitor().post("/oauth/register", json=metadata, headers={"Authorization": f"Bearer {token}"})


def ask(person: Person, query: dict[str, str], *, address: str = "127.0.0.1") -> TestResponse:
    """The user's browser at this authorization URL."""
    return _browser(person).get(
        f"/oauth/authorize?{urlencode(query)}",
        headers={"Accept": "text/html"},
        environ_overrides={"REMOTE_ADDR": address},
    )


def allow(person: Person, query: dict[str, str], *, limit: str = "", decision: str = "allow") -> TestResponse:
    """Press a button of the consent form."""
    return _browser(person).post(
        f"/oauth/authorize?{urlencode(query)}",
        data={"decision": decision, f"limit-{ASSET}": limit},
        headers={"Accept": "text/html", "Origin": ORIGIN},
    )


def sent_back(answer: TestResponse) -> dict[str, str]:
    """The parameters of the redirect to the app."""
    assert answer.status_code == 303, answer.text
    assert answer.location.startswith((CALLBACK, "http://127.0.0.1", "http://[::1]")), answer.location
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}


def _browser(person: Person) -> FlaskClient:
    client = person.house.visitor(use_cookies=True)
    client.set_cookie("session", person.token)
    return client
