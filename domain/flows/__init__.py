"""State tables: one per kind of movement of money."""

from domain.flows.conversion import CONVERSION
from domain.flows.deposit import DEPOSIT
from domain.flows.internal_transfer import INTERNAL_TRANSFER
from domain.flows.loss import LOSS
from domain.flows.replenishment import REPLENISHMENT
from domain.flows.sweep import SWEEP
from domain.flows.table import FlowKind, State, WrongState, move
from domain.flows.verification import VERIFICATION
from domain.flows.withdrawal import WITHDRAWAL

FLOW_KINDS = {
    kind.name: kind
    for kind in (DEPOSIT, WITHDRAWAL, INTERNAL_TRANSFER, CONVERSION, REPLENISHMENT, VERIFICATION, SWEEP, LOSS)
}

__all__ = [
    "CONVERSION",
    "DEPOSIT",
    "FLOW_KINDS",
    "INTERNAL_TRANSFER",
    "LOSS",
    "REPLENISHMENT",
    "SWEEP",
    "VERIFICATION",
    "WITHDRAWAL",
    "FlowKind",
    "State",
    "WrongState",
    "move",
]
