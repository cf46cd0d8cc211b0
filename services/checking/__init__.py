"""Check the ledger's invariants: each minute on what moved, and once a day on everything, a slice at a time."""

from services.checking.recent import CONSUMER, READER, look_at_newest, look_at_posted, look_at_steps
from services.checking.rounds import Turn, begin, last_ended, look_on
from services.checking.telling import BROKEN, SCOPE, all_is_well, tell

__all__ = [
    "BROKEN",
    "CONSUMER",
    "READER",
    "SCOPE",
    "Turn",
    "all_is_well",
    "begin",
    "last_ended",
    "look_at_newest",
    "look_at_posted",
    "look_at_steps",
    "look_on",
    "tell",
]
