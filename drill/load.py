"""What people do meanwhile: they are paid, pay each other, withdraw and claim, all at once."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID, uuid4

from domain.money import format_amount
from drill.journal import Asked, AskedKind, Journal, PaidIn
from drill.outside import AccountRail, IncomingRail, Rail
from drill.people import Somebody
from wiring.embedded.anvil import CHAIN

THREADS: Final = 6
PAUSE_S: Final = (0.2, 0.9)
DEEP: Final = 1
"""So many blocks are put on a payment before somebody claims it; more come by themselves."""


class Load:
    """Threads that act for people until told to stop. Whatever they do is in the journal before it is done."""

    def __init__(
        self, people: Sequence[Somebody], rails: Sequence[Rail], journal: Journal, *, amounts: "Amounts", seed: int
    ) -> None:
        self._people = people
        self._rails = rails
        self._journal = journal
        self._amounts = amounts
        self._stop = threading.Event()
        self.faults: list[str] = []
        """What went wrong with the drill itself."""
        self._threads = [
            threading.Thread(target=self._act, args=(random.Random(seed * 1000 + place),), name=f"load-{place}")
            for place in range(THREADS)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin nothing new, and wait until everything begun has its answer."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _act(self, chance: random.Random) -> None:
        actions: list[tuple[int, Callable[[random.Random, Somebody], None]]] = [
            (5, self._be_paid), (5, self._pay_somebody), (5, self._withdraw), (1, self._claim),
        ]  # fmt: skip
        weights, kinds = zip(*actions, strict=True)
        while not self._stop.wait(chance.uniform(*PAUSE_S)):
            who = chance.choice(self._people)
            if not who.turn.acquire(blocking=False):
                continue
            try:
                chance.choices(kinds, weights)[0](chance, who)
            except Exception as fault:  # noqa: BLE001 - whatever it is, the drill has failed, and says so at the end
                self.faults.append(f"{type(fault).__name__}: {fault}")
            finally:
                who.turn.release()

    def _be_paid(self, chance: random.Random, who: Somebody) -> None:
        rail = chance.choice([rail for rail in self._rails if isinstance(rail, IncomingRail)])
        asset_id = chance.choice(rail.asset_ids)
        amount = self._amounts.of(asset_id, chance)
        reference = rail.pay_in(who.addresses[asset_id], asset_id, amount)
        self._journal.pays_in(PaidIn(reference, who.user_id, asset_id, amount))

    def _pay_somebody(self, chance: random.Random, who: Somebody) -> None:
        other = chance.choice([one for one in self._people if one is not who])
        asset_id = chance.choice(self._all_assets())
        self._ask(chance, who, "transfer", str(other.user_id), {"asset": asset_id, "to": str(other.user_id)})

    def _withdraw(self, chance: random.Random, who: Somebody) -> None:
        rail = chance.choice(self._rails)
        destination = rail.destination()
        body = {"asset": chance.choice(rail.asset_ids), "destination": destination}
        self._ask(chance, who, "withdrawal", destination, body)

    def _claim(self, chance: random.Random, who: Somebody) -> None:
        """Pay the house itself, and have two people say that it was them.

        In the coin: a token that nobody examined is only believed in a block in which the hot wallet pays nobody.
        """
        accounts = [rail for rail in self._rails if isinstance(rail, AccountRail)]
        if not accounts:
            return
        rail, asset_id = accounts[0], accounts[0].asset_ids[0]
        amount = self._amounts.of(asset_id, chance)
        reference = rail.pay_in(self._amounts.house, asset_id, amount)
        body = {"asset": asset_id, "chain": CHAIN, "tx_hash": reference, "reference": f"order {reference[:10]}"}
        time.sleep(chance.uniform(0.0, 2.0))
        self._ask(chance, who, "claim", reference, body, amount_minor=amount)
        other = chance.choice([one for one in self._people if one is not who])
        if other.turn.acquire(blocking=False):
            try:
                self._ask(chance, other, "claim", reference, body, amount_minor=amount)
            finally:
                other.turn.release()

    def _ask(
        self, chance: random.Random, who: Somebody, kind: AskedKind, to: str, body: dict[str, str], **fixed: int
    ) -> None:
        """Have somebody ask for some of `body["asset"]`: as much as chance has it, unless `amount_minor` says."""
        amount = fixed.get("amount_minor") or self._amounts.of(body["asset"], chance)
        spelled = format_amount(amount, self._amounts.decimals[body["asset"]])
        key = UUID(int=chance.getrandbits(128), version=4).hex + uuid4().hex[:8]
        whole = {"amount": spelled, **body}
        who.ask(self._journal, Asked(kind, key, who.user_id, body["asset"], amount, to, whole))

    def _all_assets(self) -> list[str]:
        return [asset_id for rail in self._rails for asset_id in rail.asset_ids]


class Amounts:
    """How much moves at a time, and where the house itself is paid."""

    def __init__(self, usual: dict[str, int], decimals: dict[str, int], house: str) -> None:
        self._usual = usual
        self.decimals = decimals
        self.house = house

    def of(self, asset_id: str, chance: random.Random) -> int:
        """Something between a half and one and a half of what is usual, in whole thousandths of it."""
        usual = self._usual[asset_id]
        return usual // 1000 * chance.randint(500, 1500)
