"""Tables, one module per aggregate. Importing this package registers them all."""

from models import (
    alert,
    asset,
    audit,
    buffer,
    chain,
    deposit,
    flow,
    idempotency,
    ledger,
    lnurl,
    oauth,
    payout,
    session,
    user,
    watch_wallet,
    withdrawal,
    work,
)
from models.base import Base

__all__ = [
    "Base",
    "alert",
    "asset",
    "audit",
    "buffer",
    "chain",
    "deposit",
    "flow",
    "idempotency",
    "ledger",
    "lnurl",
    "oauth",
    "payout",
    "session",
    "user",
    "watch_wallet",
    "withdrawal",
    "work",
]
