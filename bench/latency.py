"""How long after a block appears its deposit is spendable, with every process of Strongroom running."""

import sys
import time
from typing import Final

from bench.world import World
from cli.person import Person, Refused
from cli.stack import Stack

BLOCKS: Final = 40
SETTLE_S: Final = 0.35
"""Between two blocks; no multiple of any interval, so that every phase of the polling is met."""
LOOK_AGAIN_S: Final = 0.01
PATIENCE_S: Final = 30.0
AMOUNT: Final = "0.5"
_LOUD: Final = ('"level": "error"', '"level": "critical"', "Traceback")


def block_to_credit(world: World) -> dict[str, float]:
    """The 95th percentile of the time from a mined block to the credit as the API shows it."""
    house = world.house("latency")
    with Stack(house.settings, write=_complain) as stack:
        stack.wait_until_healthy()
        person = Person(house.settings.public_url)
        person.sign_in()
        asset = next(item for item in person.get("/api/v1/balances")["items"] if item["asset"].startswith("r"))["asset"]
        address = _address(person, asset)
        waits = sorted(_one(world, person, asset, address) for _ in range(BLOCKS))
        person.close()
    return {
        "block_to_credit_p95_s": waits[int(0.95 * len(waits))],
        "block_to_credit_p50_s": waits[len(waits) // 2],
    }


def _address(person: Person, asset: str) -> str:
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


def _complain(name: str, line: str) -> None:
    if any(word in line for word in _LOUD):
        print(f"    {name}: {line}", file=sys.stderr)
