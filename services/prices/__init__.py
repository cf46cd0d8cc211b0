"""Reference prices: their sources, what these said, and the price that follows."""

from domain.prices import Price
from services.prices.reading import (
    FIAT,
    History,
    current,
    every,
    history,
    newest,
    of_assets,
    pair_of,
    price_as,
    read_many,
)
from services.prices.recording import claim_due, note_failure, record, set_manually, watch
from services.prices.sources import (
    MANUAL,
    PairMissing,
    SourceMissing,
    add_source,
    of_pair,
    remove_source,
    set_rule,
    unfollow,
)
from services.prices.thinning import BATCH, thin

__all__ = [
    "BATCH",
    "FIAT",
    "MANUAL",
    "History",
    "PairMissing",
    "Price",
    "SourceMissing",
    "add_source",
    "claim_due",
    "current",
    "every",
    "history",
    "newest",
    "note_failure",
    "of_assets",
    "of_pair",
    "pair_of",
    "price_as",
    "read_many",
    "record",
    "remove_source",
    "set_manually",
    "set_rule",
    "thin",
    "unfollow",
    "watch",
]
