"""How fast claimed payments are verified, next to how fast the provider that is asked can answer at all."""

import json
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

from bench import load, people
from bench.people import Person
from bench.world import World
from domain.actor import Actor
from domain.claim_rails import CLAIM_RAILS
from services import assets, verifications
from tasks.verifications import AT_ONCE, check_batch
from tests.fakes.chains import Solana, solana_key, solana_signature
from wiring.container import Container
from wiring.secret import Secret
from wiring.verify_settings import VerifySettings

CLAIMS: Final = 200
"""In each round."""
ROUNDS: Final = 4
"""The first warms up."""
PEOPLE: Final = 100
FLOOR_S: Final = 2.0
START_PATIENCE_S: Final = 60.0
PAID_MINOR: Final = 10_000_000
HOUSE: Final = solana_key(7)
_RAIL: Final = CLAIM_RAILS["solana"]
_USDC: Final = _RAIL.assets[1]
_BY: Final = Actor("bench")


def verify_rate(world: World) -> dict[str, float]:
    """Claims that one worker verifies and credits per second ÷ answers per second of the provider, in turns."""
    house = world.house("claims")
    with _provider() as url:
        asked = VerifySettings(_RAIL.chain, (Secret(url),))
        house = replace(house, settings=replace(house.settings, verify_chains=(asked,)))
        with house.container() as container:
            with container.transaction() as session:
                verifications.add_address(session, _RAIL.chain, HOUSE, client_id=None, now=container.now(), by=_BY)
            crowd = people.settle(container, PEOPLE, asset_id=_USDC.asset_id, amount_minor=1)
            pairs = [
                (_answers_per_s(url, _seeds(round_)), _verified_per_s(container, crowd, _seeds(round_)))
                for round_ in range(ROUNDS)
            ][1:]
    return {
        "verify_rate": median(verified / answers for answers, verified in pairs),
        "verify_per_s": median(verified for _, verified in pairs),
        "verify_rate_floor_per_s": median(answers for answers, _ in pairs),
    }


def _seeds(round_: int) -> range:
    return range(1 + round_ * CLAIMS, 1 + (round_ + 1) * CLAIMS)


def _answers_per_s(url: str, seeds: range) -> float:
    """What the provider alone does with the questions that verifying asks, from as many clients."""
    requests = [_question(solana_signature(seed)) for seed in seeds]
    port = urlsplit(url).port
    if port is None:
        raise RuntimeError("the provider has no port")
    outcome = load.run(port, lambda number: requests[number % CLAIMS], concurrent=AT_ONCE, seconds=FLOOR_S)
    if outcome.failures:
        raise RuntimeError(f"the provider failed: {outcome.failures[0]!r}")
    return outcome.per_s


def _question(signature: str) -> bytes:
    options = {"encoding": "jsonParsed", "maxSupportedTransactionVersion": 0, "commitment": "confirmed"}
    calls: list[tuple[str, list[Any]]] = [
        ("getGenesisHash", []),
        ("getSignatureStatuses", [[signature], {"searchTransactionHistory": True}]),
        ("getTransaction", [signature, options]),
    ]
    asked = [
        {"jsonrpc": "2.0", "id": place, "method": method, "params": params}
        for place, (method, params) in enumerate(calls)
    ]
    return load.post("/", None, json.dumps(asked).encode())


def _verified_per_s(container: Container, crowd: list[Person], seeds: range) -> float:
    """Claims from being due to being credited."""
    now = container.now()
    with container.transaction() as session:
        asset = assets.get(session, _USDC.asset_id)
        rows = [
            verifications.request(
                session,
                user_id=crowd[seed % len(crowd)].user_id,
                client_id=None,
                asset=asset,
                chain=_RAIL.chain,
                tx_hash=solana_signature(seed),
                to=None,
                amount_minor=PAID_MINOR,
                reference="bench",
                now=now,
                by=_BY,
            )
            for seed in seeds
        ]
    began = time.perf_counter()
    while check_batch(container, _BY):
        pass
    elapsed = time.perf_counter() - began
    with container.reading() as session:
        states = {verifications.one(session, row.id).state for row in rows}
    if states != {"verified"}:
        raise RuntimeError(f"claims ended as {states}")
    return len(rows) / elapsed


@contextmanager
def _provider() -> Iterator[str]:
    """A provider in a process of its own, which shares no interpreter with whoever asks it; its address."""
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=_serve, args=(theirs,))
    process.start()
    try:
        if not ours.poll(START_PATIENCE_S):
            raise RuntimeError("the provider did not start")
        yield str(ours.recv())
    finally:
        ours.send("stop")
        process.join()


def _serve(told: "Connection[str, str]") -> None:
    chain = Solana()
    for seed in range(1, ROUNDS * CLAIMS + 1):
        chain.pay(seed, owner=HOUSE, mint=_USDC.contracts[0], amount=PAID_MINOR, at=datetime.now(UTC))
    provider = chain.serve()
    told.send(provider.url)
    told.recv()
    provider.close()
