"""One asset of a user's into another: pairs, quotes, and conversions that are carried out or come back."""

from services.conversions.floats import EquityShort, available, draw, fund, owned
from services.conversions.pairs import (
    ConversionPairMissing,
    ConversionPairPaused,
    InvalidConversionPair,
    Terms,
    any_open,
    every,
    set_limits,
    set_open,
    set_terms,
)
from services.conversions.quoting import ConversionOutOfRange, ConversionUnavailable, forget_unused, quote, rate_now
from services.conversions.reading import (
    ConversionNotFound,
    ConversionView,
    QuoteNotFound,
    newest,
    of_quote,
    one,
    quote_of,
)
from services.conversions.requesting import QuoteExpired, QuoteUsed, request
from services.conversions.settling import Order, claim_due, settle

__all__ = [
    "ConversionNotFound",
    "ConversionOutOfRange",
    "ConversionPairMissing",
    "ConversionPairPaused",
    "ConversionUnavailable",
    "ConversionView",
    "EquityShort",
    "InvalidConversionPair",
    "Order",
    "QuoteExpired",
    "QuoteNotFound",
    "QuoteUsed",
    "Terms",
    "any_open",
    "available",
    "claim_due",
    "draw",
    "every",
    "forget_unused",
    "fund",
    "newest",
    "of_quote",
    "one",
    "owned",
    "quote",
    "quote_of",
    "rate_now",
    "request",
    "set_limits",
    "set_open",
    "set_terms",
    "settle",
]
