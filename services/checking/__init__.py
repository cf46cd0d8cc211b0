"""Check the ledger's invariants: each minute on what moved, and once a day on everything, a slice at a time."""

from services.checking.recent import CONSUMER, READER, check_newest, check_posted, check_steps
from services.checking.reporting import BROKEN, SCOPE, clear_alert, report
from services.checking.rounds import Turn, begin, check_next_slice, last_ended

__all__ = [
    "BROKEN",
    "CONSUMER",
    "READER",
    "SCOPE",
    "Turn",
    "begin",
    "check_newest",
    "check_next_slice",
    "check_posted",
    "check_steps",
    "clear_alert",
    "last_ended",
    "report",
]
