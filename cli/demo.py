"""`python -m cli demo`: one person's coin, in and out again, through the same doors that everybody uses."""

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any, Final

import click

from auth import roles
from cli.claim_story import ClaimStory
from cli.console import Console
from cli.person import Person, Refused
from cli.run import for_terminal, greeting, stop_on_signals
from cli.stack import Stack
from cli.telling import say, step, until, wait_for
from cli.token_story import TokenStory
from domain.errors import ensure
from domain.networks import NETWORKS
from services import invariants, outbox
from services.ledger.verify import verify
from wiring.container import Container, build_container
from wiring.embedded.node import MINER, NodeServer
from wiring.embedded.process import ServerFailed
from wiring.logging import configure_logging
from wiring.settings import read_settings

DEPOSIT: Final = "20.00000000"
# Above what the default policy lets through by itself, so that an operator has to agree.
WITHDRAWAL: Final = "12.50000000"


@click.command()
@click.option("--once", is_flag=True, help="End after the story instead of staying up.")
def demo(once: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Start everything on a private regtest chain, tell one coin's story step by step, then stay up until Ctrl-C."""
    settings = for_terminal(read_settings(os.environ))
    configure_logging(settings)
    # Alice's own requests are told as steps.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    console = Console() if os.environ.get("VERBOSE") else None
    stopped = stop_on_signals()
    started = time.monotonic()
    with Stack(settings, write=console.write if console else _only_system) as stack:
        stack.wait_until_healthy()
        if stack.node is None:
            raise ServerFailed(
                "the demo needs a private chain: install bitcoind or litecoind (apt-get install litecoind)"
            )
        say(f"everything is up after {time.monotonic() - started:.1f} s")
        container = build_container(stack.settings)
        with closing(Story(stack, stack.node, container)) as story:
            story.tell()
        _tell_of_a_token(stack, container)
        say(f"the whole story took {time.monotonic() - started:.1f} s")
        if once:
            return
        for line in greeting(stack.settings):
            say(line)
        stopped.wait()


class Story:
    """One person, one operator, one coin."""

    def __init__(self, stack: Stack, node: NodeServer, container: Container) -> None:
        self._url = stack.settings.public_url
        self._node = node
        self._container = container
        self._asset = NETWORKS[node.chain].asset_id
        self._alice = Person(self._url)
        self._operator = Person(self._url)
        self._withdrawal: dict[str, Any] = {}

    def tell(self) -> None:
        """Tell it, a line for each step. Raises ServerFailed at the first step that does not happen."""
        with step("Alice signs in with a key of her own"):
            self._alice.sign_in()
        with step("she asks for a deposit address") as note:
            address = str(until(self._new_address))
            note(address)
        before = self._available()
        with step(f"somebody sends her {DEPOSIT} {self._asset}; it is seen before it is hers") as note:
            txid = self._node.pay(address, DEPOSIT)
            deposit = until(lambda: self._deposit(txid))
            ensure(self._available() == before, "pre-credit was shown as spendable")
            note(f"state {deposit['state']}, available {before}")
        with step("the deposit gathers confirmations and is credited") as note:
            until(lambda: self._mine_until(lambda: self._deposit(txid, "credited")))
            note(f"available {self._available()}")
        self._send_out()
        self._close_the_books()
        flow = self._withdrawal["flow"]
        say(f"where the money is: {self._url}/flows/{flow}")
        say(f"the operator's board: {self._url}/operator")

    def close(self) -> None:
        """Hang up, so that a stop need not wait for us."""
        self._alice.close()
        self._operator.close()
        self._container.engine.dispose()

    def _send_out(self) -> None:
        destination = str(self._node.call("getnewaddress", wallet=MINER))
        with step(f"Alice asks to send {WITHDRAWAL} {self._asset} away; the funds are held") as note:
            self._withdrawal = self._alice.post(
                "/api/v1/withdrawals",
                {"asset": self._asset, "amount": WITHDRAWAL, "destination": destination},
                idempotency_key=os.urandom(8).hex(),
            )
            ensure(self._withdrawal["state"] == "pending_approval", "the policy let it through without an operator")
            note(self._withdrawal["state"])
        with step("an operator signs in and approves it"):
            self._operator.sign_in()
            self._make_approver()
            self._operator.post(f"/api/v1/operator/withdrawals/{self._withdrawal['id']}/approve", {})
        with step("it is signed, stored, and then broadcast") as note:
            sent = until(lambda: self._state("broadcast", "confirming", "completed"))
            note(sent["transactions"][-1]["txid"])
        with step("it confirms and is final"):
            until(lambda: self._mine_until(lambda: self._state("completed")))
            received = self._node.call("getreceivedbyaddress", destination, 1, wallet=MINER)
            ensure(f"{received:.8f}" == WITHDRAWAL, f"the destination received {received}")

    def _close_the_books(self) -> None:
        with step("the wallet holds what the books say"):
            until(self._buffers_agree)
        with step("every invariant holds, and the ledger verifies from its first row") as note:
            with self._container.reading() as session:
                findings = invariants.check(session)
            ensure(not findings, f"broken: {findings}")
            report = verify(self._container.engine)
            ensure(report.finding is None, f"altered: {report.finding}")
            note(f"{report.transfers} transfers read")

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
        """Have the wallet compared now rather than at the next full minute, and read what an operator would see."""
        asked_at = self._container.now()
        with self._container.transaction() as session:
            outbox.promise(session, "buffers.compare", now=asked_at)
        newest = wait_for(lambda: self._snapshot_since(asked_at), patience_s=5.0)
        return newest is not None and newest["verdict"] == "ok"

    def _snapshot_since(self, moment: datetime) -> dict[str, Any] | None:
        for item in self._operator.get("/api/v1/buffers")["items"]:
            if item["asset"] == self._asset and datetime.fromisoformat(item["at"]) >= moment:
                return dict(item)
        return None


def _tell_of_a_token(stack: Stack, container: Container) -> None:
    if stack.anvil is None:
        say("no token's story: anvil is not here (npm brings it: npm i -g @foundry-rs/anvil)")
        return
    with closing(TokenStory(stack, stack.anvil, container)) as story:
        story.tell()
    with closing(ClaimStory(stack, stack.anvil, container)) as claims:
        claims.tell()


def _only_system(name: str, line: str) -> None:
    """Show what the stack says of itself and the warnings of its processes; the story is the rest."""
    if name == "system" or '"level": "error"' in line or "[error" in line:
        print(f"  {name}: {line}", file=sys.stderr, flush=True)
