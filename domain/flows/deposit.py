"""The life of a deposit."""

from datetime import timedelta

from domain.flows.table import FlowKind, State

DEPOSIT = FlowKind(
    name="deposit",
    direction="in",
    initial=("seen", "confirming", "below_minimum", "quarantined"),
    states={
        "seen": State(
            moves=("confirming", "replaced", "quarantined"),
            time_limit=timedelta(hours=2),
            meaning="seen",
            sentence="Seen on the network. It is not yours yet: it waits for the next block.",
        ),
        "confirming": State(
            moves=("credited", "reorged", "quarantined"),
            time_limit=timedelta(hours=4),
            meaning="seen",
            sentence="In a block. It is yours once enough blocks stand on top of it.",
        ),
        "credited": State(
            moves=("reorged",),
            time_limit=None,
            meaning="yours",
            sentence="Credited. It is part of your available balance.",
        ),
        "below_minimum": State(
            moves=("reorged", "replaced"),
            time_limit=None,
            meaning="wrong",
            sentence="Below the smallest deposit that is credited. It stays on record.",
        ),
        "quarantined": State(
            moves=("seen", "confirming", "returned", "reorged", "replaced"),
            time_limit=timedelta(days=2),
            meaning="waiting",
            sentence="Set aside until an operator has looked at it.",
        ),
        "returned": State(
            moves=("quarantined", "reorged"),
            time_limit=None,
            meaning="wrong",
            sentence="An operator did not accept it: a withdrawal pays it back.",
        ),
        "reorged": State(
            moves=("seen", "confirming", "quarantined", "replaced"),
            time_limit=timedelta(hours=1),
            meaning="wrong",
            sentence="The block that held it left the chain. It counts again as soon as it is in another block.",
        ),
        "replaced": State(
            moves=("seen", "confirming", "quarantined", "below_minimum"),
            time_limit=None,
            meaning="wrong",
            sentence="It left the network without entering a block: as a rule, its sender replaced it.",
        ),
    },
)
