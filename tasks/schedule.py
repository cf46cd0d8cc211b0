"""Which queues there are, which task goes where, and how often the sweepers run."""

from fnmatch import fnmatch
from typing import Any, Final

from domain.queues import QUEUES

# Moving money, reading chains and housekeeping never wait for one another.
ROUTES: Final = {
    "chains.*": {"queue": "watch"},
    "deposits.*": {"queue": "money"},
    "withdrawals.*": {"queue": "money"},
    "payouts.*": {"queue": "money"},
    "sweeps.*": {"queue": "money"},
    "conversions.*": {"queue": "money"},
    "providers.*": {"queue": "watch"},
    "notifications_in.*": {"queue": "watch"},
    "prices.*": {"queue": "notify"},
    "screening.*": {"queue": "verify"},
    "replenishments.*": {"queue": "upkeep"},
    "verifications.*": {"queue": "verify"},
    "addresses.*": {"queue": "upkeep"},
    "alerts.*": {"queue": "upkeep"},
    "buffers.*": {"queue": "upkeep"},
    "feed.*": {"queue": "notify"},
    "flows.*": {"queue": "upkeep"},
    "ledger.*": {"queue": "upkeep"},
    "mail.*": {"queue": "notify"},
    "outbox.*": {"queue": "upkeep"},
    "rollups.*": {"queue": "upkeep"},
    "streams.*": {"queue": "notify"},
    "upkeep.*": {"queue": "upkeep"},
    "watch_wallets.derive": {"queue": "upkeep"},
    # A scan may take many minutes: nobody else may have to wait behind it.
    "watch_wallets.scan": {"queue": "scan"},
    "webhooks.*": {"queue": "notify"},
}

# Every task finds its own work, so a sweep is nothing but a task's name. Seconds between two sweeps:
SWEEPS: Final = {
    "chains.watch": 0.5,
    "feed.push": 0.25,
    "outbox.relay": 1.0,
    "deposits.credit": 5.0,
    "withdrawals.pay": 5.0,
    "payouts.send": 5.0,
    "payouts.settle": 5.0,
    "payouts.bump": 10.0,
    "sweeps.run": 30.0,
    "conversions.settle": 5.0,
    "chains.reread": 15.0,
    "chains.backfill": 24 * 3600.0,
    "payouts.follow_reports": 5.0,
    "providers.collect": 15.0,
    "notifications_in.process": 10.0,
    "prices.collect": 10.0,
    # More often than daily, for a stack that is started anew every day.
    "prices.thin": 6 * 3600.0,
    "screening.screen": 5.0,
    "replenishments.expire": 60.0,
    "verifications.check": 2.0,
    "addresses.refill": 10.0,
    # Most rules are due every 15 s, which the task itself checks; a late wake-up then costs only a third of that.
    "alerts.evaluate": 5.0,
    "ledger.expire_holds": 10.0,
    "ledger.seal": 30.0,
    "ledger.check": 60.0,
    # The next slices of the day's check of everything, if there are any.
    "ledger.check_all": 60.0,
    "buffers.compare": 60.0,
    "buffers.report": 900.0,
    "buffers.thin": 6 * 3600.0,
    "watch_wallets.derive": 5.0,
    "watch_wallets.scan": 5.0,
    "flows.archive": 900.0,
    "flows.measure": 300.0,
    "flows.forget_lines": 900.0,
    "flows.list_received": 60.0,
    "rollups.fold": 2.0,
    "streams.mirror": 1.0,
    "webhooks.deliver": 0.5,
    "mail.send": 2.0,
    "upkeep.purge": 3600.0,
}
HEARTBEAT_S: Final = 10.0


def queue_of(task: str) -> str:
    """The queue that a task waits in."""
    return next(route["queue"] for pattern, route in ROUTES.items() if fnmatch(task, pattern))


def beat_schedule() -> dict[str, dict[str, Any]]:
    """What beat sends. A tick that nobody took within two turns is dropped: the next one does the same work."""
    sweeps = {
        task: {"task": task, "schedule": seconds, "options": {"expires": max(2 * seconds, 2.0)}}
        for task, seconds in SWEEPS.items()
    }
    heartbeats = {
        f"heartbeat:{queue}": {
            "task": "upkeep.heartbeat",
            "schedule": HEARTBEAT_S,
            "args": (queue,),
            "options": {"queue": queue, "expires": 2 * HEARTBEAT_S},
        }
        for queue in QUEUES
    }
    return sweeps | heartbeats
