"""Somebody who uses the wallet tools over HTTP, and the tasks that work for them, one step at a time."""

from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from tasks.watch_wallets import derive_chain, scan_chain
from tests.api.house import Person
from tests.rail import BY, Rail


@dataclass
class Watcher:
    """A person and the rail that their wallets are on."""

    rail: Rail
    person: Person

    def call(self, method: str, path: str, body: Any | None = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.person.token}"}
        options = {"json": body} if body is not None else {}
        return self.person.house.visitor().open(path, method=method, headers=headers, **options)

    def ask(self, descriptor: object, **fields: Any) -> TestResponse:
        return self.call("POST", "/import_descriptor", {"descriptor": descriptor, **fields})

    def watch(self, descriptor: object, **fields: Any) -> dict[str, Any]:
        """Import, and do the tasks' part: the wallet as it then is."""
        answer = self.ask(descriptor, **fields)
        assert answer.status_code == 202, answer.text
        self.work()
        return self.wallet(answer.get_json()["id"])

    def wallet(self, wallet_id: str) -> dict[str, Any]:
        answer = self.call("GET", f"/api/v1/watch-wallets/{wallet_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.get_json()
        return shown

    def wallets(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.call("GET", "/api/v1/watch-wallets").get_json()["items"]
        return items

    def work(self) -> None:
        self.derive()
        self.scan()

    def derive(self) -> int:
        return derive_chain(self.rail.container, self.rail.chain, BY)

    def scan(self) -> int | None:
        return scan_chain(self.rail.container, self.rail.chain)
