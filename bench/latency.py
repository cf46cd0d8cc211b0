"""How long after a block appears its deposit is spendable, with every process of Strongroom running."""

import time
from typing import Final

from bench.world import World
from cli.person import Person, Refused

BLOCKS: Final = 30
SETTLE_S: Final = 0.35
"""Between two blocks; no multiple of any interval, so that every phase of the polling is met."""
LOOK_AGAIN_S: Final = 0.01
PATIENCE_S: Final = 30.0
AMOUNT: Final = "0.5"


def block_to_credit(world: World, person: Person) -> list[float]:
    """Seconds from each mined block to the credit as the API shows it."""
    asset = coin_of(person)
    address = address_of(person, asset)
    return [_one(world, person, asset, address) for _ in range(BLOCKS)]


def coin_of(person: Person) -> str:
    """The asset of the regtest node's chain."""
    return str(next(item for item in person.get("/api/v1/balances")["items"] if item["asset"].startswith("r"))["asset"])


def address_of(person: Person, asset: str) -> str:
    """A deposit address, as soon as the workers have filled the pool."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return str(person.post("/api/v1/deposit-addresses", {"asset": asset})["address"])
        except Refused as refusal:
            if refusal.code != "address_pool_empty" or time.monotonic() > deadline:
                raise
            time.sleep(LOOK_AGAIN_S)


def _one(world: World, person: Person, asset: str, address: str) -> float:
    """One payment, seen in the mempool, then mined; seconds from the mined block to the credit."""
    before = _available(person, asset)
    world.node.pay(address, AMOUNT)
    time.sleep(SETTLE_S)
    world.node.mine()
    mined = time.perf_counter()
    while _available(person, asset) == before:
        if time.perf_counter() - mined > PATIENCE_S:
            raise TimeoutError("a deposit was not credited")
        time.sleep(LOOK_AGAIN_S)
    return time.perf_counter() - mined


def _available(person: Person, asset: str) -> str:
    [item] = [item for item in person.get("/api/v1/balances")["items"] if item["asset"] == asset]
    return str(item["available"])
