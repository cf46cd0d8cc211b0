"""The life of a claim that a payment was made."""

from datetime import timedelta

from domain.flows.table import FlowKind, State

VERIFICATION = FlowKind(
    name="verification",
    direction="in",
    initial=("requested",),
    states={
        "requested": State(
            moves=("verified", "rejected", "uncertain"),
            time_limit=timedelta(minutes=5),
            meaning="waiting",
            sentence="Claimed. The chain is being asked.",
        ),
        "uncertain": State(
            moves=("verified", "rejected", "requested"),
            time_limit=timedelta(minutes=30),
            meaning="waiting",
            sentence="It is not certain yet whether it was paid. The chain is asked again.",
        ),
        "verified": State(moves=(), time_limit=None, meaning="yours", sentence="The payment was found and is final."),
        "rejected": State(
            moves=("verified", "uncertain", "requested"),
            time_limit=None,
            meaning="wrong",
            sentence="The chain does not show the payment that was claimed.",
        ),
    },
)
