"""Move what lies on deposit addresses to the hot wallet: proposed, supplied with gas, signed, followed as a payout."""

from services.sweeps.holdings import left_behind, unswept, unswept_addresses, unswept_minor
from services.sweeps.proposing import propose, set_threshold, threshold_minor
from services.sweeps.reading import SweepNotFound, SweepView, newest, one, payment_of
from services.sweeps.signing import Order, claim_due, record_signed, record_topped_up, record_waiting

__all__ = [
    "Order",
    "SweepNotFound",
    "SweepView",
    "claim_due",
    "left_behind",
    "newest",
    "one",
    "payment_of",
    "propose",
    "record_signed",
    "record_topped_up",
    "record_waiting",
    "set_threshold",
    "threshold_minor",
    "unswept",
    "unswept_addresses",
    "unswept_minor",
]
