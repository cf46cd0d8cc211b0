"""Flutterwave's transfers, version 3, as documented: a failed one still has a fee."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.fakes.serving import JsonServer

PHONES = frozenset({"MTN", "MPS"})
KEY, SECRET = "FLWSECK_TEST-1", "hash-of-the-dashboard"


class FakeFlutterwave:
    """One merchant. A transfer is NEW until `decides` sets its outcome."""

    def __init__(self) -> None:
        self.server = JsonServer(self._handle, key=KEY)
        self.transfers: dict[int, dict[str, Any]] = {}
        self.balances = {"NGN": Decimal(0), "KES": Decimal(0), "GHS": Decimal(0)}
        self.refuses = ""
        self.fee = Decimal("10.75")

    @property
    def url(self) -> str:
        return self.server.url

    def stop(self) -> None:
        self.server.stop()

    def decides(self, status: str, message: str = "") -> None:
        """Set the outcome of every open transfer."""
        with self.server.lock:
            for told in self.transfers.values():
                if told["status"] in {"NEW", "PENDING"}:
                    told["status"], told["complete_message"] = status, message
                    cost = Decimal(str(told["amount"])) + Decimal(str(told["fee"]))
                    self.balances[told["currency"]] += cost if status == "FAILED" else 0

    def sends_back(self, message: str = "", status: str = "FAILED") -> None:
        """Have the bank return payments: successful ones fail, and the money and fee come back."""
        with self.server.lock:
            for told in self.transfers.values():
                if told["status"] == "SUCCESSFUL":
                    told["status"], told["complete_message"] = status, message
                    self.balances[told["currency"]] += Decimal(str(told["amount"])) + Decimal(str(told["fee"]))

    def webhook(self, *, secret: str = SECRET, event: str = "transfer.completed") -> tuple[dict[str, str], bytes]:
        """The webhook for its newest transfer."""
        newest = self.transfers[max(self.transfers)]
        return {"verif-hash": secret}, json.dumps({"event": event, "event.type": "Transfer", "data": newest}).encode()

    def _handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        if (method, path) == ("POST", "/v3/transfers"):
            return self._transfer(body)
        if (method, path) == ("GET", "/v3/transfers"):
            rows = [told for told in self.transfers.values() if told["reference"] == query["reference"]]
            return 200, {"status": "success", "message": "Transfers fetched", "data": rows}
        if method == "GET" and path.startswith("/v3/transfers/"):
            told = self.transfers.get(int(path.rpartition("/")[2]))
            if told is None:
                return 404, {"status": "error", "message": "Transfer not found", "data": None}
            return 200, {"status": "success", "message": "Transfer fetched", "data": told}
        if method == "GET" and path.startswith("/v3/balances/"):
            currency = path.rpartition("/")[2]
            data = {"currency": currency, "available_balance": float(self.balances[currency]), "ledger_balance": 0}
            return 200, {"status": "success", "message": "Wallet balance fetched", "data": data}
        return 404, {"status": "error", "message": "no such page", "data": None}

    def _transfer(self, body: Any) -> tuple[int, Any]:
        if any(told["reference"] == body["reference"] for told in self.transfers.values()):
            message = "Transfer creation failed: a transfer with this reference already exists"
            return 400, {"status": "error", "message": message, "data": None}
        if self.refuses:
            return 400, {"status": "error", "message": self.refuses, "data": None}
        if body["account_bank"] in PHONES and not body.get("beneficiary_name"):
            return 400, {"status": "error", "message": "beneficiary_name is required", "data": None}
        number = len(self.transfers) + 187_000
        fields = ("account_number", "currency", "amount", "reference", "narration")
        told = {name: body[name] for name in fields} | {
            "id": number,
            "bank_code": body["account_bank"],
            "full_name": body.get("beneficiary_name", "N/A"),
            "meta": body.get("meta"),
            "fee": float(self.fee),
            "status": "NEW",
            "complete_message": "",
        }
        self.transfers[number] = told
        self.balances[body["currency"]] -= Decimal(str(body["amount"])) + self.fee
        return 200, {"status": "success", "message": "Transfer Queued Successfully", "data": told}
