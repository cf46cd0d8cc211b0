"""What a block costs when a million addresses are watched, next to the same block when a thousand are.

Once with outputs as the Bitcoin family has them, once with the events of a token.
"""

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Final

from sqlalchemy import text

from bench.world import House, World
from domain.actor import Actor
from domain.chain_facts import Block, ChainOutput, ChainTransaction, OutPoint
from domain.evm.networks import EVM_NETWORKS
from domain.rail_rows import RailRow
from domain.rails import RAILS
from services import assets, deposits
from wiring.container import Container

FEW: Final = 1_000
MANY: Final = 1_000_000
OUTPUTS: Final = 5_000
OURS: Final = 48
OUTPUTS_EACH: Final = 2
ROUNDS: Final = 21
_BY: Final = Actor("bench")

_PEOPLE = """
INSERT INTO users (id, public_key, created_at)
SELECT uuidv7(), '02' || md5(n::text) || md5((-n)::text), now() FROM generate_series(1, 1000) AS n
"""
# Scripts are spread as hashes are, so that look-ups meet the index everywhere.
_ADDRESSES = """
WITH people AS (SELECT array_agg(id ORDER BY id) AS ids FROM users)
INSERT INTO deposit_addresses (id, chain, address, script, user_id, created_at, issued_at, xid)
SELECT uuidv7(), '{chain}', 'bench' || n, decode('{prefix}' || substr(md5(n::text) || md5((-n)::text), 1, 40), 'hex'),
       ids[1 + mod(n, 1000)], now(), now(), 0
FROM people, generate_series(1, {count}) AS n
"""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What blocks are made of."""

    rail: RailRow
    prefix: bytes
    """What stands before the twenty bytes that tell whose an output is."""
    contract: str
    has_inputs: bool

    def transaction(self, dice: random.Random, scripts: Sequence[bytes]) -> ChainTransaction:
        """One that pays all of these."""
        return ChainTransaction(
            txid=dice.randbytes(32).hex(),
            outputs=tuple(ChainOutput(place, script, 5_000_000, self.contract) for place, script in enumerate(scripts)),
            spends=(OutPoint(dice.randbytes(32).hex(), 0),) if self.has_inputs else (),
            is_coinbase=False,
        )


def block_match_scale(world: World) -> dict[str, float]:
    """Time to match and record a block against a million addresses ÷ against a thousand, in turns: the median."""
    return _compared(world, "block_match", _Kind(RAILS[world.node.chain], b"\x00\x14", "", has_inputs=True))


def evm_match_scale(world: World) -> dict[str, float]:
    """The same for as many events of a token on an account-based chain."""
    rail = EVM_NETWORKS["ethereum"]
    contract = next(asset.contracts[0] for asset in rail.assets if asset.symbol == "USDT")
    return _compared(world, "evm_match", _Kind(rail, b"", contract, has_inputs=False))


def _compared(world: World, name: str, kind: _Kind) -> dict[str, float]:
    with ExitStack() as stack:
        sides = [_Side(stack, world.house(f"{name}_{count}"), count, kind) for count in (FEW, MANY)]
        for side in sides:  # first use plans statements and reads pages
            side.record()
        pairs = [[side.record() for side in sides] for _ in range(ROUNDS)]
    return {
        f"{name}_scale": median(many / few for few, many in pairs),
        f"{name}_ms": median(many for _, many in pairs) * 1000,
        f"{name}_scale_floor_ms": median(few for few, _ in pairs) * 1000,
    }


class _Side:
    """One database with its addresses, and blocks that pay some of them."""

    def __init__(self, stack: ExitStack, house: House, count: int, kind: _Kind) -> None:
        self._container: Container = stack.enter_context(house.container())
        self._kind = kind
        self._dice = random.Random(count)
        self._height = 1_000
        with self._container.transaction() as session:
            assets.ensure_rail(session, kind.rail)
        _issue(house, kind, count)
        with self._container.reading() as session:
            self._ours: Sequence[bytes] = [
                bytes(script)
                for script in session.scalars(
                    text("SELECT script FROM deposit_addresses ORDER BY md5(address) LIMIT 1000")
                )
            ]

    def record(self) -> float:
        """Match and record one more block, durably; how long that took."""
        self._height += 1
        block = self._block()
        started = time.perf_counter()
        with self._container.transaction() as session:
            found = deposits.sight_blocks(session, self._kind.rail.chain, [block], now=datetime.now(UTC), by=_BY)
        elapsed = time.perf_counter() - started
        if found != OURS:
            raise RuntimeError(f"{found} of {OURS} payments were found")
        return elapsed

    def _block(self) -> Block:
        scripts = [self._kind.prefix + self._dice.randbytes(20) for _ in range(OUTPUTS - OURS)]
        scripts += self._dice.sample(self._ours, OURS)
        self._dice.shuffle(scripts)
        transactions = tuple(
            self._kind.transaction(self._dice, scripts[first : first + OUTPUTS_EACH])
            for first in range(0, OUTPUTS, OUTPUTS_EACH)
        )
        return Block(
            height=self._height,
            hash=self._dice.randbytes(32).hex(),
            previous_hash="",
            time=datetime.now(UTC),
            transactions=transactions,
        )


def _issue(house: House, kind: _Kind, count: int) -> None:
    engine = house.engine(superuser=True)
    with engine.begin() as connection:
        # In sets: that each address has an owner is not looked at row by row.
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(_PEOPLE)
        addresses = _ADDRESSES.format(chain=kind.rail.chain, prefix=kind.prefix.hex(), count=count)
        connection.exec_driver_sql(addresses)
    engine.dispose()
    house.analyse("deposit_addresses", "users")
