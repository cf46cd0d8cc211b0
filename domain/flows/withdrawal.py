"""The life of a withdrawal, and of the payout that carries it."""

from datetime import timedelta

from domain.flows.table import FlowKind, State

WITHDRAWAL = FlowKind(
    name="withdrawal",
    direction="out",
    initial=("requested",),
    states={
        "requested": State(
            moves=("pending_approval", "approved"),
            time_limit=timedelta(minutes=1),
            meaning="waiting",
            sentence="Requested. The funds are held.",
        ),
        "pending_approval": State(
            moves=("approved", "rejected", "cancelled"),
            time_limit=timedelta(hours=12),
            meaning="waiting",
            sentence="Waiting for an operator to approve it. The funds are held.",
        ),
        "approved": State(
            moves=("signed", "rejected", "cancelled"),
            time_limit=timedelta(minutes=30),
            meaning="waiting",
            sentence="Approved. It is sent as soon as the wallet can pay it.",
        ),
        "signed": State(
            moves=("broadcast", "confirming", "uncertain", "failed"),
            time_limit=timedelta(minutes=5),
            meaning="waiting",
            sentence="Signed and stored. It is about to be offered to the network.",
        ),
        "broadcast": State(
            moves=("confirming", "uncertain", "failed"),
            time_limit=timedelta(hours=3),
            meaning="waiting",
            sentence="On the network. It waits for the next block.",
        ),
        "confirming": State(
            moves=("completed", "broadcast", "uncertain", "failed"),
            time_limit=timedelta(hours=4),
            meaning="waiting",
            sentence="In a block. It is final once enough blocks stand on top of it.",
        ),
        "uncertain": State(
            moves=("broadcast", "confirming", "failed"),
            time_limit=timedelta(minutes=15),
            meaning="wrong",
            sentence="It may or may not have reached the network. The funds stay held until that is proved.",
        ),
        "completed": State(moves=(), time_limit=None, meaning="yours", sentence="Sent and final."),
        "rejected": State(
            moves=(), time_limit=None, meaning="wrong", sentence="An operator refused it. The funds are yours again."
        ),
        "cancelled": State(
            moves=(),
            time_limit=None,
            meaning="wrong",
            sentence="Cancelled before it was sent. The funds are yours again.",
        ),
        "failed": State(
            moves=(),
            time_limit=None,
            meaning="wrong",
            sentence="It is proved that it can never be paid. The funds are yours again.",
        ),
    },
)
