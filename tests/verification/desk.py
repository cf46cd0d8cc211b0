"""Claims on a fake chain, made and decided as the application does."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from adapters.verification.provider import Provider
from adapters.verification.reader import FailOverReader
from adapters.verification.solana import read_solana
from auth import users
from domain.actor import Actor
from domain.claim_rails import CLAIM_RAILS
from domain.ids import new_id
from models.verification import PaymentVerification
from services import assets, ledger, verifications
from tasks.verifications import check
from tests.fakes.chains import Solana, solana_key
from tests.fakes.provider import FakeProvider
from wiring.container import Container

BY = Actor("test", correlation_id="correlation-of-a-test")
RAIL = CLAIM_RAILS["solana"]
USDC = RAIL.assets[1]
MINT = USDC.contracts[0]
HOUSE = solana_key(7)
DOLLAR = 1_000_000


@dataclass
class Desk:
    """One house, one person who claims, and the chain that they paid on."""

    container: Container
    chain: Solana
    provider: FakeProvider
    user_id: UUID
    readers: list[FailOverReader] = field(default_factory=list)

    @classmethod
    def open(cls, container: Container) -> "Desk":
        chain = Solana()
        provider = chain.serve()
        with container.transaction() as session:
            user = users.of_subject(session, "02" + "ab" * 32, now=container.now())
            verifications.add_address(session, "solana", HOUSE, client_id=None, now=container.now(), by=BY)
        desk = cls(container, chain, provider, user.user_id)
        desk.ask([provider])
        return desk

    def ask(self, providers: Sequence[FakeProvider], *, quorum: int = 1, timeout_s: float = 5) -> None:
        """Have these be the providers from now on."""
        named = [Provider(one.url, timeout_s=timeout_s) for one in providers]
        reader = FailOverReader(RAIL, read_solana, named, quorum=quorum)
        self.readers.append(reader)
        self.container = replace(self.container, verifiers=MappingProxyType({"solana": reader}))

    def pay(self, seed: int, amount_minor: int = 10 * DOLLAR, **facts: Any) -> str:
        """A payment to the house, just now unless it says otherwise."""
        told = {"owner": HOUSE, "mint": MINT, "amount": amount_minor, "at": self.container.now(), **facts}
        return self.chain.pay(seed, **told)

    def claim(self, tx_hash: str, amount_minor: int | None = 10 * DOLLAR, *, by_user: UUID | None = None) -> UUID:
        """Somebody says that they paid."""
        with self.container.transaction() as session:
            row = verifications.request(
                session,
                user_id=by_user or self.user_id,
                client_id=None,
                asset=assets.get(session, USDC.asset_id),
                chain="solana",
                tx_hash=tx_hash,
                to=None,
                amount_minor=amount_minor,
                reference="order 1",
                now=self.container.now(),
                by=BY,
            )
            return row.id

    def check(self) -> None:
        """Look into what is due, as the task does."""
        check.run.__wrapped__(self.container, BY)

    def row(self, verification_id: UUID) -> PaymentVerification:
        with self.container.reading() as session:
            return verifications.one(session, verification_id)

    def told(self, verification_id: UUID) -> tuple[str, str | None]:
        """State and reason."""
        row = self.row(verification_id)
        return row.state, row.reason

    def decided(self, tx_hash: str, amount_minor: int | None = 10 * DOLLAR) -> tuple[str, str | None]:
        """Claim, look, and tell."""
        claimed = self.claim(tx_hash, amount_minor)
        self.check()
        return self.told(claimed)

    def later(self, by: timedelta) -> None:
        """Let time pass."""
        clock = self.container.clock
        self.container = replace(self.container, clock=lambda: clock() + by)

    def balance(self, user_id: UUID | None = None) -> int:
        with self.container.reading() as session:
            found = {one.asset_id: one.posted_minor for one in ledger.balances(session, user_id or self.user_id)}
        return found.get(USDC.asset_id, 0)

    def somebody(self) -> UUID:
        with self.container.transaction() as session:
            key = "02" + new_id().hex + new_id().hex
            return users.of_subject(session, key, now=self.container.now()).user_id

    def close(self) -> None:
        for reader in self.readers:
            reader.close()
        self.provider.close()
