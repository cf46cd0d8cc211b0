"""The life of a transfer between two users of this house: one step."""

from domain.flows.table import FlowKind, State

INTERNAL_TRANSFER = FlowKind(
    name="internal_transfer",
    initial=("completed",),
    states={
        "completed": State(moves=(), time_limit=None, meaning="yours", sentence="Moved from one balance to the other."),
    },
)
