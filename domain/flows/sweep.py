"""The life of a sweep: money that lies on a deposit address moves to the hot wallet."""

from datetime import timedelta

from domain.flows.table import FlowKind, State

SWEEP = FlowKind(
    name="sweep",
    initial=("proposed",),
    states={
        "proposed": State(
            moves=("topping_up", "signed"),
            time_limit=timedelta(hours=6),
            meaning="waiting",
            sentence="Enough lies on a deposit address to be worth moving to the hot wallet.",
        ),
        "topping_up": State(
            moves=("signed",),
            time_limit=timedelta(hours=6),
            meaning="waiting",
            sentence="The address has no coin to pay for gas: the hot wallet sends it some.",
        ),
        # From here on it stands where its payout stands.
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
            sentence="It may or may not have reached the network. The same bytes are offered again.",
        ),
        "completed": State(moves=(), time_limit=None, meaning="yours", sentence="In the hot wallet, and final."),
        "failed": State(
            moves=(),
            time_limit=None,
            meaning="wrong",
            sentence="It is proved that it can never happen. The money is still on the address, and is swept again.",
        ),
    },
)
