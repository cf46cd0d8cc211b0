"""Watch-only wallets: descriptors that somebody imports, the addresses behind them, and what lies there."""

from services.watch_wallets.child_keys import derived_keys
from services.watch_wallets.deriving import claim_pending, record_addresses, record_refusal, record_waiting
from services.watch_wallets.importing import TooManyWatchWallets, forget, import_descriptor
from services.watch_wallets.reading import (
    ScanView,
    WalletView,
    WatchWalletNotFound,
    belonging_to,
    of_user,
    one,
)
from services.watch_wallets.scanning import (
    FRESH_FOR,
    ScanOrder,
    claim_scan,
    fail_scan,
    finish_scan,
    is_fresh,
    refresh,
    report_scan,
    request_scan,
)

__all__ = [
    "FRESH_FOR",
    "ScanOrder",
    "ScanView",
    "TooManyWatchWallets",
    "WalletView",
    "WatchWalletNotFound",
    "belonging_to",
    "claim_pending",
    "claim_scan",
    "derived_keys",
    "fail_scan",
    "finish_scan",
    "forget",
    "import_descriptor",
    "is_fresh",
    "of_user",
    "one",
    "record_addresses",
    "record_refusal",
    "record_waiting",
    "refresh",
    "report_scan",
    "request_scan",
]
