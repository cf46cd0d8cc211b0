"""Measure everything, side by side with its floor, and write bench/results: `python -m bench [measurement …]`."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from bench import (
    catching_up,
    claims,
    evm,
    latency,
    ledger,
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
    "latency": latency.block_to_credit,
    "evm_matching": matching.evm_match_scale,
    "evm_catching_up": evm.evm_catch_up,
    "claims": claims.verify_rate,
    "webhooks": webhooks.webhook_acceptance,
    "sockets": sockets.idle_and_fanout,
    "browser": sockets.mempool_to_browser,
}
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "rails": ("evm_matching", "evm_catching_up", "claims", "webhooks"),
}


def main(wanted: list[str]) -> int:
    """Run the measurements and groups that are named, or all; only a whole run is kept."""
    wanted = [name for one in wanted for name in GROUPS.get(one, (one,))]
    unknown = set(wanted) - set(MEASUREMENTS)
    if unknown:
        print(
            f"not a measurement: {', '.join(sorted(unknown))}; there are {', '.join((*MEASUREMENTS, *GROUPS))}",
            file=sys.stderr,
        )
        return 2
    facts = report.machine()
    figures: dict[str, float] = {}
    started = time.monotonic()
    with World() as world:
        for name, measure in MEASUREMENTS.items():
            if wanted and name not in wanted:
                continue
            began = time.monotonic()
            print(f"{began - started:5.0f} s  {name} …", flush=True)
            found = measure(world)
            figures |= found
            for figure, value in found.items():
                print(f"           {figure} = {value:.4g}", flush=True)
    facts["machine_load_at_end"] = round(os.getloadavg()[0], 2)
    figures["bench_s"] = time.monotonic() - started
    print()
    print(report.table(figures, facts) if wanted else report.write(figures, facts))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
