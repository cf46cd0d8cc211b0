"""A person with a key who uses the public API, as any program would."""

from typing import Any, Final, Self
from uuid import UUID

import httpx
from coincurve import PrivateKey

from wiring.embedded.process import ServerFailed

TIMEOUT_S: Final = 10.0


class Refused(ServerFailed):
    """The server refused a request; `code` is the error code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Person:
    """A fresh key and, after `sign_in`, its session."""

    def __init__(self, url: str) -> None:
        self._key = PrivateKey()
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_S)
        self.user_id = UUID(int=0)

    @property
    def public_key(self) -> str:
        """The compressed public key in hex."""
        return self._key.public_key.format().hex()

    def sign_in(self) -> Self:
        """Sign a challenge and keep the session; the first sign-in creates the user."""
        challenge = self.post("/api/auth/challenge", {"subject": self.public_key})
        proof = {
            "challenge_id": challenge["challenge_id"],
            "subject": self.public_key,
            "signature": self._key.sign(challenge["message"].encode()).hex(),
        }
        session = self.post("/verify_signature", proof)
        self.user_id = UUID(session["user"]["id"])
        self._client.headers["Authorization"] = f"Bearer {session['session_token']}"
        self._client.cookies.clear()
        return self

    @property
    def token(self) -> str:
        """The session's token, for connecting by other means."""
        return str(self._client.headers["Authorization"]).removeprefix("Bearer ")

    def get(self, path: str) -> dict[str, Any]:
        """The JSON at a path. Raises Refused."""
        return _body(self._client.get(path))

    def post(self, path: str, body: dict[str, Any], *, idempotency_key: str | None = None) -> dict[str, Any]:
        """POST JSON; returns the answer's JSON. Raises Refused."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return _body(self._client.post(path, json=body, headers=headers))

    def delete(self, path: str) -> None:
        """DELETE a path. Raises Refused."""
        _body(self._client.delete(path))

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _body(answer: httpx.Response) -> dict[str, Any]:
    body = dict(answer.json()) if answer.content else {}
    if answer.is_error:
        request = answer.request
        message = f"{request.method} {request.url.path} answered {answer.status_code}: {answer.text}"
        raise Refused(message, str(body.get("error", "")))
    return body
