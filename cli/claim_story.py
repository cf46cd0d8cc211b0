"""The demo's third story: a claimed payment is looked up on the chain and credited, and a forged one is refused."""

import os
from collections.abc import Callable
from typing import Any, Final

from adapters.evm.chain import EvmChain
from adapters.evm.coding import transfer_data
from cli.person import Person
from cli.progress import say, step, until, wait_for
from cli.stack import Stack
from cli.token_story import BY, SYMBOL, TOKEN, UNIT, deploy, known_contract, payload
from domain.errors import ensure
from services import verifications
from wiring.container import Container
from wiring.embedded.anvil import CHAIN, AnvilServer

PAID: Final = 40
CLAIMED: Final = "40.000000"
DEEP: Final = 20
"""How many blocks make any payment final there: it is claimed only then, and decided at once."""


class ClaimStory:
    """One person who claims to have paid the house, once truly and once falsely."""

    def __init__(self, stack: Stack, anvil: AnvilServer, container: Container) -> None:
        self._url = stack.settings.public_url
        self._anvil = anvil
        self._container = container
        self._carol = Person(self._url)
        self._contract = known_contract(container)

    def tell(self) -> None:
        """Play it after the token's story, with a line for each step. Raises ServerFailed at the first that fails."""
        with step("an operator registers the house's own address for claims; Carol signs in") as note:
            house = self._receive()
            self._carol.sign_in()
            note(house)
        with step(f"she pays {PAID} {SYMBOL} there and claims it: it is verified on the chain and credited") as note:
            claim = self._settled(self._pay(self._contract, house))
            ensure(claim["state"] == "verified", f"a true claim is {claim['state']}: {claim.get('reason')}")
            note(f"available {self._available()}")
        with step(f"she claims {PAID} of a token that she made with the same name: rejected") as note:
            forged = self._settled(self._pay(deploy(self._anvil), house))
            ensure(forged["state"] == "rejected", f"a forged claim is {forged['state']}")
            ensure(self._available() == CLAIMED, "a forged payment was credited")
            note(str(forged["reason"]))
        say(f"where the claim is: {self._url}/flows/{claim['flow']}")

    def close(self) -> None:
        """Close the connections."""
        self._carol.close()
        self._container.engine.dispose()

    def _receive(self) -> str:
        """Register the hot wallet's address for claims; returns it."""
        chain = self._container.chains[CHAIN]
        ensure(isinstance(chain, EvmChain), "the private chain is one of accounts")
        assert isinstance(chain, EvmChain)  # for the type checker; ensure() has made sure
        now = self._container.now()
        with self._container.transaction() as session:
            return verifications.add_address(session, CHAIN, chain.account, client_id=None, now=now, by=BY).address

    def _pay(self, contract: str, house: str) -> str:
        """Send these tokens to the house, and mine until they are final; returns the transaction's id."""
        txid = self._anvil.send(contract, data="0x" + transfer_data(payload(house), PAID * UNIT).hex())
        self._anvil.mine(DEEP)
        return txid

    def _settled(self, tx_hash: str) -> dict[str, Any]:
        """Claim this transaction and wait for the decision."""
        asked = self._carol.post(
            "/api/v1/payment-verifications",
            {"chain": CHAIN, "tx_hash": tx_hash, "asset": TOKEN, "amount": CLAIMED, "reference": "an order"},
            idempotency_key=os.urandom(8).hex(),
        )
        return dict(until(lambda: self._mine_until(lambda: self._decided(str(asked["id"])))))

    def _decided(self, claim_id: str) -> dict[str, Any] | None:
        found = self._carol.get(f"/api/v1/payment-verifications/{claim_id}")
        return found if found["state"] in {"verified", "rejected"} else None

    def _mine_until(self, happened: Callable[[], Any]) -> Any:
        self._anvil.mine()
        return wait_for(happened, patience_s=1.0)

    def _available(self) -> str:
        items = self._carol.get("/api/v1/balances")["items"]
        return next((str(item["available"]) for item in items if item["asset"] == TOKEN), "0")
