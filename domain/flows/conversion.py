"""The life of a conversion: one asset of a user's becomes another, or comes back to them."""

from datetime import timedelta

from domain.flows.table import FlowKind, State

CONVERSION = FlowKind(
    name="conversion",
    initial=("requested",),
    states={
        "requested": State(
            moves=("completed", "failed"),
            time_limit=timedelta(minutes=5),
            meaning="waiting",
            sentence="Requested. The amount to be sold is held until it is carried out.",
        ),
        "completed": State(moves=(), time_limit=None, meaning="yours", sentence="Converted. What was bought is yours."),
        "failed": State(
            moves=(),
            time_limit=None,
            meaning="wrong",
            sentence="It was not carried out. What was held is yours again, in full.",
        ),
    },
)
