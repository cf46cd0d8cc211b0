"""Requests next to a bare view: two gunicorns with the same settings, in turns, so that a slow minute falls on both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import median

from bench import load
from bench.load import Outcome
from bench.world import World, gunicorn
from wiring.embedded.redis import free_port
from wiring.settings import Settings

CONCURRENT = 50
WARM_UP_S = 1.0

Requests = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Rates:
    """Answers per second of each way, and of the bare view in the same rounds."""

    of: Mapping[str, list[float]]
    bare: list[float]

    def ratio(self, way: str) -> float:
        """The median of the rounds' ratios."""
        return median(rate / floor for rate, floor in zip(self.of[way], self.bare, strict=True))

    def per_s(self, way: str) -> float:
        """The median of the rounds' rates."""
        return median(self.of[way])

    @property
    def bare_per_s(self) -> float:
        """The same of the bare view."""
        return median(self.bare)


def against_bare(
    world: World, settings: Settings, ways: Mapping[str, Requests], *, name: str, rounds: int, seconds: float
) -> Rates:
    """Take turns: the bare view, then each way, so many rounds of so many seconds each."""
    bare = replace(settings, web_port=free_port())
    with (
        gunicorn(settings, "wsgi:app", world.directory / f"{name}.log") as port,
        gunicorn(bare, "bench.bare:app", world.directory / f"{name}-bare.log") as bare_port,
    ):
        floor = constant(load.get("/"))
        burst(bare_port, floor, WARM_UP_S)
        for requests in ways.values():
            burst(port, requests, WARM_UP_S)
        floors: list[float] = []
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            floors.append(burst(bare_port, floor, seconds).per_s)
            for way, requests in ways.items():
                rates[way].append(burst(port, requests, seconds).per_s)
    return Rates(rates, floors)


def burst(port: int, requests: Requests, seconds: float) -> Outcome:
    """Keep this port busy for so long. Raises RuntimeError when a request fails."""
    outcome = load.run(port, requests, concurrent=CONCURRENT, seconds=seconds)
    if outcome.failures:
        raise RuntimeError(f"{len(outcome.failures)} requests failed, the first with {outcome.failures[0]!r}")
    return outcome


def constant(request: bytes) -> Requests:
    """The same request each time."""
    return lambda _: request


def once_each(requests: list[bytes]) -> Requests:
    """Each request once, in whatever bursts; more than were prepared is a fault of the measurement."""
    remaining = iter(requests)
    return lambda _: next(remaining)
