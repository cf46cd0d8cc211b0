"""Money on its way out, up to the decision to send it: requests, policy, approvals."""

from services.withdrawals.deciding import approve, reject
from services.withdrawals.destinations import allow, allowed, forget
from services.withdrawals.policy import pause, resume
from services.withdrawals.reading import (
    WithdrawalNotFound,
    approvals_of,
    approvals_of_many,
    in_states,
    newest,
    of_flow,
    one,
    waiting_counts,
)
from services.withdrawals.requesting import cancel, request

__all__ = [
    "WithdrawalNotFound",
    "allow",
    "allowed",
    "approvals_of",
    "approvals_of_many",
    "approve",
    "cancel",
    "forget",
    "in_states",
    "newest",
    "of_flow",
    "one",
    "pause",
    "reject",
    "request",
    "resume",
    "waiting_counts",
]
