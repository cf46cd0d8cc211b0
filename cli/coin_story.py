"""The demo's first story: a person's coin is deposited and withdrawn, with notifications to everybody involved."""

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import datetime
from typing import Any, Final

from auth import roles
from cli.live import Live
from cli.person import Person, Refused
from cli.progress import say, step, until, wait_for
from cli.shop import Shop
from cli.stack import Stack
from domain.errors import ensure
from domain.networks import NETWORKS
from services import event_log, invariants, outbox, webhooks_out
from services.ledger.verify import verify
from wiring.container import Container
from wiring.embedded.node import MINER, NodeServer

DEPOSIT: Final = "20.00000000"
# Above the default policy's limit for automatic approval, so that an operator must approve.
WITHDRAWAL: Final = "12.50000000"
TOLD_BY: Final = {"feed", webhooks_out.CONSUMER}


class CoinStory:
    """One person with a shop, one operator, one coin."""

    def __init__(self, stack: Stack, node: NodeServer, container: Container) -> None:
        self._url = stack.settings.public_url
        self._sockets = stack.settings.socket_origin
        self._node = node
        self._container = container
        self._asset = NETWORKS[node.chain].asset_id
        # So that a stop need not wait for us.
        self._exit = ExitStack()
        self._exit.callback(container.engine.dispose)
        self._alice = self._exit.enter_context(closing(Person(self._url)))
        self._operator = self._exit.enter_context(closing(Person(self._url)))
        self._shop = self._exit.enter_context(closing(Shop(stack.settings.var_dir / "shop", self._alice)))
        self._withdrawal: dict[str, Any] = {}

    def tell(self) -> None:
        """Play it, with a line for each step. Raises ServerFailed at the first step that fails."""
        with step("Alice signs in with a key of her own; her page listens for events"):
            self._alice.sign_in()
            until(self._is_told)
            live = self._exit.enter_context(closing(Live(self._sockets, self._alice.token)))
        with step("her shop, a separate program with a signing secret, subscribes to credits") as note:
            note(self._shop.open("deposit.credited"))
        with step("she asks for a deposit address") as note:
            address = str(until(self._new_address))
            note(address)
        before = self._available()
        with step(f"somebody sends her {DEPOSIT} {self._asset}; it is seen, and not hers yet") as note:
            txid = self._node.pay(address, DEPOSIT)
            deposit = until(lambda: self._deposit(txid))
            ensure(self._available() == before, "pre-credit was shown as spendable")
            note(f"state {deposit['state']}, available {before}")
        flow = self._flow(deposit)["id"]
        live.tell("deposit", flow, to="seen")
        with step("the deposit is confirmed and credited") as note:
            until(lambda: self._mine_until(lambda: self._deposit(txid, "credited")))
            note(f"available {self._available()}")
        live.tell("deposit", flow, to="credited")
        self._be_told()
        self._send_out(live)
        with step("nothing was missed: every recorded step of both arrived live, in order"):
            until(lambda: all(self._has_all(live, item) for item in (deposit, self._withdrawal)))
        self._close_the_books()
        say(f"where the money is: {self._url}/flows/{self._withdrawal['flow']}")
        say(f"the operator's board: {self._url}/operator")

    def close(self) -> None:
        """Close the connections, and stop the shop."""
        self._exit.close()

    def _be_told(self) -> None:
        """Show that the shop received the webhook for the credit, and that it refuses a forged one."""
        with step("the shop receives a webhook and verifies its signature") as note:
            note(self._shop.verified("deposit.credited"))
        with step("the same message, signed with another secret, is refused by the shop") as note:
            note(self._shop.lie_to())

    def _send_out(self, live: Live) -> None:
        destination = str(self._node.call("getnewaddress", wallet=MINER))
        with step(f"Alice asks to send {WITHDRAWAL} {self._asset} to another address; the funds are held") as note:
            self._withdrawal = self._alice.post(
                "/api/v1/withdrawals",
                {"asset": self._asset, "amount": WITHDRAWAL, "destination": destination},
                idempotency_key=os.urandom(8).hex(),
            )
            ensure(self._withdrawal["state"] == "pending_approval", "the policy let it through without an operator")
            note(self._withdrawal["state"])
        flow = self._flow(self._withdrawal)["id"]
        live.tell("withdrawal", flow, to="pending_approval")
        with step("an operator signs in and approves it"):
            self._operator.sign_in()
            self._make_approver()
            self._operator.post(f"/api/v1/operator/withdrawals/{self._withdrawal['id']}/approve", {})
        with step("it is signed, stored, and then broadcast") as note:
            sent = until(lambda: self._state("broadcast", "confirming", "completed"))
            note(sent["transactions"][-1]["txid"])
        live.tell("withdrawal", flow, to="broadcast")
        with step("it confirms and is final"):
            until(lambda: self._mine_until(lambda: self._state("completed")))
            received = self._node.call("getreceivedbyaddress", destination, 1, wallet=MINER)
            ensure(f"{received:.8f}" == WITHDRAWAL, f"the destination received {received}")
        live.tell("withdrawal", flow, to="completed")

    def _close_the_books(self) -> None:
        with step("the wallet holds what the ledger says"):
            until(self._buffers_agree)
        with step("every invariant holds, and the ledger verifies from its first row") as note:
            with self._container.reading() as session:
                findings = invariants.check(session)
            ensure(not findings, f"broken: {findings}")
            report = verify(self._container.engine)
            ensure(report.finding is None, f"altered: {report.finding}")
            note(f"{report.transfers} transfers read")

    def _is_told(self) -> bool:
        """Whether events are delivered yet: a new installation's consumers begin after a few seconds."""
        with self._container.reading() as session:
            return {consumer.name for consumer in event_log.every(session)} >= TOLD_BY

    def _flow(self, item: dict[str, Any]) -> dict[str, Any]:
        """The flow of a deposit or withdrawal, with its events."""
        return self._alice.get(f"/api/v1/flows/{item['flow']}")

    def _has_all(self, live: Live, item: dict[str, Any]) -> bool:
        flow = self._flow(item)
        return live.has_all(flow["kind"], flow["id"], flow["timeline"])

    def _new_address(self) -> str | None:
        try:
            return str(self._alice.post("/api/v1/deposit-addresses", {"asset": self._asset})["address"])
        except Refused as refusal:
            # The pool of a fresh installation is filled within its first seconds.
            if refusal.code != "address_pool_empty":
                raise
            return None

    def _deposit(self, txid: str, *states: str) -> dict[str, Any] | None:
        for item in self._alice.get("/api/v1/deposits")["items"]:
            if item["txid"] == txid and (not states or item["state"] in states):
                return dict(item)
        return None

    def _state(self, *states: str) -> dict[str, Any] | None:
        found = self._alice.get(f"/api/v1/withdrawals/{self._withdrawal['id']}")
        return found if found["state"] in states else None

    def _available(self) -> str:
        for item in self._alice.get("/api/v1/balances")["items"]:
            if item["asset"] == self._asset:
                return str(item["available"])
        return "0.00000000"

    def _mine_until(self, happened: Callable[[], Any]) -> Any:
        self._node.mine()
        return wait_for(happened, patience_s=1.0)

    def _make_approver(self) -> None:
        now = self._container.now()
        with self._container.transaction() as session:
            roles.grant(session, self._operator.user_id, "approver", by="cli demo", now=now)

    def _buffers_agree(self) -> bool:
        """Compare the wallet now rather than at the next full minute, and read the result as an operator would."""
        asked_at = self._container.now()
        with self._container.transaction() as session:
            outbox.promise(session, "buffers.compare", now=asked_at)
        newest = wait_for(lambda: self._snapshot_since(asked_at), patience_s=5.0)
        return newest is not None and newest["verdict"] == "ok"

    def _snapshot_since(self, moment: datetime) -> dict[str, Any] | None:
        for item in self._operator.get("/api/v1/buffers")["items"]:
            if item["asset"] == self._asset and item["at"] and datetime.fromisoformat(item["at"]) >= moment:
                return dict(item)
        return None
