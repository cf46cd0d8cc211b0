"""Measure everything, side by side with its floor, and write bench/results: `python -m bench [measurement …]`."""

import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Final

from bench import (
    catching_up,
    claims,
    dashboard,
    evm,
    ledger,
    live,
    logins,
    matching,
    overwatch,
    report,
    requests,
    sockets,
    tokens,
    webhooks,
)
from bench.world import World

Measurement = Callable[[World], dict[str, float]]


def _ledger(world: World) -> dict[str, float]:
    house = world.house("ledger")
    return ledger.measure(house.app_url, house.owner_url, world.pgbench, house.asset_id)


def _requests(world: World) -> dict[str, float]:
    with requests.serving(world) as site:
        return requests.balance_read(site) | requests.withdrawal_vs_read(site)


MEASUREMENTS: Final[Mapping[str, Measurement]] = {
    "ledger": _ledger,
    "requests": _requests,
    "logins": logins.login,
    "tokens": tokens.token_issue,
    "matching": matching.block_match_scale,
    "overwatch": overwatch.overwatch_overhead,
    "catching_up": catching_up.catch_up,
    "evm_matching": matching.evm_match_scale,
    "evm_catching_up": evm.evm_catch_up,
    "claims": claims.verify_rate,
    "webhooks": webhooks.webhook_acceptance,
    "sockets": sockets.idle_and_fanout,
    "dashboard": dashboard.dashboard,
    "live": live.live,
}
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "rails": ("evm_matching", "evm_catching_up", "claims", "webhooks"),
}


def main(wanted: list[str]) -> int:
    """Run the measurements and groups that are named, or all. Only a run of all is kept, also if one of them fails."""
    wanted = [name for one in wanted for name in GROUPS.get(one, (one,))]
    unknown = set(wanted) - set(MEASUREMENTS)
    if unknown:
        print(
            f"not a measurement: {', '.join(sorted(unknown))}; there are {', '.join((*MEASUREMENTS, *GROUPS))}",
            file=sys.stderr,
        )
        return 2
    facts = report.machine()
    with World() as world:
        figures, failed = _measure(world, [name for name in MEASUREMENTS if not wanted or name in wanted])
    facts["machine_load_at_end"] = round(os.getloadavg()[0], 2)
    print()
    if wanted:
        print(report.table(figures, facts))
        print("Part of the measurements: bench/results is as it was.")
        return bool(failed)
    print(report.write(figures, facts))
    missing = report.missing(figures)
    if missing:
        print(f"not measured: {', '.join(missing)}", file=sys.stderr)
    return bool(failed or missing)


def _measure(world: World, names: list[str]) -> tuple[dict[str, float], list[str]]:
    """The figures of these measurements, with the seconds that each took, and which of them failed."""
    figures: dict[str, float] = {}
    failed = []
    started = time.monotonic()
    for name in names:
        began = time.monotonic()
        print(f"{began - started:5.0f} s  {name} …", flush=True)
        try:
            found = MEASUREMENTS[name](world)
        except Exception:  # noqa: BLE001 - whatever it is, it is shown, and the run has failed
            # What the others found in minutes is not thrown away with it.
            traceback.print_exc()
            failed.append(name)
            continue
        took = time.monotonic() - began
        figures |= found | {f"{report.SECONDS}{name}": took}
        for figure, value in found.items():
            print(f"           {figure} = {value:.4g}", flush=True)
        print(f"           took {took:.0f} s", flush=True)
    return figures | {"bench_s": time.monotonic() - started}, failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
