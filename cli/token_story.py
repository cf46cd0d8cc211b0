"""The demo's second story: a token is deposited, swept to the hot wallet and withdrawn, on an account-based chain."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from adapters.evm.coding import WORD, transfer_data
from auth import roles
from cli.person import Person, Refused
from cli.progress import say, step, until, wait_for
from cli.stack import Stack
from domain.actor import Actor
from domain.errors import ensure
from domain.evm.addresses import ADDRESS_SIZE
from domain.rails import RAILS
from models.sweep import Sweep
from services import assets, outbox
from wiring.container import Container
from wiring.embedded.anvil import CHAIN, AnvilServer

CODE: Final = Path(__file__).resolve().parent.parent / "deploy" / "test_token" / "TestDollar.hex"
SYMBOL: Final = "tUSD"
TOKEN: Final = f"{SYMBOL}.{CHAIN}"
COIN: Final = RAILS[CHAIN].coin.asset_id
UNIT: Final = 10**6
SUPPLY: Final = 10**9 * UNIT
PAID_IN: Final = 250
SENT_OUT: Final = "100.000000"
GAS_MONEY_MINOR: Final = 10**18
BY: Final = Actor("cli demo")


class TokenStory:
    """One person, one operator, one token."""

    def __init__(self, stack: Stack, anvil: AnvilServer, container: Container) -> None:
        self._url = stack.settings.public_url
        self._anvil = anvil
        self._container = container
        self._bob = Person(self._url)
        self._operator = Person(self._url)
        self._contract = ""
        self._began = container.now()

    def tell(self) -> None:
        """Play it, with a line for each step. Raises ServerFailed at the first step that fails."""
        with step("somebody deploys a test dollar; an operator adds it as an asset") as note:
            self._contract = self._introduce()
            note(self._contract)
        with step("Bob signs in and asks for an address, which accepts the coin and every token") as note:
            self._bob.sign_in()
            address = str(until(self._new_address))
            note(address)
        with step(f"he is paid 1 {COIN}; it is credited, then swept: the hot wallet has money for gas") as note:
            self._anvil.pay(address, GAS_MONEY_MINOR)
            until(lambda: self._mine_until(lambda: self._swept(COIN)))
            note(f"available {self._available(COIN)}")
        with step(f"he is paid {PAID_IN} {SYMBOL}; the address receives gas, and it is swept") as note:
            self._anvil.send(self._contract, data="0x" + transfer_data(payload(address), PAID_IN * UNIT).hex())
            until(lambda: self._mine_until(lambda: self._swept(TOKEN)))
            note(f"available {self._available(TOKEN)}")
        self._send_out()
        with step("hot wallet and deposit addresses hold what the ledger says"):
            until(self._books_agree)

    def close(self) -> None:
        """Close the connections."""
        self._bob.close()
        self._operator.close()
        self._container.engine.dispose()

    def _send_out(self) -> None:
        destination = self._anvil.outsider()
        with step(f"Bob sends {SENT_OUT} {SYMBOL} out, an operator approves, and it is final") as note:
            asked = self._bob.post(
                "/api/v1/withdrawals",
                {"asset": TOKEN, "amount": SENT_OUT, "destination": destination},
                idempotency_key=os.urandom(8).hex(),
            )
            self._operator.sign_in()
            with self._container.transaction() as session:
                now = self._container.now()
                roles.grant(session, self._operator.user_id, "approver", by="cli demo", now=now)
            self._operator.post(f"/api/v1/operator/withdrawals/{asked['id']}/approve", {})
            sent = until(lambda: self._mine_until(lambda: self._completed(str(asked["id"]))))
            note(sent["transactions"][-1]["txid"])
        say(f"where the token is: {self._url}/flows/{asked['flow']}")

    def _introduce(self) -> str:
        """The token's contract: a new one, unless the story was played here before."""
        if kept := known_contract(self._container):
            return kept
        contract = deploy(self._anvil)
        with self._container.transaction() as session:
            now, rail = self._container.now(), RAILS[CHAIN]
            assets.add_token(session, rail, contract, symbol=SYMBOL, decimals=6, name="Test dollar", now=now, by=BY)
        return contract

    def _new_address(self) -> str | None:
        try:
            return str(self._bob.post("/api/v1/deposit-addresses", {"asset": COIN})["address"])
        except Refused as refusal:
            # The pool of a fresh installation is filled within its first seconds.
            if refusal.code not in {"address_pool_empty", "unknown_asset"}:
                raise
            return None

    def _swept(self, asset_id: str) -> bool:
        """Whether no sweep of an asset is open; wakes the sweeper, whose rounds are far apart."""
        with self._container.transaction() as session:
            outbox.promise(session, "sweeps.run", now=self._container.now())
            states = session.scalars(
                select(Sweep.state).where(Sweep.asset_id == asset_id, Sweep.created_at >= self._began)
            ).all()
        return bool(states) and set(states) == {"completed"}

    def _completed(self, withdrawal_id: str) -> dict[str, Any] | None:
        found = self._bob.get(f"/api/v1/withdrawals/{withdrawal_id}")
        return found if found["state"] == "completed" else None

    def _available(self, asset_id: str) -> str:
        for item in self._bob.get("/api/v1/balances")["items"]:
            if item["asset"] == asset_id:
                return str(item["available"])
        return "0"

    def _mine_until(self, happened: Callable[[], Any]) -> Any:
        self._anvil.mine()
        return wait_for(happened, patience_s=1.0)

    def _books_agree(self) -> bool:
        asked_at = self._container.now()
        with self._container.transaction() as session:
            outbox.promise(session, "buffers.compare", now=asked_at)
        return bool(wait_for(lambda: self._agree_since(asked_at.isoformat()), patience_s=5.0))

    def _agree_since(self, moment: str) -> bool:
        newest = {
            item["asset"]: item["verdict"]
            for item in self._operator.get("/api/v1/buffers")["items"]
            if item["asset"] in {COIN, TOKEN} and (item["at"] or "") >= moment[:19]
        }
        return newest == {COIN: "ok", TOKEN: "ok"}


def deploy(anvil: AnvilServer) -> str:
    """Deploy a test dollar, whose supply goes to the outside account; returns the contract's address."""
    txid = anvil.send(None, data=CODE.read_text().strip() + SUPPLY.to_bytes(WORD).hex())
    anvil.mine()
    return str(anvil.call("eth_getTransactionReceipt", txid)["contractAddress"])


def known_contract(container: Container) -> str:
    """The contract of the test dollar that is registered as an asset; "" if there is none."""
    with container.reading() as session:
        return next((row.contract or "" for row in assets.of_chain(session, CHAIN) if row.asset_id == TOKEN), "")


def payload(address: str) -> bytes:
    """The twenty bytes of an address."""
    found = bytes.fromhex(address.removeprefix("0x"))
    ensure(len(found) == ADDRESS_SIZE, "an address has twenty bytes")
    return found
