"""What people and operators wait for, with every process of Strongroom running: credits, events, alerts."""

import sys
from collections.abc import Sequence
from typing import Final

from bench import latency, sockets
from bench.notices import Faults
from bench.world import World
from cli.person import Person
from cli.stack import Stack

_LOUD: Final = ('"level": "error"', '"level": "critical"', "Traceback")


def live(world: World) -> dict[str, float]:
    """The 95th percentiles of three waits on one stack: for a credit, for a coin on the screen, for an alert.

    Alerts are looked for, and browsers told, all the while, as in an installation.
    """
    house = world.house("live")
    with Stack(house.settings, write=_complain) as stack:
        stack.wait_until_healthy()
        person = Person(house.settings.public_url)
        person.sign_in()
        faults = Faults(house)
        credited = latency.block_to_credit(world, person)
        events = sockets.mempool_to_browser(world, house.settings, person)
        notices = faults.waits()
        person.close()
    return (
        _percentiles("block_to_credit", credited)
        | _percentiles("mempool_to_browser", events)
        | _percentiles("alert_notice", notices)
    )


def _percentiles(name: str, waits: Sequence[float]) -> dict[str, float]:
    ordered = sorted(waits)
    return {f"{name}_p95_s": ordered[int(0.95 * len(ordered))], f"{name}_p50_s": ordered[len(ordered) // 2]}


def _complain(name: str, line: str) -> None:
    if any(word in line for word in _LOUD):
        print(f"    {name}: {line}", file=sys.stderr)
