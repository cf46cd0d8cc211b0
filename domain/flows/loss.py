"""The life of a loss that suspense carries, from being found to being booked for good."""

from datetime import timedelta

from domain.flows.table import FlowKind, State

LOSS = FlowKind(
    name="loss",
    initial=("carried", "proposed"),
    states={
        "carried": State(
            moves=("proposed", "returned"),
            time_limit=timedelta(days=7),
            meaning="wrong",
            sentence="It left the house and nothing explains it. Suspense carries it until two operators book it.",
        ),
        "proposed": State(
            moves=("booked", "refused", "carried", "returned"),
            time_limit=timedelta(days=1),
            meaning="waiting",
            sentence="Proposed to be booked for good. An operator other than the one who proposed it agrees.",
        ),
        "booked": State(
            moves=(), time_limit=None, meaning="wrong", sentence="Booked for good: suspense no longer carries it."
        ),
        "refused": State(
            moves=(), time_limit=None, meaning="wrong", sentence="An operator refused to book it. Suspense keeps it."
        ),
        "returned": State(
            moves=(),
            time_limit=None,
            meaning="yours",
            sentence="It came back, or its owner made up for it, before it was booked: suspense no longer carries it.",
        ),
    },
)
