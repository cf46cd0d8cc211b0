"""A third-party app on an address of its own: sends people to sign in, keeps its tokens on its server."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field

import httpx
from flask import Flask, redirect, request
from werkzeug.wrappers import Response

SCOPE = "wallet:read withdrawals:create"


@dataclass
class Shop:
    """What the app knows: where the provider is, who it is there, and the token that it was given."""

    issuer: str
    address: str
    client_id: str
    secret: str
    asset: str
    destination: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    token: str = ""

    def app(self) -> Flask:
        """Its three pages."""
        app = Flask("shop")
        app.add_url_rule("/start", "start", self.start)
        app.add_url_rule("/callback", "callback", self.callback)
        app.add_url_rule("/balance", "balance", self.balance)
        app.add_url_rule("/buy/<amount>", "buy", self.buy)
        app.add_url_rule("/favicon.ico", "icon", lambda: ("", 204))
        return app

    def start(self) -> Response:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        query = httpx.QueryParams(
            response_type="code",
            client_id=self.client_id,
            redirect_uri=f"{self.address}/callback",
            scope=SCOPE,
            state="basket-7",
            code_challenge=challenge,
            code_challenge_method="S256",
        )
        return redirect(f"{self.issuer}/oauth/authorize?{query}")

    def callback(self) -> str | Response:
        if "error" in request.args:
            return self.show(f"Not connected: {request.args['error']}")
        assert (request.args["state"], request.args["iss"]) == ("basket-7", self.issuer)
        answer = httpx.post(
            f"{self.issuer}/oauth/token",
            auth=(self.client_id, self.secret),
            data={
                "grant_type": "authorization_code",
                "code": request.args["code"],
                "redirect_uri": f"{self.address}/callback",
                "code_verifier": self.verifier,
            },
        )
        self.token = answer.raise_for_status().json()["access_token"]
        return redirect("/balance")

    def balance(self) -> str:
        answer = httpx.get(f"{self.issuer}/api/v1/balances", headers=self.headers()).json()
        if "error" in answer:
            return self.show(f"Refused: {answer['error']}")
        [item] = [item for item in answer["items"] if item["asset"] == self.asset]
        return self.show(f"You have {item['available']}")

    def buy(self, amount: str) -> str:
        body = {"asset": self.asset, "amount": amount, "destination": self.destination}
        headers = {**self.headers(), "Idempotency-Key": secrets.token_hex(8)}
        answer = httpx.post(f"{self.issuer}/api/v1/withdrawals", json=body, headers=headers).json()
        return self.show(f"Refused: {answer['error']}" if "error" in answer else f"Paid {answer['amount']}")

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def show(self, words: str) -> str:
        return f"<!doctype html><html lang='en'><title>Shop</title><main><h1>{words}</h1></main></html>"
