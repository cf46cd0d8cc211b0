"""The life of a replenishment: an order to fund a buffer that ran low."""

from datetime import timedelta

from domain.flows.table import FlowKind, State

REPLENISHMENT = FlowKind(
    name="replenishment",
    direction="in",
    initial=("proposed",),
    states={
        "proposed": State(
            moves=("approved", "cancelled", "expired"),
            time_limit=timedelta(hours=12),
            meaning="waiting",
            sentence="Proposed, because the buffer is below its low mark. An operator approves it.",
        ),
        "approved": State(
            moves=("completed", "cancelled", "expired"),
            time_limit=timedelta(days=2),
            meaning="waiting",
            sentence="Approved. The house waits for the funds at the address of this order.",
        ),
        "completed": State(
            moves=("undone",),
            time_limit=None,
            meaning="yours",
            sentence="Funded. It is the owner's money in the house.",
        ),
        "undone": State(
            moves=("completed", "cancelled"),
            time_limit=timedelta(hours=4),
            meaning="wrong",
            sentence="The block that held the funds left the chain. It counts again once they are in another.",
        ),
        "cancelled": State(moves=(), time_limit=None, meaning="wrong", sentence="Cancelled by an operator."),
        "expired": State(moves=(), time_limit=None, meaning="wrong", sentence="Nobody funded it in time."),
    },
)
