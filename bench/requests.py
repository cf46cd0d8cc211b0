"""What requests cost: balance reads next to a bare view, and withdrawals next to balance reads."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from uuid import uuid4

from bench import load, people
from bench.people import Person
from bench.versus import Requests, burst, constant
from bench.world import World, gunicorn
from wiring.embedded.node import MINER
from wiring.embedded.redis import free_port

PEOPLE = 2_000
OWNED_MINOR = 100 * 100_000_000
ASKED = "0.05000000"
WARM_UP_S = 2.0


@dataclass(frozen=True, slots=True)
class Site:
    """Two gunicorns with the same settings: one serves Strongroom, the other a bare view."""

    port: int
    bare_port: int
    people: list[Person]
    asset_id: str
    destination: str

    def person(self, number: int) -> Person:
        """Everybody in turn."""
        return self.people[number % len(self.people)]


@contextmanager
def serving(world: World) -> Iterator[Site]:
    """Both servers, and signed-in people with money."""
    house = world.house("requests")
    with house.container() as container:
        crowd = people.settle(container, PEOPLE, asset_id=house.asset_id, amount_minor=OWNED_MINOR)
    house.analyse("users", "user_keys", "sessions", "assets", "ledger_accounts", "ledger_transactions")
    destination = str(world.node.call("getnewaddress", wallet=MINER))
    bare = replace(house.settings, web_port=free_port())
    with (
        gunicorn(house.settings, "wsgi:app", world.directory / "web.log") as port,
        gunicorn(bare, "bench.bare:app", world.directory / "bare.log") as bare_port,
    ):
        yield Site(port, bare_port, crowd, house.asset_id, destination)


def balance_read(site: Site, *, rounds: int = 5, seconds: float = 3) -> dict[str, float]:
    """Authenticated balance reads per second ÷ answers of the bare view, in turns: the median of the ratios."""
    bare_requests, balance_requests = constant(load.get("/")), _balances(site)
    for port, requests in ((site.bare_port, bare_requests), (site.port, balance_requests)):
        burst(port, requests, WARM_UP_S)
    pairs = [
        (burst(site.bare_port, bare_requests, seconds), burst(site.port, balance_requests, seconds))
        for _ in range(rounds)
    ]
    return {
        "balance_read": median(read.per_s / bare.per_s for bare, read in pairs),
        "balance_read_per_s": median(read.per_s for _, read in pairs),
        "balance_read_floor_per_s": median(bare.per_s for bare, _ in pairs),
        "balance_read_generator_cpu_share": max(bare.cpu_s / bare.seconds for bare, _ in pairs),
    }


def withdrawal_vs_read(site: Site, *, rounds: int = 4, seconds: float = 3) -> dict[str, float]:
    """The 95th percentile of a withdrawal request ÷ that of a balance read, both at 50 concurrent, in turns."""
    reads, asks = _balances(site), _withdrawals(site)
    burst(site.port, asks, WARM_UP_S)
    pairs = [(burst(site.port, reads, seconds), burst(site.port, asks, seconds)) for _ in range(rounds)]
    return {
        "withdrawal_vs_read": median(asked.percentile_s(0.95) / read.percentile_s(0.95) for read, asked in pairs),
        "withdrawal_p95_ms": median(asked.percentile_s(0.95) for _, asked in pairs) * 1000,
        "withdrawal_per_s": median(asked.per_s for _, asked in pairs),
        "withdrawal_vs_read_floor_p95_ms": median(read.percentile_s(0.95) for read, _ in pairs) * 1000,
    }


def _balances(site: Site) -> Requests:
    prepared = [load.get("/api/v1/balances", person.token) for person in site.people]
    return lambda number: prepared[number % len(prepared)]


def _withdrawals(site: Site) -> Requests:
    body = json.dumps({"asset": site.asset_id, "amount": ASKED, "destination": site.destination}).encode()
    return lambda number: load.post("/api/v1/withdrawals", site.person(number).token, body, str(uuid4()))
