"""People with keys who do not give up: what nobody answered is asked again under the same key."""

import threading
import time
from typing import Any, Final

import httpx

from cli.person import Person
from drill.journal import Asked, Journal

TIMEOUT_S: Final = 20.0
PATIENCE_S: Final = 240.0
AGAIN_AFTER_S: Final = 0.4
PAGE: Final = 200
TOO_MANY: Final = 429
BROKEN: Final = 500

PATHS: Final = {
    "withdrawal": "/api/v1/withdrawals",
    "transfer": "/api/v1/transfers",
    "claim": "/api/v1/payment-verifications",
}


class Somebody:
    """A user of the house, and a browser that repeats what it got no answer to. One thread at a time: take `turn`."""

    def __init__(self, url: str) -> None:
        person = Person(url)
        person.sign_in()
        self.user_id = person.user_id
        self.addresses: dict[str, str] = {}
        """Where they are paid, by asset."""
        self.turn = threading.Lock()
        headers = {"Authorization": f"Bearer {person.token}"}
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_S, headers=headers)
        person.close()

    def insist(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The first definite answer. Raises TimeoutError when none comes."""
        answer, _ = self._insist(method, path, **options)
        return answer

    def ask(self, journal: Journal, asked: Asked) -> None:
        """Have money moved, once, and keep the answer."""
        journal.asks(asked)
        headers = {"Idempotency-Key": asked.key}
        answer, asked.repeats = self._insist("POST", PATHS[asked.kind], json=asked.body, headers=headers)
        asked.answer, asked.status = dict(answer.json()), answer.status_code

    def every(self, path: str) -> list[dict[str, Any]]:
        """All items of a list."""
        items: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": PAGE}
        while True:
            page = self.insist("GET", path, params=query).json()
            items += page["items"]
            if not page.get("next_cursor"):
                return items
            query["cursor"] = page["next_cursor"]

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _insist(self, method: str, path: str, **options: Any) -> tuple[httpx.Response, int]:
        deadline, repeats = time.monotonic() + PATIENCE_S, 0
        while time.monotonic() < deadline:
            try:
                answer = self._client.request(method, path, **options)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code < BROKEN and answer.status_code != TOO_MANY:
                return answer, repeats
            repeats += 1
            time.sleep(AGAIN_AFTER_S)
        raise TimeoutError(f"{method} {path} got no definite answer in {PATIENCE_S:g} s")
