"""DPoP proofs of an app (RFC 9449), valid and invalid."""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms
from werkzeug.test import TestResponse

from api.access import provider
from auth.oauth import dpop
from domain.ids import new_id
from tests.api.house import House
from tests.oauth.app import CALLBACK, App

_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_MAKERS: dict[str, Callable[[], Any]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    # Generating one takes a tenth of a second, and no test needs two.
    "RS256": lambda: _RSA,
    "PS256": lambda: _RSA,
}


@dataclass
class Prover:
    """An app's key, and the installation that it talks to."""

    house: House
    alg: str = "ES256"
    key: Any = field(default=None)

    def __post_init__(self) -> None:
        self.key = self.key or _MAKERS[self.alg]()

    @property
    def jwk(self) -> dict[str, Any]:
        jwk: dict[str, Any] = json.loads(get_default_algorithms()[self.alg].to_jwk(self.key.public_key()))
        return {name: value for name, value in jwk.items() if name not in {"key_ops", "kid"}}

    @property
    def jkt(self) -> str:
        """The thumbprint by RFC 7638."""
        canonical = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()

    @property
    def nonce(self) -> str:
        """The current nonce."""
        container = self.house.container
        return dpop.nonces(provider(container), now=container.now())[0]

    def proof(
        self,
        method: str,
        path: str,
        token: str | None = None,
        *,
        head: dict[str, Any] | None = None,
        later_s: int = 0,
        **changes: Any,
    ) -> str:
        claims = {
            "jti": str(new_id()),
            "htm": method,
            "htu": f"{self.house.container.settings.public_url}{path}",
            "iat": int(time.time()) + later_s,
            "ath": hashed(token) if token else None,
            "nonce": self.nonce,
            **changes,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(
            said, self.key, algorithm=self.alg, headers={"typ": "dpop+jwt", "jwk": self.jwk, **(head or {})}
        )

    def token(self, app: App, proof: str | None = None, **form: Any) -> TestResponse:
        """The token endpoint's answer to the app with a proof."""
        headers = {**app.headers, "DPoP": proof if proof is not None else self.proof("POST", "/oauth/token")}
        if app.secret is None:
            form.setdefault("client_id", app.client_id)
        return self.house.visitor().post("/oauth/token", data=form, headers=headers)

    def redeem(self, app: App, code: str, proof: str | None = None) -> TestResponse:
        form = {"code": code, "redirect_uri": CALLBACK, "code_verifier": app.verifier}
        return self.token(app, proof, grant_type="authorization_code", **form)

    def refresh(self, app: App, refresh_token: str) -> TestResponse:
        return self.token(app, grant_type="refresh_token", refresh_token=refresh_token)

    def get(self, path: str, token: str, *, proof: str | None = None, scheme: str = "DPoP") -> TestResponse:
        headers = {"Authorization": f"{scheme} {token}"}
        shown = self.proof("GET", path.partition("?")[0], token) if proof is None else proof
        return self.house.visitor().get(path, headers={**headers, **({"DPoP": shown} if shown else {})})


def hashed(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
